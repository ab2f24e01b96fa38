// The regions of a soak: one in which nothing ever happens, one whose cloud is always well, and some that suffer.

import { readFileSync } from 'node:fs';
import type { SandboxCloudOptions } from '../src/sandbox/openstack/cloud.ts';
import type { SandboxProject, SandboxRegion } from '../src/sandbox/sandbox-region.ts';
import { type Clock, systemClock } from '../src/shared/clock.ts';
import type { Sandbox } from '../test/fixtures/clouds/sandbox.ts';
import type { Truth } from './truth.ts';

/** Nothing ever happens in it. */
export const steady = 'steady';
/** Its servers change; its cloud is always well. */
export const lively = 'lively';

/** A cloud's clock, which may be wrong. */
class SkewedClock implements Clock {
  skewMs = 0;

  now(): number {
    return systemClock.now() + this.skewMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await systemClock.sleep(ms, signal);
  }
}

export interface SoakRegion {
  readonly id: string;
  readonly region: SandboxRegion;
  readonly projects: readonly SandboxProject[];
  readonly clock: SkewedClock;
  /** Its lists come on several pages. */
  readonly paged: boolean;
  /** What its Secret holds beside, or in place of, what it began with. */
  readonly secret: Record<string, string>;
}

interface RegionPlan {
  readonly id: string;
  readonly projects: number;
  /** Of each project. */
  readonly servers: number;
  readonly cloud?: SandboxCloudOptions;
  readonly secret?: Readonly<Record<string, string>>;
}

const key = certificate('loopback-key');
const trusted = `${certificate('ca')}${certificate('other-ca')}`;

/** They differ in what real clouds differ in. */
const plans: readonly RegionPlan[] = [
  { id: steady, projects: 1, servers: 4 },
  { id: lively, projects: 2, servers: 6 },
  { id: 'north', projects: 2, servers: 7, cloud: { maxLimit: 3, projectInComputeUrl: true } },
  { id: 'south', projects: 3, servers: 4, cloud: { faultsInLists: true, microversionMax: '2.79' } },
  {
    id: 'west',
    projects: 2,
    servers: 6,
    cloud: { tls: { key, cert: certificate('loopback') } },
    secret: { 'ca.crt': trusted },
  },
];

/** How long a cloud's task (building, powering off) takes. */
export const taskMs = 1_500;

export async function startRegions(sandbox: Sandbox, truth: Truth): Promise<readonly SoakRegion[]> {
  const regions: SoakRegion[] = [];
  for (const { id, projects: count, servers, cloud = {}, secret = {} } of plans) {
    const clock = new SkewedClock();
    const region = await sandbox.addRegion(id, {
      ...cloud,
      clock,
      taskMs,
      onChange: (server) => truth.take(server),
    });
    if (Object.keys(secret).length > 0) region.putSecret(secret);
    const projects = Array.from({ length: count }, () => region.addProject());
    for (const [index, project] of projects.entries())
      for (let number = 0; number < servers; number++)
        // Some servers are known by their names only.
        sandbox.addServer(project, { id: `${id}-${index}-${number}`, owned: number % 3 !== 2 });
    const paged = cloud.maxLimit !== undefined;
    regions.push({ id, region, projects, clock, paged, secret: { ...secret } });
  }
  return regions;
}

/** Shows another certificate from now on; connections that there are would not see it. */
export async function presentCertificate({ region }: SoakRegion, name: string): Promise<void> {
  await region.cloud.pause();
  region.cloud.setCertificate({ key, cert: certificate(name) });
  await region.cloud.resume();
}

function certificate(name: string): string {
  return readFileSync(new URL(`../test/fixtures/tls/${name}.pem`, import.meta.url), 'utf8');
}
