// The doctor in the sandbox: a way that works, and each way that does not.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import type { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { apiGroup } from '../../src/shared/labels.ts';
import { namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import { type OneShotEnded, runOnce } from '../fixtures/kubernetes/one-shot.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');

const stepSchema = v.object({
  name: v.string(),
  status: v.picklist(['ok', 'warning', 'failed', 'skipped']),
  detail: v.string(),
  remedy: v.string(),
  ms: v.nullable(v.number()),
});
const reportSchema = v.object({
  healthy: v.boolean(),
  sections: v.array(
    v.object({ title: v.string(), region: v.nullable(v.string()), steps: v.array(stepSchema) }),
  ),
});
type Step = v.InferOutput<typeof stepSchema>;

/** Long enough for a busy machine, and for a region that never answers not too long. */
const patience = ['--request-timeout=3s'];

async function doctor(
  t: ExecutionContext,
  sandbox: Sandbox,
  options: { flags?: string[]; columns?: number; env?: Readonly<Record<string, string>> } = {},
): Promise<OneShotEnded> {
  const { flags = [], ...rest } = options;
  return runOnce(t, {
    kubeconfig: sandbox.cluster.kubeconfig(namespace),
    args: ['doctor', `--namespace=${namespace}`, ...patience, ...flags],
    secrets: sandbox.secrets(),
    ...rest,
  });
}

class Report {
  readonly code: number;
  readonly #report: v.InferOutput<typeof reportSchema>;

  constructor({ code, stdout }: OneShotEnded) {
    this.code = code;
    this.#report = v.parse(reportSchema, JSON.parse(stdout));
  }

  get healthy(): boolean {
    return this.#report.healthy;
  }

  get titles(): readonly string[] {
    return this.#report.sections.map(({ title }) => title);
  }

  /** Of a region, or with "" of what belongs to none. */
  steps(region: string): readonly Step[] {
    return this.#report.sections.find((section) => (section.region ?? '') === region)?.steps ?? [];
  }

  step(region: string, name: string): Step {
    const step = this.steps(region).find((candidate) => candidate.name === name);
    if (step === undefined) throw new Error(`there is no step ${name} of "${region}"`);
    return step;
  }

  /** Names of the steps that are not fine, with their status. */
  trouble(region: string): readonly string[] {
    return this.steps(region)
      .filter(({ status }) => status !== 'ok')
      .map(({ name, status }) => `${name} ${status}`);
  }
}

async function report(t: ExecutionContext, sandbox: Sandbox, ...flags: string[]): Promise<Report> {
  const found = new Report(await doctor(t, sandbox, { flags: ['--output=json', ...flags] }));
  for (const title of ['', ...found.titles.map((each) => each.replace('Region ', ''))])
    for (const { name, status, remedy, ms } of found.steps(title)) {
      if (status === 'failed' || status === 'warning') t.not(remedy, '', `${name} says what to do`);
      t.is(ms === null, status === 'skipped', `${name} says how long it took`);
    }
  return found;
}

/** A region with one server, beside one that is well: what happens to the first must not touch the second. */
async function twoRegions(t: ExecutionContext): Promise<{ sandbox: Sandbox; region: SandboxRegion }> {
  const sandbox = await startSandbox(t);
  const [region, other] = [await sandbox.addRegion('one'), await sandbox.addRegion('two')];
  sandbox.addServer(region.addProject(), { id: 'one-1' });
  sandbox.addServer(other.addProject(), { id: 'two-1' });
  return { sandbox, region };
}

/** The text as a person sees it, with what differs from run to run put into words. */
function stable(text: string, sandbox: Sandbox): string {
  return text
    .replaceAll(/ +\d+ ms$/gm, ' <time>')
    .replaceAll(/in \d+\.\d s/g, 'in <seconds>')
    .replaceAll(sandbox.cluster.url, '<api server>')
    .replaceAll(/127\.0\.0\.1:\d+/g, '<address>')
    .replaceAll(/port \d+/g, 'port <number>')
    .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}/g, '<id>');
}

