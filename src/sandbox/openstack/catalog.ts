// The service catalogue that comes with a token, right and wrong.

import { createHash } from 'node:crypto';
import type { Json } from './json.ts';
import { baremetalPath, computePath, loadBalancerPath, versionPaths } from './routes.ts';

export interface Catalog {
  readonly region: string;
  /** Service type to URL; `{project}` stands for the token's project. */
  readonly urls: Readonly<Record<string, string>>;
}

/** As a token of a real cloud names its services; everything is below one endpoint here. */
export function catalogUrls(
  endpoint: string,
  { projectInComputeUrl, loadBalancers }: { projectInComputeUrl: boolean; loadBalancers: boolean },
): Catalog['urls'] {
  return {
    placement: `${endpoint}/placement`,
    identity: `${endpoint}/v3`,
    compute: `${endpoint}${computePath}/v2.1${projectInComputeUrl ? '/{project}' : ''}`,
    network: `${endpoint}${versionPaths.network}`,
    image: `${endpoint}${versionPaths.image}`,
    'block-storage': `${endpoint}${versionPaths.volume}/v3/{project}`,
    baremetal: `${endpoint}${baremetalPath}`,
    ...(loadBalancers ? { 'load-balancer': `${endpoint}${loadBalancerPath}` } : {}),
  };
}

export type CatalogFlaw = 'absent' | 'empty' | 'no-compute' | 'other-region' | 'no-public' | 'bad-url';

const names: Readonly<Record<string, string>> = {
  placement: 'placement',
  identity: 'keystone',
  compute: 'nova',
  network: 'neutron',
  image: 'glance',
  'block-storage': 'cinder',
  baremetal: 'ironic',
  'load-balancer': 'octavia',
};

export function catalogOf(catalog: Catalog, projectId: string | null, flaw: CatalogFlaw | null): Json | null {
  if (flaw === 'absent') return null;
  if (flaw === 'empty') return [];
  const services: Json[] = [];
  for (const [type, url] of Object.entries(catalog.urls)) {
    if (type === 'compute' && flaw === 'no-compute') continue;
    const compute = type === 'compute' ? flaw : null;
    const region = compute === 'other-region' ? `${catalog.region}-elsewhere` : catalog.region;
    const address = compute === 'bad-url' ? 'not a url' : url.replace('{project}', projectId ?? '');
    const interfaces = compute === 'no-public' ? ['internal', 'admin'] : ['internal', 'admin', 'public'];
    services.push({
      endpoints: interfaces.map((each) => ({
        id: idOf(`${type} ${each}`),
        interface: each,
        region_id: region,
        url: address,
        region,
      })),
      id: idOf(type),
      type,
      name: names[type] ?? type,
    });
  }
  return services;
}

function idOf(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
