// Where the services of a region are: what a login keeps of the catalog that came with its token.

import { CheckFailure } from '../../shared/errors.ts';
import { type CatalogService, catalogServices, type Endpoint, type Endpoints } from '../../shared/session.ts';
import { type CatalogEndpoint, readEndpoints } from './schema.ts';

/** Types under which catalogs list a service, the one to prefer first. */
const types: Readonly<Record<CatalogService, readonly string[]>> = {
  compute: ['compute'],
  network: ['network'],
  image: ['image'],
  'block-storage': ['block-storage', 'volumev3', 'block-store', 'volumev2', 'volume'],
  'load-balancer': ['load-balancer'],
  baremetal: ['baremetal'],
};

/** The public endpoints of a region; null as region takes the first of each. */
export function endpointsOf(catalog: readonly unknown[], region: string | null): Endpoints {
  const found = catalogServices.flatMap((service) => {
    const endpoint = endpointOf(catalog, types[service], region);
    return endpoint === null ? [] : [[service, endpoint] as const];
  });
  return Object.fromEntries(found);
}

function endpointOf(
  catalog: readonly unknown[],
  aliases: readonly string[],
  region: string | null,
): Endpoint | null {
  const all = aliases.flatMap((type) =>
    readEndpoints(catalog, type).filter((entry) => entry.interface === 'public'),
  );
  const found = all.find((entry) => region === null || regionOf(entry) === region);
  if (found !== undefined) return { url: found.url };
  return all.length === 0 ? null : { otherRegions: [...new Set(all.map(regionOf))] };
}

function regionOf(endpoint: CatalogEndpoint): string {
  return endpoint.region_id ?? endpoint.region ?? 'an unnamed region';
}

/** As the catalog has it. Throws a CheckFailure when there is none. */
export function endpointUrl(endpoints: Endpoints, service: CatalogService, region: string | null): string {
  const endpoint = endpoints[service];
  if (endpoint !== undefined && 'url' in endpoint) return endpoint.url;
  throw new CheckFailure({
    code: 'no-endpoint',
    message:
      endpoint === undefined
        ? `the token's catalog has no public endpoint of type ${service}`
        : `the token's catalog has no public ${service} endpoint in region ${region}, only in ${endpoint.otherRegions.join(', ')}`,
  });
}

/** An endpoint as a URL. Throws a CheckFailure for what is none to ask. */
export function serviceUrl(text: string, service: CatalogService): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new CheckFailure({
    code: 'no-endpoint',
    message: `the catalog's public ${service} endpoint is not an http(s) URL: correct it with the identity service`,
  });
}