test('a way that works: a tree with every step, in 80 columns, exit code 0, and nothing changed', async (t) => {
  const { sandbox } = await twoRegions(t);
  const { code, stdout, stderr } = await doctor(t, sandbox);
  t.is(code, 0, stdout);
  t.is(stderr, '');
  t.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  );
  const lines = stable(stdout, sandbox).split('\n');
  const marked = lines.filter((line) => /^ {2}\S /.test(line)).map((line) => line.trim().split(/ {2,}/)[0]);
  const region = 'provider endpoint Secret DNS TCP TLS Keystone login catalog microversions flavors project'
    .split(' ')
    .concat('project login', 'servers')
    .map((name) => `✓ ${name}`);
  t.deepEqual(marked, [
    '✓ configuration',
    '✓ API server',
    '✓ definitions',
    '✓ profile',
    '✓ read regions',
    '✓ read identities',
    '✓ read openstackidentities',
    '✓ read servers',
    '✓ write servers/status',
    '✓ write servers',
    '✓ Regions',
    '✓ read secrets',
    ...region,
    ...region,
  ]);
  t.deepEqual(
    lines.filter((line) => /^\S/.test(line)),
    ['Kubernetes', 'Region one', 'Region two', '2 regions in <seconds>, 40 steps fine'],
  );
  // Reviews are asked by POST; nothing else may be.
  const methods = sandbox.cluster.requests.records.filter(
    ({ method, path }) => method !== 'GET' && !path.endsWith('reviews'),
  );
  t.deepEqual(methods, []);
});

test('what the terminal cannot show is not printed', async (t) => {
  const { sandbox } = await twoRegions(t);
  const sequence = '\u001b[';
  const plain = await doctor(t, sandbox, { env: { LANG: 'C' } });
  t.regex(plain.stdout, /^ {2}\+ configuration/m);
  t.notRegex(plain.stdout, /[^\n -~]/);
  const colored = await doctor(t, sandbox, { columns: 80 });
  t.true(colored.stdout.includes(sequence));
  for (const env of [
    { LANG: 'C.UTF-8', NO_COLOR: '1' },
    { LANG: 'C.UTF-8', TERM: 'dumb' },
  ])
    t.false((await doctor(t, sandbox, { columns: 80, env })).stdout.includes(sequence));
});

test('a terminal of 60 columns, and one of 200', async (t) => {
  const { sandbox, region } = await twoRegions(t);
  region.putSecret({ password: 'wrong' });
  for (const [columns, most] of [
    [60, 60],
    [200, 100],
  ] as const) {
    const { stdout } = await doctor(t, sandbox, { columns, env: { LANG: 'C.UTF-8', NO_COLOR: '1' } });
    const longest = Math.max(...stdout.split('\n').map((line) => line.length));
    t.true(longest <= most && longest > most - 15, `${longest} of ${most}`);
  }
});

test('--output json has the same', async (t) => {
  const { sandbox } = await twoRegions(t);
  const found = await report(t, sandbox);
  t.is(found.code, 0);
  t.true(found.healthy);
  t.deepEqual(found.titles, ['Kubernetes', 'Region one', 'Region two']);
  t.regex(found.step('', 'profile').detail, /v1\.16/);
  t.regex(found.step('one', 'microversions').detail, /^2\.1 to 2\.93$/);
  t.is(found.step('one', 'flavors').detail, '2 public flavors');
  t.is(found.step('one', 'servers').detail, '1 server');
});

test('a region with bare-metal flavors: the nodes are asked for as a poll does', async (t) => {
  const sandbox = await startSandbox(t);
  const baremetalFlavorIds = ['44444444-4444-4444-8444-444444444444'];
  const region = await sandbox.addRegion('metal', {}, { baremetalFlavorIds });
  sandbox.addServer(region.addProject(), { id: 'metal-1' });
  const empty = (await report(t, sandbox)).step('metal', 'bare metal');
  t.is(empty.status, 'warning');
  t.regex(empty.detail, /^no node is visible at .*\/baremetal\/v1, microversion 1\.11$/);
  t.regex(empty.remedy, /admin of the project/);
  region.cloud.nodes.add();
  const found = await report(t, sandbox);
  t.is(found.step('metal', 'bare metal').status, 'ok');
  t.is(found.code, 0);
  region.cloud.faults.add({ kind: 'status', status: 403 }, { route: 'GET /v1/nodes' });
  t.is((await report(t, sandbox)).step('metal', 'bare metal').status, 'failed');
});

