// `check` in the sandbox: what it shows, what it writes, and how it ends.

import { randomUUID } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { load } from 'js-yaml';
import * as v from 'valibot';
import { parseLoadBalancer, parseRegion } from '../../src/main/kubernetes/objects/resource-records.ts';
import type { SandboxProject, SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { healthy, namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { type OneShotEnded, runOnce } from '../fixtures/kubernetes/one-shot.ts';

const healthSchema = v.nullable(v.object({ status: v.string(), reason: v.string(), message: v.string() }));
const errorSchema = v.optional(v.object({ code: v.string(), message: v.string() }));
const reportSchema = v.object({
  dryRun: v.boolean(),
  summary: v.object({ servers: v.number(), unchanged: v.number(), changed: v.number(), failed: v.number() }),
  regions: v.array(v.object({ region: v.string(), servers: v.number(), error: errorSchema })),
  servers: v.array(
    v.object({
      displayName: v.string(),
      region: v.string(),
      flavorName: v.string(),
      outcome: v.picklist(['unchanged', 'changed', 'failed']),
      phase: v.object({ before: v.string(), after: v.string() }),
      health: v.object({ before: healthSchema, after: healthSchema }),
      error: errorSchema,
    }),
  ),
  notes: v.array(v.object({ region: v.string(), message: v.string() })),
});
type Report = v.InferOutput<typeof reportSchema>;

/** A server that never answers must not take long; a busy machine may. */
const patience = ['--poll-period=1m', '--request-timeout=3s', '--workers=1'];

async function check(
  t: ExecutionContext,
  sandbox: Sandbox,
  options: { flags?: string[]; columns?: number } = {},
): Promise<OneShotEnded> {
  const { flags = [], ...rest } = options;
  return runOnce(t, {
    kubeconfig: sandbox.cluster.kubeconfig(namespace),
    args: ['check', `--namespace=${namespace}`, ...patience, ...flags],
    secrets: sandbox.secrets(),
    ...rest,
  });
}

async function report(
  t: ExecutionContext,
  sandbox: Sandbox,
  ...flags: string[]
): Promise<Report & { code: number }> {
  const { stdout, stderr, code } = await check(t, sandbox, { flags: ['--output=json', ...flags] });
  t.is(stderr, '');
  return { ...v.parse(reportSchema, JSON.parse(stdout)), code };
}

interface Fleet {
  readonly sandbox: Sandbox;
  readonly region: SandboxRegion;
  readonly project: SandboxProject;
}

/** One server that is as its object says, and one that is not. */
async function smallFleet(t: ExecutionContext): Promise<Fleet> {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('north');
  const project = region.addProject();
  const message = 'server is healthy';
  const status = { phase: 'Running', conditions: [healthy('True', 'Healthy', { message })] };
  sandbox.addServer(project, { id: 'id-1', name: 'steady', status });
  sandbox.addServer(project, {
    id: 'id-2',
    name: 'stopped',
    cloud: { status: 'SHUTOFF', powerState: 4 },
    status,
  });
  return { sandbox, region, project };
}

function writes({ cluster }: Sandbox): number {
  return cluster.requests.records.filter(({ method }) => method !== 'GET').length;
}

/** Words of each row, by the word in its first column. */
function rows(stdout: string): ReadonlyMap<string, string> {
  const [, ...lines] = stdout.trimEnd().split('\n');
  return new Map(lines.map((line) => [line.split(' ')[0] ?? '', line.replaceAll(/ {2,}/g, ' | ')]));
}

test('--dry-run shows what would change, and changes nothing', async (t) => {
  const { sandbox } = await smallFleet(t);
  const { stdout, stderr, code } = await check(t, sandbox, { flags: ['--dry-run'] });
  t.is(code, 0);
  t.regex(stdout, /^NAME +REGION +FLAVOR +PHASE +HEALTH +WOULD CHANGE\n/);
  t.deepEqual(
    [...rows(stdout).values()],
    [
      'steady | north | m1.large | Running | Healthy | -',
      'stopped | north | m1.large | Stopped | Degraded | was Running, Healthy',
    ],
  );
  t.regex(stderr, /^2 servers in 1 region, in \d+\.\d s, 1 unchanged, 1 would change\n$/);
  t.is(writes(sandbox), 0);
  t.is(sandbox.server('id-2').phase, 'Running');
});

test('without it, what changed is written, and is as it should be the next time', async (t) => {
  const { sandbox } = await smallFleet(t);
  const first = await check(t, sandbox);
  t.is(first.code, 0);
  t.regex(first.stdout, / CHANGED\n/);
  t.regex(first.stderr, /1 unchanged, 1 changed/);
  t.is(sandbox.server('id-2').phase, 'Stopped');
  t.is(writes(sandbox), 1);
  const second = await check(t, sandbox);
  t.regex(second.stderr, /2 unchanged/);
  t.is(writes(sandbox), 1);
});

test('beside a monitor in shadow mode nothing is written either', async (t) => {
  const { sandbox } = await smallFleet(t);
  const { dryRun, summary } = await report(t, sandbox, '--shadow');
  t.true(dryRun);
  t.is(summary.changed, 1);
  t.is(writes(sandbox), 0);
});

test('a server that was never seen before', async (t) => {
  const { sandbox, project } = await smallFleet(t);
  sandbox.addServer(project, { id: 'id-3', name: 'new' });
  const { stdout } = await check(t, sandbox, { flags: ['--dry-run'] });
  t.is(rows(stdout).get('new'), 'new | north | m1.large | Running | Healthy | was no phase, no health');
});

test('a region that fails: its servers say so, the others are checked, exit code 1', async (t) => {
  const { sandbox } = await smallFleet(t);
  const south = await sandbox.addRegion('south');
  sandbox.addServer(south.addProject(), { id: 'id-9', name: 'unseen' });
  south.cloud.faults.add({ kind: 'status', status: 503 }, { route: 'POST /v3/auth/tokens' });
  const { stdout, stderr, code } = await check(t, sandbox, { flags: ['--dry-run'] });
  t.is(code, 1);
  t.regex(rows(stdout).get('unseen') ?? '', /^unseen \| south \| .* \| - \| - \| ! server-error$/);
  t.regex(stderr, /^south: .*answered 503/m);
  t.regex(stderr, /3 servers in 2 regions, in .*, 1 unchanged, 1 would change, 1 not checked/);
});

test('a region without servers that fails, fails the check', async (t) => {
  const { sandbox } = await smallFleet(t);
  const south = await sandbox.addRegion('south');
  south.putSecret({ 'user-id': '' });
  const found = await report(t, sandbox, '--dry-run');
  t.is(found.code, 1);
  t.is(found.summary.failed, 0);
  t.is(found.regions.find(({ region }) => region === 'south')?.error?.code, 'invalid-config');
});

test('each server that could not be checked says why', async (t) => {
  const { sandbox, region, project } = await smallFleet(t);
  sandbox.addServer(region.addProject(), { id: 'a', cloud: null });
  sandbox.addServer(project, { id: 'b', labels: { 'regions.unikorn-cloud.org/region-id': null } });
  sandbox.addServer(project, { id: 'c', labels: { 'regions.unikorn-cloud.org/identity-id': null } });
  sandbox.addServer(project, { id: 'd', labels: { 'regions.unikorn-cloud.org/identity-id': 'nobody' } });
  const deleting = sandbox.addServer(project, { id: 'e', finalizers: ['test/keep'] });
  sandbox.cluster.delete('servers', namespace, deleting.id);
  const broken = sandbox.addServer(project, { id: 'f' });
  region.cloud.faults.add({ kind: 'malformed-record', defect: 'wrong-types', serverId: broken.providerId });
  const found = await report(t, sandbox, '--dry-run');
  t.is(found.code, 1);
  const errors = found.servers.flatMap(({ displayName, error }) =>
    error === undefined ? [] : [`${displayName} ${error.code}: ${error.message}`],
  );
  t.deepEqual(errors.toSorted(), [
    'a missing: server not found in provider',
    'b no-region: server missing region label',
    'c invalid-config: consistency error: server c missing identity label',
    'd not-found: identities.region.unikorn-cloud.org "nobody" not found',
    "f invalid-response: the region's record of server f cannot be read",
  ]);
  t.deepEqual(found.summary, { servers: 7, unchanged: 1, changed: 1, failed: 5 });
  t.true(found.notes.some(({ message }) => message.startsWith('failed to read a server record')));
});

test('a write that is refused is no success', async (t) => {
  const { sandbox } = await smallFleet(t);
  const everything = ['list', 'watch', 'get'];
  sandbox.cluster.access.restrict([{ apiGroups: ['*'], resources: ['*'], verbs: everything }]);
  const found = await report(t, sandbox);
  t.is(found.code, 1);
  t.deepEqual(found.summary, { servers: 2, unchanged: 1, changed: 0, failed: 1 });
  t.regex(found.servers[1]?.error?.message ?? '', /cannot write status: .*403/);
  t.is((await report(t, sandbox, '--dry-run')).code, 0, 'a dry run needs no right to write');
});

test('--region asks no other cloud, by name or by id, several times', async (t) => {
  const { sandbox, region } = await smallFleet(t);
  for (const name of ['south', 'west']) {
    const other = await sandbox.addRegion(name);
    sandbox.addServer(other.addProject(), { id: `${name}-1` });
  }
  const some = await report(t, sandbox, '--dry-run', '--region=south', '--region', 'west');
  t.deepEqual(
    some.servers.map(({ displayName }) => displayName),
    ['south-1', 'west-1'],
  );
  t.is(region.cloud.requests.count(), 0);
  const error = await t.throwsAsync(check(t, sandbox, { flags: ['--region=east'] }));
  t.is(error.message, '--region east: not found; available: north, south, west');
});

test('yaml has the same as json', async (t) => {
  const { sandbox } = await smallFleet(t);
  const { stdout } = await check(t, sandbox, { flags: ['--dry-run', '--output=yaml'] });
  const found = await report(t, sandbox, '--dry-run');
  t.deepEqual({ ...v.parse(reportSchema, load(stdout)), code: 0 }, found);
});

test('on a terminal of 80 columns the table fits; in a file nothing is cut; wide has more', async (t) => {
  const { sandbox, project } = await smallFleet(t);
  const name = 'a-server-with-a-name-that-is-so-long-that-it-cannot-fit';
  sandbox.addServer(project, { id: 'id-3', name });
  const seen = await check(t, sandbox, { flags: ['--dry-run'], columns: 80 });
  const text = stripVTControlCharacters(seen.stdout);
  t.true(Math.max(...text.split('\n').map((line) => line.length)) <= 80, text);
  t.regex(text, /^a-server-with\S*… +north +m1\.large +Running +Healthy +was no phase, no health$/m);
  t.true((await check(t, sandbox, { flags: ['--dry-run'] })).stdout.includes(name));
  const wide = await check(t, sandbox, { flags: ['--dry-run', '--output=wide'], columns: 80 });
  t.regex(wide.stdout, /NAMESPACE +ID +IDENTITY +NAME .* MESSAGE/);
  t.true(wide.stdout.includes(name));
  t.true(wide.stdout.includes('server is healthy'));
});

test('what a cloud says does not steer the terminal', async (t) => {
  const { sandbox, project } = await smallFleet(t);
  const fault = 'gone \u001b[2J\nforged line';
  sandbox.addServer(project, { id: 'id-3', cloud: { status: 'ERROR', fault } });
  const { stdout } = await check(t, sandbox, { flags: ['--dry-run', '--output=wide'] });
  t.regex(stdout, /gone \?\[2J forged line/);
});

test('v1.19: times, MAC address and rebuild, and what of them changed', async (t) => {
  const sandbox = await startSandbox(t, { profile: 'v1.19' });
  const region = await sandbox.addRegion('north');
  const project = region.addProject();
  const conditions = [healthy('True', 'Healthy', { message: 'server is healthy' })];
  const launchedMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  const target = randomUUID();
  const cloud = { createdMs: launchedMs - 5_000, launchedMs };
  const { networkId } = project;
  sandbox.addServer(project, {
    id: 'old',
    networkId,
    cloud: { ...cloud, networks: [`network-${networkId}`] },
    status: { phase: 'Running', conditions },
  });
  sandbox.addServer(project, {
    id: 'rebuilt',
    cloud: { ...cloud, imageId: target },
    status: { phase: 'Running', conditions, rebuild: { targetImageID: target, state: 'Rebuilding' } },
  });
  const narrow = await check(t, sandbox, { flags: ['--dry-run'], columns: 80 });
  const lines = stripVTControlCharacters(narrow.stdout).split('\n');
  t.true(lines.every((line) => line.length <= 80));
  t.regex(lines.find((line) => line.startsWith('old')) ?? '', / times, MAC$/);
  t.regex(lines.find((line) => line.startsWith('rebuilt')) ?? '', / was rebuild Rebuilding$/);
  const wide = await check(t, sandbox, { flags: ['--dry-run', '--output=wide'] });
  t.regex(wide.stdout, /SCHEDULED +LAUNCHED +PROVISIONED +MAC +REBUILD +REBUILD IMAGE +MESSAGE/);
  t.regex(
    wide.stdout,
    /old .* 2026-01-02T03:04:00Z +2026-01-02T03:04:05Z +2026-01-02T03:04:05Z +fa:16:3e:\S+ +- +- +server is healthy/,
  );
  t.regex(wide.stdout, new RegExp(`rebuilt .* - +Succeeded +${target} `));
  const json = await check(t, sandbox, { flags: ['--dry-run', '--output=json'] });
  t.like(JSON.parse(json.stdout), {
    servers: [
      { name: 'old', outcome: 'changed', provisionedAt: { before: null, after: '2026-01-02T03:04:05Z' } },
      {
        name: 'rebuilt',
        rebuild: {
          before: { targetImageId: target, state: 'Rebuilding' },
          after: { targetImageId: target, state: 'Succeeded' },
        },
      },
    ],
  });
});

test('objects that cannot be listed: the reason, and no table', async (t) => {
  const { sandbox } = await smallFleet(t);
  sandbox.cluster.access.restrict([]);
  const error = await t.throwsAsync(check(t, sandbox, { flags: ['--startup-timeout=6s'] }));
  t.regex(error.message, /regions: list regions.*403/);
});

const balancers = '--checkers=server-health,load-balancer-health';

test('load balancers are a table of their own, and are written like servers', async (t) => {
  const { sandbox, project } = await smallFleet(t);
  project.addLoadBalancer({ id: 'lb-1', name: 'front' });
  project.addLoadBalancer({ id: 'lb-2', name: 'lost', cloud: null });
  const first = await check(t, sandbox, { flags: [balancers, '--dry-run'] });
  t.is(first.code, 1);
  t.regex(first.stdout, /\n\nLOAD BALANCER +REGION +HEALTH +WOULD CHANGE\n/);
  t.deepEqual(
    [...rows(first.stdout.split('\n\n')[1] ?? '').values()],
    ['front | north | Healthy | was no health', 'lost | north | - | ! missing'],
  );
  t.regex(first.stderr, /^north: load balancer not found in provider$/m);
  t.regex(
    first.stderr,
    /2 servers and 2 load balancers in 1 region, .*, 1 unchanged, 2 would change, 1 not checked\n$/,
  );
  t.is(writes(sandbox), 0);

  await check(t, sandbox, { flags: ['--checkers=load-balancer-health'] });
  const [condition] = parseLoadBalancer(sandbox.cluster.get('loadbalancers', namespace, 'lb-1')).conditions;
  t.like(condition, { type: 'Healthy', status: 'True' });
  t.is(sandbox.server('id-2').phase, 'Running', 'servers were not asked for');
});

test('regions are a table of their own; what two polls must agree on is a note', async (t) => {
  const { sandbox, region } = await smallFleet(t);
  const flags = ['--checkers=server-health,region-health'];
  const first = await check(t, sandbox, { flags: [...flags, '--dry-run'] });
  t.is(first.code, 0);
  t.regex(first.stdout, /\n\nREGION +HEALTH +WOULD CHANGE\n/);
  t.deepEqual([...rows(first.stdout.split('\n\n')[1] ?? '').values()], ['north | Healthy | was no health']);
  t.is(writes(sandbox), 0);
  await check(t, sandbox, { flags });
  const shown = () => parseRegion(sandbox.cluster.get('regions', namespace, 'north')).conditions[0];
  t.like(shown(), { type: 'Healthy', status: 'True' });
  region.cloud.faults.add({ kind: 'status', status: 503 }, { route: 'GET /networking' });
  const second = await check(t, sandbox, { flags: ['--checkers=region-health', '--output=wide'] });
  t.is(second.code, 0);
  t.regex(
    second.stdout,
    /^NAMESPACE +ID +REGION +HEALTH +CHANGED +MESSAGE\n\S+ +north +north +Healthy +- +all services answer\n/,
  );
  t.regex(
    second.stderr,
    /^north: region service is not available: GET \/ \(network versions\) at\s\S+ answered 503$/m,
  );
  t.regex(second.stderr, /^1 region, in .*, 1 unchanged$/m);
  t.like(shown(), { type: 'Healthy', status: 'True' });
});

test('a region without load-balancer service: those that it should have are not checked, and say why', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('north', { loadBalancers: false });
  region.addProject().addLoadBalancer({ id: 'lb-1', name: 'front' });
  const { stdout, stderr, code } = await check(t, sandbox, { flags: ['--checkers=load-balancer-health'] });
  t.is(code, 1);
  t.deepEqual([...rows(stdout).values()], ['front | north | - | ! no-endpoint']);
  t.regex(stderr, /^1 load balancer in 1 region, /m);
});
