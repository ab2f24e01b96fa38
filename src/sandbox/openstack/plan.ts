// What main.ts reads: the plan of its clouds, then one command a line.

import * as v from 'valibot';
import { type CloudIdentity, SandboxCloud } from './cloud.ts';
import type { Fault, FaultTarget } from './faults.ts';
import { routes } from './routes.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const duration = v.pipe(v.number(), v.minValue(0));

const cloudPlanSchema = v.strictObject({
  /** Begins the names of its servers: cloud-0 and so on unless given. */
  name: v.exactOptional(v.string()),
  projects: count,
  serversPerProject: count,
  /** Names of the networks that its servers are in. */
  networks: v.exactOptional(v.array(v.string())),
  /** Share of servers by status, the rest is ACTIVE. */
  statuses: v.exactOptional(v.record(v.string(), v.pipe(v.number(), v.minValue(0), v.maxValue(1)))),
  port: v.exactOptional(count),
  latencyMs: v.exactOptional(duration),
  tokenLifetimeMs: v.exactOptional(duration),
  maxLimit: v.exactOptional(count),
  microversionMax: v.exactOptional(v.string()),
  catalogRegion: v.exactOptional(v.string()),
  faultsInLists: v.exactOptional(v.boolean()),
  taskMs: v.exactOptional(duration),
});
export const planSchema = v.strictObject({ clouds: v.pipe(v.array(cloudPlanSchema), v.minLength(1)) });

const faultSchema: v.GenericSchema<unknown, Fault> = v.variant('kind', [
  v.strictObject({ kind: v.literal('latency'), ms: duration }),
  v.strictObject({
    kind: v.literal('status'),
    status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
    retryAfter: v.exactOptional(v.string()),
  }),
  v.strictObject({
    kind: v.picklist(['hang', 'reset', 'truncated', 'cut', 'not-json', 'html', 'empty-list']),
  }),
  v.strictObject({
    kind: v.literal('endless-next'),
    to: v.exactOptional(v.picklist(['another', 'itself'])),
  }),
  v.strictObject({ kind: v.literal('huge'), bytes: count }),
  v.strictObject({ kind: v.literal('drip'), everyMs: v.exactOptional(duration) }),
  v.strictObject({
    kind: v.literal('malformed-record'),
    defect: v.picklist(['missing-id', 'null-status', 'wrong-types', 'odd-dates', 'not-an-object']),
    serverId: v.exactOptional(v.string()),
  }),
  v.strictObject({
    kind: v.literal('catalog'),
    catalog: v.picklist(['absent', 'empty', 'no-compute', 'other-region', 'no-public', 'bad-url']),
  }),
  v.strictObject({ kind: v.literal('scope'), scope: v.picklist(['unscoped', 'domain']) }),
]);
const targetSchema: v.GenericSchema<unknown, FaultTarget> = v.strictObject({
  route: v.exactOptional(v.picklist(routes)),
  projectId: v.exactOptional(v.string()),
  times: v.exactOptional(count),
  after: v.exactOptional(count),
  every: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

/** `cloud` is its place in the plan; all clouds unless given. */
const cloud = v.exactOptional(count);
export const commandSchema = v.variant('command', [
  /** Stops servers that run and starts those that do not, or gives them other names: others at each call. */
  v.strictObject({
    command: v.picklist(['change', 'rename']),
    cloud,
    percent: v.pipe(v.number(), v.minValue(0), v.maxValue(100)),
  }),
  v.strictObject({
    command: v.literal('fault'),
    cloud,
    fault: faultSchema,
    target: v.exactOptional(targetSchema),
  }),
  v.strictObject({ command: v.literal('clear-faults'), cloud }),
  v.strictObject({ command: v.literal('cell'), cloud, projectId: v.string(), down: v.boolean() }),
  v.strictObject({ command: v.literal('revoke-tokens'), cloud, projectId: v.exactOptional(v.string()) }),
  v.strictObject({ command: v.literal('requests'), cloud, clear: v.exactOptional(v.boolean()) }),
  v.strictObject({ command: v.picklist(['pause', 'resume', 'memory']), cloud }),
]);

export type CloudPlan = v.InferOutput<typeof cloudPlanSchema>;
export type Command = v.InferOutput<typeof commandSchema>;

/** What is said of a cloud when it is ready. */
export interface CloudReport {
  readonly name: string;
  readonly endpoint: string;
  readonly serviceAccount: CloudIdentity;
  readonly flavors: readonly { readonly id: string; readonly name: string }[];
  readonly projects: readonly ProjectReport[];
}

interface ProjectReport extends CloudIdentity {
  readonly servers: number;
  /** Server n of the project, from 0, is named `<prefix>n` and carries that name as its owner's. */
  readonly prefix: string;
}

export async function startCloud(plan: CloudPlan, name: string): Promise<[SandboxCloud, CloudReport]> {
  const { projects, serversPerProject, statuses, networks, name: _, ...options } = plan;
  const cloud = await SandboxCloud.start(options);
  const reports: ProjectReport[] = [];
  const flavors = cloud.flavors.map((flavor) => ({ id: flavor.id, name: flavor.name }));
  const createdMs = Date.now() - 86_400_000;
  for (let project = 0; project < projects; project++) {
    const identity = cloud.addIdentity();
    const prefix = `${name}-${project}-`;
    for (let server = 0; server < serversPerProject; server++)
      cloud.createServer(identity.projectId, {
        name: `${prefix}${server}`,
        metadata: { 'region:server_id': `${prefix}${server}` },
        status: statusAt(server, serversPerProject, statuses ?? {}),
        flavorId: flavors[server % flavors.length]?.id ?? '',
        userId: identity.userId,
        ...(networks === undefined ? {} : { networks }),
        createdMs: createdMs + server * 1000,
      });
    reports.push({ ...identity, servers: serversPerProject, prefix });
  }
  cloud.warm();
  const { endpoint } = cloud;
  return [cloud, { name, endpoint, serviceAccount: cloud.serviceAccount(), flavors, projects: reports }];
}

/** Server `index` of `total`: the first so many have the first status, and so on. */
function statusAt(index: number, total: number, statuses: Readonly<Record<string, number>>): string {
  let before = 0;
  for (const [status, share] of Object.entries(statuses)) {
    before += share;
    if (index < Math.round(before * total)) return status;
  }
  return 'ACTIVE';
}