interface Flaw {
  readonly name: string;
  /** Breaks the region "one". */
  readonly make: (region: SandboxRegion, sandbox: Sandbox, t: ExecutionContext) => void | Promise<void>;
  /** The steps that are not fine. */
  readonly trouble: readonly string[];
  readonly detail: RegExp;
  readonly remedy: RegExp;
  /** Whether it is a failure; true unless given. */
  readonly fails?: boolean;
}

const afterTcp = ['TLS', 'Keystone', 'login', 'catalog', 'microversions', 'flavors'];
const project = ['project', 'project login', 'servers'];
const skipped = (names: readonly string[]) => names.map((name) => `${name} skipped`);

function setEndpoint({ cluster }: Sandbox, endpoint: string): void {
  cluster.patch('regions', namespace, 'one', { spec: { openstack: { endpoint } } });
}

async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const flaws: readonly Flaw[] = [
  {
    name: 'an endpoint of another version',
    make: (region, sandbox) => setEndpoint(sandbox, `${region.cloud.endpoint}/v2.0`),
    trouble: ['endpoint failed', ...skipped(['Secret', 'DNS', 'TCP', ...afterTcp, ...project])],
    detail: /version 2\.0 of the identity API/,
    remedy: /correct the object and the field/,
  },
  {
    name: 'a host name that nobody knows',
    make: (_, sandbox) => setEndpoint(sandbox, 'http://keystone.invalid:5000'),
    trouble: ['DNS failed', ...skipped(['TCP', ...afterTcp, ...project])],
    detail: /looking up keystone\.invalid failed: (ENOTFOUND|EAI_AGAIN)/,
    remedy: /correct the host name in spec\.openstack\.endpoint/,
  },
  {
    name: 'a port that refuses',
    make: async (_, sandbox) => setEndpoint(sandbox, `http://127.0.0.1:${await closedPort()}`),
    trouble: ['TCP failed', ...skipped([...afterTcp, ...project])],
    detail: /ECONNREFUSED/,
    remedy: /host and port/,
  },
  {
    name: 'a Secret that is not there',
    make: (region, sandbox) => sandbox.cluster.delete('secrets', namespace, region.secretName),
    trouble: ['Secret failed', ...skipped([...afterTcp, ...project])],
    detail: /Secret region\/one-credentials cannot be read: .*404/,
    remedy: /create the Secret/,
  },
  {
    name: 'a Secret without one of its keys',
    make: (region, sandbox) => {
      const secret = sandbox.cluster.get('secrets', namespace, region.secretName);
      if (secret === undefined) throw new Error('there is no Secret');
      sandbox.cluster.patch('secrets', namespace, region.secretName, { data: { 'user-id': null } });
    },
    trouble: ['Secret failed', ...skipped([...afterTcp, ...project])],
    detail: /key error: user-id/,
    remedy: /with domain-id, user-id, password and project-id/,
  },
  {
    name: 'TLS where there is none',
    make: (region, sandbox) => setEndpoint(sandbox, region.cloud.endpoint.replace('http:', 'https:')),
    trouble: ['TLS failed', ...skipped([...afterTcp.slice(1), ...project])],
    detail: /the TLS handshake with 127\.0\.0\.1:\d+ failed/,
    remedy: /nothing there speaks TLS/,
  },
  {
    name: 'something else than Keystone',
    make: ({ cloud }) => {
      cloud.faults.add({ kind: 'html' }, { route: 'GET /v3' });
    },
    trouble: ['Keystone failed', ...skipped([...afterTcp.slice(2), ...project])],
    detail: /not JSON/,
    remedy: /is that really an OpenStack service/,
  },
  {
    name: 'a Keystone that never answers',
    make: ({ cloud }) => {
      cloud.faults.add({ kind: 'hang' }, { route: 'GET /v3' });
    },
    trouble: ['Keystone failed', ...skipped([...afterTcp.slice(2), ...project])],
    detail: /no answer within 3000 ms/,
    remedy: /is the service up/,
  },
  {
    name: 'a wrong password of the service account, and an identity that works',
    make: (region) => region.putSecret({ password: 'planted-wrong-password' }),
    trouble: ['login failed', ...skipped(['catalog', 'microversions', 'flavors'])],
    detail: /answered 401/,
    remedy: /in the region's Secret/,
  },
  {
    name: 'a token without the project',
    make: ({ cloud, serviceAccount: { projectId } }) => {
      cloud.faults.add({ kind: 'scope', scope: 'unscoped' }, { projectId });
    },
    trouble: ['login failed', ...skipped(['catalog', 'microversions', 'flavors'])],
    detail: /scoped the token to no project/,
    remedy: /a role on the project/,
  },
  {
    name: 'a catalog without compute',
    make: ({ cloud, serviceAccount: { projectId } }) => {
      cloud.faults.add({ kind: 'catalog', catalog: 'no-compute' }, { projectId });
    },
    trouble: ['catalog failed', ...skipped(['microversions', 'flavors'])],
    detail: /no public endpoint of type compute/,
    remedy: /public compute endpoint/,
  },
  {
    name: 'flavors that cannot be listed',
    make: ({ cloud }) => {
      cloud.faults.add({ kind: 'status', status: 403 }, { route: 'GET /flavors/detail' });
    },
    trouble: ['flavors failed'],
    detail: /GET \/flavors\/detail .*403/,
    remedy: /role/,
  },
  {
    name: 'a selected flavor that is not there',
    make: (_, { cluster }) => {
      const compute = { flavors: { selector: { ids: ['no-such-flavor'] } } };
      cluster.patch('regions', namespace, 'one', { spec: { openstack: { compute } } });
    },
    trouble: ['flavors warning'],
    detail: /2 public flavors/,
    remedy: /not among them: no-such-flavor/,
    fails: false,
  },
  {
    name: 'an identity without a password',
    make: (_, { cluster }) => {
      for (const server of cluster.list('servers', namespace)) {
        if (server.metadata.name !== 'one-1') continue;
        const identity = server.metadata.labels?.['regions.unikorn-cloud.org/identity-id'] ?? '';
        cluster.patch('openstackidentities', namespace, identity, { spec: { password: null } });
      }
    },
    trouble: ['project failed', ...skipped(project.slice(1))],
    detail: /of server one-1: consistency error: service principal password not set/,
    remedy: /status of the Identity/,
  },
  {
    name: 'a list of servers that fails',
    make: ({ cloud }) => {
      cloud.faults.add({ kind: 'status', status: 503 }, { route: 'GET /servers/detail' });
    },
    trouble: ['servers failed'],
    detail: /answered 503/,
    remedy: /cloud's operator/,
  },
  {
    name: 'a record that cannot be read',
    make: ({ cloud }) => {
      cloud.faults.add({ kind: 'malformed-record', defect: 'missing-id' });
    },
    trouble: ['servers warning'],
    detail: /1 server/,
    remedy: /1 cannot be read: .*id/,
    fails: false,
  },
];

for (const flaw of flaws)
  test(`${flaw.name}: the step says what happened and what to do, and the other region is well`, async (t) => {
    const { sandbox, region } = await twoRegions(t);
    await flaw.make(region, sandbox, t);
    const found = await report(t, sandbox);
    t.deepEqual(found.trouble('one'), flaw.trouble);
    const [first = ''] = flaw.trouble;
    const step = found.step('one', first.replace(/ \w+$/, ''));
    t.regex(step.detail, flaw.detail);
    t.regex(step.remedy, flaw.remedy);
    t.deepEqual(found.trouble('two'), []);
    t.is(found.code, flaw.fails === false ? 0 : 1);
    t.is(found.healthy, flaw.fails === false);
  });

test('a certificate by an authority that nobody knows, and with that authority in the Secret', async (t) => {
  const sandbox = await startSandbox(t);
  const tls = { cert: pem('loopback.pem'), key: pem('loopback-key.pem') };
  const region = await sandbox.addRegion('one', { tls });
  const refused = await report(t, sandbox);
  t.is(refused.code, 1);
  t.regex(refused.step('one', 'TLS').detail, /UNABLE_TO_GET_ISSUER_CERT_LOCALLY/);
  t.regex(refused.step('one', 'TLS').remedy, /key ca\.crt of the region's Secret/);
  region.putSecret({ 'ca.crt': pem('ca.pem') });
  const trusted = await report(t, sandbox);
  t.is(trusted.code, 0);
  t.regex(trusted.step('one', 'TLS').detail, /^TLSv1\.\d, certificate by .+, valid until \d{4}-\d\d-\d\d$/);
});

for (const [cert, code, remedy] of [
  ['expired.pem', /CERT_HAS_EXPIRED/, /^renew the certificate$/],
  ['other-host.pem', /ERR_TLS_CERT_ALTNAME_INVALID/, /the host name that the certificate is for/],
] as const)
  test(`a certificate that will not do: ${cert}`, async (t) => {
    const sandbox = await startSandbox(t);
    const region = await sandbox.addRegion('one', { tls: { cert: pem(cert), key: pem('loopback-key.pem') } });
    region.putSecret({ 'ca.crt': pem('other-ca.pem') });
    const found = await report(t, sandbox);
    t.regex(found.step('one', 'TLS').detail, code);
    t.regex(found.step('one', 'TLS').remedy, remedy);
  });

test('a cloud whose microversions are old', async (t) => {
  const sandbox = await startSandbox(t);
  await sandbox.addRegion('one', { microversionMax: '2.60' });
  const found = await report(t, sandbox);
  t.is(found.code, 0);
  t.is(found.step('one', 'microversions').detail, '2.1 to 2.60');
  t.regex(found.step('one', 'microversions').remedy, /cells that are down/);
});

test('a region without servers has no project to try, and is well', async (t) => {
  const sandbox = await startSandbox(t);
  await sandbox.addRegion('one');
  const found = await report(t, sandbox);
  t.is(found.code, 0);
  t.regex(found.step('one', 'project').detail, /no server belongs to this region/);
  t.deepEqual(found.trouble('one'), skipped(['project login', 'servers']));
});

test('regions of other kinds', async (t) => {
  const sandbox = await startSandbox(t);
  for (const provider of ['kubernetes', 'simulated'])
    sandbox.cluster.apply({
      apiVersion: `${apiGroup}/v1alpha1`,
      kind: 'Region',
      metadata: { name: provider, namespace },
      spec: {
        provider,
        ...(provider === 'kubernetes'
          ? { kubernetes: { kubeConfigSecret: { namespace, name: 'none' }, nodes: [] } }
          : {}),
      },
    });
  const found = await report(t, sandbox);
  t.is(found.code, 0);
  t.deepEqual(found.trouble('kubernetes'), ['provider warning']);
  t.deepEqual(found.trouble('simulated'), []);
});

const reading = [
  { apiGroups: [apiGroup], resources: ['*'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
];

test('rights that are missing are named, with the rule that would give them; a shadow needs none to write', async (t) => {
  const { sandbox } = await twoRegions(t);
  sandbox.cluster.access.restrict(reading);
  const found = await report(t, sandbox);
  t.is(found.code, 1);
  t.deepEqual(found.trouble(''), ['write servers/status failed', 'write servers failed']);
  const { detail, remedy } = found.step('', 'write servers');
  t.regex(detail, /may not get, patch servers\.region\.unikorn-cloud\.org in namespace region/);
  t.regex(remedy, /apiGroups \["region\.unikorn-cloud\.org"\], resources \[servers\], verbs \[get, patch\]/);
  t.deepEqual(found.trouble('one'), []);
  t.is((await report(t, sandbox, '--shadow')).code, 0);
});

test('the right to read Secrets is asked for where the Regions name them', async (t) => {
  const { sandbox } = await twoRegions(t);
  const [lists = reading[0]] = reading;
  if (lists === undefined) throw new Error('there is no rule');
  const only = {
    apiGroups: [''],
    resources: ['secrets'],
    verbs: ['get'],
    resourceNames: ['one-credentials'],
  };
  sandbox.cluster.access.restrict([lists, only]);
  const found = await report(t, sandbox, '--shadow');
  t.is(found.code, 1);
  t.deepEqual(found.trouble(''), ['read secrets failed']);
  t.deepEqual(found.trouble('one'), []);
  t.is(found.trouble('two')[0], 'Secret failed');
});

test('an API server that is away: what can be said is said', async (t) => {
  const { sandbox } = await twoRegions(t);
  await sandbox.cluster.pause();
  const found = await report(t, sandbox);
  t.is(found.code, 1);
  t.deepEqual(found.titles, ['Kubernetes']);
  t.is(found.trouble('')[0], 'API server failed');
  t.regex(found.step('', 'API server').remedy, /is the API server up/);
});

test('a kubeconfig that cannot be used', async (t) => {
  const { stdout, code } = await runOnce(t, { kubeconfig: '{}', args: ['doctor'] });
  t.is(code, 1);
  t.regex(stdout, /✗ configuration/);
  t.regex(stdout.replaceAll(/\s+/g, ' '), /no current-context → give --context \(it has: none\)/);
  t.regex(stdout, /- not tried/);
});

test('--region examines only those, and says when there is no such', async (t) => {
  const { sandbox, region } = await twoRegions(t);
  region.cloud.requests.clear();
  const some = await report(t, sandbox, '--region=two');
  t.is(some.code, 0);
  t.deepEqual(some.titles, ['Kubernetes', 'Region two']);
  t.is(region.cloud.requests.count(), 0);
  const none = await report(t, sandbox, '--region=three', '--region=two');
  t.is(none.code, 1);
  t.regex(none.step('', 'Region three').remedy, /there are: one, two/);
  t.deepEqual(none.titles, ['Kubernetes', 'Region two']);
});

test('what objects and clouds say does not steer the terminal', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('one');
  region.putSecret({ 'region-name': 'else\u001b[2J\nwhere' });
  const { stdout, code } = await doctor(t, sandbox);
  t.is(code, 1);
  t.false(stdout.includes('\u001b'));
  t.regex(stdout, /region-name else\?\[2J where/);
});

test('no connection is left open', async (t) => {
  const { sandbox } = await twoRegions(t);
  await doctor(t, sandbox);
  await eventually('no connection to the API server', () => sandbox.cluster.connections() === 0);
  t.pass();
});

test('who holds the shards: a replica, one that is gone, or nobody', async (t) => {
  const { sandbox } = await twoRegions(t);
  const step = async () => (await report(t, sandbox, '--shards=2')).step('', 'shards');
  t.like(await step(), { status: 'warning', detail: 'shard 0: nobody, shard 1: nobody' });
  const monitor = await sandbox.startMonitor('--shards=2', '--replica-name=one');
  await eventually('both held', async () => (await step()).detail === 'shard 0: one, shard 1: one');
  t.is((await step()).status, 'ok');
  await monitor.stop();
  // A replica that was killed leaves its Lease as it was.
  const gone = {
    holderIdentity: 'two_abc',
    leaseDurationSeconds: 15,
    renewTime: '2026-11-22T08:00:00.000000Z',
  };
  sandbox.cluster.patch('leases', namespace, 'region-monitor-1', { spec: gone });
  const { status, detail, remedy } = await step();
  t.is(status, 'warning');
  t.regex(detail, /^shard 0: nobody, shard 1: two, not renewed for \d+ s$/);
  t.is(remedy, 'nobody may be polling the regions of shards 0, 1: does a monitor with --shards=2 run?');
});
