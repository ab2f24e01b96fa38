import { createNoopMeter, INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import test, { type ExecutionContext } from 'ava';
import type { RegionRecord } from '../../../src/main/kubernetes/objects/resource-records.ts';
import { EventLoopTurns } from '../../../src/main/polls/event-loop-turns.ts';
import type { Problem } from '../../../src/main/problems/problem.ts';
import { StateCounts } from '../../../src/main/projection/state-counts.ts';
import { WriteProblems } from '../../../src/main/projection/write-problems.ts';
import { AccessReader } from '../../../src/main/regions/access.ts';
import { Regions } from '../../../src/main/regions/regions.ts';
import { ServerHealthChecker } from '../../../src/main/server-health/checker.ts';
import { writeProblem } from '../../../src/main/server-health/problems.ts';
import { ServerProjector } from '../../../src/main/server-health/projector.ts';
import { Metrics, type PolledRegion } from '../../../src/main/telemetry/metrics.ts';
import type { Cycle, Outcome, ProviderCall } from '../../../src/shared/checker.ts';
import type { CheckError, ErrorCode } from '../../../src/shared/errors.ts';
import type {
  FlavorResult,
  ProjectResult,
  ServerHealthJob,
  ServerHealthResult,
} from '../../../src/shared/server-health.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { settableSources } from '../../fixtures/monitor/metric-sources.ts';
import { RecordedSpans } from '../../fixtures/monitor/recorded-spans.ts';
import { createdAt, installed, observation, serverRecord } from '../../fixtures/monitor/records.ts';
import {
  projectCredentials,
  regionRecord,
  serviceCredentials,
  session,
} from '../../fixtures/monitor/region-records.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

const minute = 60_000;
const ref = { namespace: 'default', name: 'region-1' };
const secretData = new Map([
  ['domain-id', 'default'],
  ['user-id', serviceCredentials.userId],
  ['password', serviceCredentials.password],
  ['project-id', serviceCredentials.projectId],
]);

/** What a project answers: the names of its servers, all running, or an error. */
type Answer = readonly string[] | CheckError;

function error(code: ErrorCode, changes: Partial<CheckError> = {}): CheckError {
  return { code, message: `it was ${code}`, ...changes };
}

function isNames(answer: Answer): answer is readonly string[] {
  return Array.isArray(answer);
}

function resultOf(identityId: string, answer: Answer): ProjectResult {
  if (!isNames(answer)) return { identityId, outcome: { ok: false, error: answer }, session: null };
  const outcome = {
    ok: true,
    complete: true,
    observations: answer.map((name) => observation({ providerId: `nova-of-${name}`, ownerId: name })),
    malformed: [],
    watermark: '2026-11-22T07:00:00Z',
    pages: [],
  } as const;
  return { identityId, outcome, session: session(`of ${identityId}`) };
}

const flavorsListed: FlavorResult = {
  outcome: { ok: true, flavors: [{ id: 'flavor-1', name: 'small' }] },
  session: session('of the region'),
};

const object = (name: string) => ({
  namespace: 'default',
  name,
  uid: `uid-of-${name}`,
  resourceVersion: '1',
});

/** Metrics that say what they were given. */
class CountingMetrics extends Metrics {
  readonly counted: unknown[] = [];

  override serversSkipped(reason: string, regionId: string, count: number): void {
    if (count > 0) this.counted.push(`${count} ${reason} ${regionId}`);
  }

  override requests(regionId: string, counts: readonly { readonly count: number }[]): void {
    for (const { count } of counts) this.counted.push(`${count} requests ${regionId}`);
  }

  override regionPolled({ regionId, regionName, outcome, seconds }: PolledRegion): void {
    this.counted.push(`${regionId} ${regionName} ${outcome} in ${seconds} s`);
  }
}

interface World {
  readonly regions: RegionRecord[];
  readonly servers: ServerRecord[];
  /** By identity; those that are missing have no OpenstackIdentity. */
  readonly answers: Map<string, Answer>;
  secret: Outcome<ReadonlyMap<string, string>>;
  /** Happens while the Secret of a region is read. */
  whileRead: (() => void) | null;
  flavors: FlavorResult;
  /** Answers as they are, by identity; they go before the others. */
  readonly results: Map<string, ProjectResult>;
  /** What becomes of the next jobs; null for their answers. */
  jobError: CheckError | null;
  /** How long a job takes. */
  takesMs: number;
  /** What the next jobs called, as their answers say it. */
  readonly calls: ProviderCall[];
  /** Happens while a job is under way, once. */
  meanwhile: (() => void) | null;
  /** By identity; its name unless given. */
  readonly projectIds: Map<string, string>;
}

function setUp(t: ExecutionContext, { holdLastKnownMs = 0 } = {}) {
  const world: World = {
    regions: [regionRecord()],
    servers: [],
    answers: new Map(),
    results: new Map(),
    secret: { ok: true, result: secretData },
    whileRead: null,
    flavors: flavorsListed,
    jobError: null,
    takesMs: 0,
    calls: [],
    meanwhile: null,
    projectIds: new Map(),
  };
  const clock = new ScriptedClock({ monotonicMs: 1_000_000, wallMs: createdAt });
  const turns = new EventLoopTurns();
  const spans = new RecordedSpans();
  const writeProblems = new WriteProblems(writeProblem);
  const counts = new StateCounts();
  const metrics = new CountingMetrics(createNoopMeter(), settableSources().sources);
  t.teardown(() => metrics.close());
  const regions = new Regions({
    namespace: 'default',
    records: { values: () => world.regions },
    pollPeriodMs: minute,
    clock,
    onGone: (region) => checker.forget(region),
  });
  const servers = {
    get: (_: string, name: string) => world.servers.find((server) => server.name === name),
    values: () => world.servers,
  };
  const retained: string[][] = [];
  const reported = new Map<string, readonly Problem[]>();
  const checker: ServerHealthChecker = new ServerHealthChecker({
    worker: new URL('file:///check.js'),
    regions,
    access: new AccessReader({
      namespace: 'default',
      secrets: {
        read: async () => {
          world.whileRead?.();
          return world.secret;
        },
        retain: (names) => retained.push([...names]),
      },
      regions: { get: () => world.regions[0], values: () => world.regions },
      identities: { get: (_, name) => object(name) },
      openstackIdentities: {
        get: (_, name) =>
          world.answers.has(name)
            ? { ...object(name), ...projectCredentials, projectId: world.projectIds.get(name) ?? name }
            : undefined,
      },
    }),
    servers,
    projector: new ServerProjector({
      servers,
      writes: { isIdle: () => true, submit: () => true },
      writeProblems,
      metrics,
      clock,
      turns,
    }),
    writeProblems,
    counts,
    problems: { report: (scope, problems) => reported.set(scope, problems) },
    definitions: installed('v1.16'),
    metrics,
    tracer: spans.tracer,
    clock,
    turns,
    holdLastKnownMs,
    limits: {
      requestTimeoutMs: 1_000,
      concurrency: 4,
      loginsPerSecond: 20,
      reconcileEvery: 10,
      serversPerJob: 100,
    },
  });
  const stop = new AbortController();
  let polls = 0;

  function answer(job: ServerHealthJob): Outcome<ServerHealthResult> {
    if (world.jobError !== null) return { ok: false, error: world.jobError };
    const projects = job.projects.map(
      ({ identityId }) =>
        world.results.get(identityId) ?? resultOf(identityId, world.answers.get(identityId) ?? []),
    );
    const flavors = job.flavors === undefined ? null : world.flavors;
    return {
      ok: true,
      result: {
        projects,
        flavors,
        requests: [{ route: 'GET /x', status: 200, count: 3 }],
        calls: world.calls,
      },
    };
  }

  /** A poll of all regions, a period after the last one; returns its jobs. */
  async function poll(scope: Cycle['scope'] = 'all'): Promise<readonly ServerHealthJob[]> {
    if (polls > 0 && scope === 'all') await clock.pass(minute);
    if (scope === 'all') polls++;
    const cycle: Cycle = {
      scope,
      number: polls,
      signal: stop.signal,
      deadlineMs: clock.monotonicMs() + 5_000,
      span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT),
    };
    const jobs: ServerHealthJob[] = [];
    for (const region of await checker.regions(cycle)) {
      for (const job of await checker.plan(region, cycle)) {
        jobs.push(job);
        if (world.takesMs > 0) await clock.pass(world.takesMs);
        world.meanwhile?.();
        world.meanwhile = null;
        const report = { outcome: answer(job), worker: 0, queuedMs: 0, startedMs: 0, endedMs: 0 };
        await checker.apply(job, report, cycle);
      }
      checker.finish(region, cycle);
    }
    return jobs;
  }

  const addServer = (name: string, changes: Partial<ServerRecord> = {}) =>
    world.servers.push(serverRecord({ name, ...changes }));
  const region = () => {
    const found = regions.get(ref);
    if (found === undefined) throw new Error('there is no region');
    return found;
  };
  const messages = () =>
    (reported.get('default/region-1 server-health') ?? []).map(
      ({ message, error = '' }) => `${message}: ${String(error)}`,
    );
  return {
    world,
    clock,
    counts,
    regions,
    retained,
    writeProblems,
    metrics,
    reported,
    spans,
    stop,
    poll,
    addServer,
    region,
    messages,
  };
}

/** A region whose project identity-1 has one server, "web". */
async function polled(t: ExecutionContext, options = {}) {
  const all = setUp(t, options);
  all.addServer('web');
  all.world.answers.set('identity-1', ['web']);
  await all.poll();
  return all;
}

function asked(jobs: readonly ServerHealthJob[]): string[] {
  return jobs.flatMap(({ projects }) => projects.map(({ identityId }) => identityId));
}

test('a region is asked for the servers of its projects, which are counted', async (t) => {
  const { region, counts, messages } = await polled(t);
  t.deepEqual(counts.states(ref), { running: 1 });
  t.deepEqual(messages(), []);
  t.true(region().health.up);
  t.like(region().health.polls, [{ outcome: 'ok', endedAt: createdAt }]);
  t.is(region().servers, 1);
  t.is(region().flavors.name('flavor-1'), 'small');
});

test('a region that cannot be resolved for good loses what was learnt through its access', async (t) => {
  const { world, region, counts, poll, messages } = await polled(t);
  t.is(region().projects.size, 1);
  world.regions.splice(0, 1, { ...regionRecord(), provider: 'kubernetes' });
  t.deepEqual(await poll(), []);
  t.is(region().access, null);
  t.is(region().projects.size, 0);
  t.deepEqual(messages(), ['failed to resolve region, skipping: region is of the wrong kind']);
  t.deepEqual(counts.states(ref), {});
  t.is(region().health.failure?.code, 'unsupported');
});

test('a Secret that cannot be read for once costs a poll, not the sessions', async (t) => {
  const { world, region, poll, messages } = await polled(t);
  const known = region().project('identity-1');
  world.secret = { ok: false, error: error('invalid-config') };
  t.deepEqual(await poll(), []);
  t.deepEqual(messages(), ['failed to resolve region, skipping: it was invalid-config']);
  world.secret = { ok: true, result: secretData };
  const [job] = await poll();
  t.is(region().project('identity-1'), known);
  t.deepEqual(job?.projects[0]?.session, session('of identity-1'));
});

test('a region that is gone is forgotten with its counts', async (t) => {
  const { world, counts, regions, retained, poll } = await polled(t);
  t.deepEqual(retained.at(-1), ['default/secret-1']);
  world.regions.length = 0;
  world.servers.length = 0;
  await poll();
  t.deepEqual(retained.at(-1), []);
  t.deepEqual([...regions.values()], []);
  t.deepEqual([...counts.values()], []);
});

test('the span of a region ends with its poll, also where the region is gone by then, or the monitor stops', async (t) => {
  const { world, spans, stop, poll } = await polled(t);
  t.deepEqual(spans.ended(), ['check region']);
  world.meanwhile = () => {
    world.regions.length = 0;
    void poll('unsettled');
  };
  await poll();
  t.deepEqual(spans.ended(), ['check region', 'check region']);
  world.regions.push(regionRecord());
  world.meanwhile = () => stop.abort();
  await poll();
  t.deepEqual(spans.ended(), ['check region', 'check region', 'check region']);
});

const elsewhere = (): RegionRecord => {
  const record = regionRecord();
  if (record.openstack === null) throw new Error('the fixture has no openstack');
  return { ...record, openstack: { ...record.openstack, endpoint: 'https://other.example' } };
};

const changesMeanwhile: Readonly<Record<string, (world: World) => void>> = {
  'the Region is at another address': ({ regions }) => regions.splice(0, 1, elsewhere()),
  'the Region has another provider': ({ regions }) =>
    regions.splice(0, 1, { ...regionRecord(), provider: 'simulated' }),
  'the Region was deleted and created again': ({ regions }) =>
    regions.splice(0, 1, { ...regionRecord(), uid: 'another' }),
  'the Region was deleted': ({ regions }) => regions.splice(0, 1),
  'the identity has another project': ({ projectIds }) => projectIds.set('identity-1', 'another'),
  'the identity was deleted': ({ answers }) => answers.delete('identity-1'),
};

for (const [what, change] of Object.entries(changesMeanwhile))
  for (const jobError of [null, error('timeout')])
    test(`an answer that comes when ${what} shows nothing${jobError === null ? '' : ', nor does a failure'}`, async (t) => {
      const { world, poll, counts, messages, region, metrics } = await polled(t);
      const before = region().health.polls.length;
      metrics.counted.length = 0;
      world.jobError = jobError;
      world.meanwhile = () => change(world);
      const [job] = await poll();
      t.truthy(job);
      t.deepEqual(counts.states(ref), {});
      t.deepEqual(messages(), []);
      if (jobError !== null) t.is(region().health.polls.length, before);
      t.is(region().health.failures, 0);
      t.false(metrics.counted.some((line) => String(line).includes('timeout')));
    });

test('a region that is gone when its Secret has been read is not asked, nor any when the monitor stops', async (t) => {
  const { world, regions, stop, spans, poll } = await polled(t);
  spans.take();
  world.whileRead = () => {
    world.regions.length = 0;
    world.servers.length = 0;
    regions.update([], 'server-health');
  };
  t.deepEqual(await poll(), []);
  world.regions.push(regionRecord());
  world.whileRead = () => stop.abort();
  t.deepEqual(await poll(), []);
  t.deepEqual(spans.take(), []);
});

test('of an identity with another project, nothing is known of the old one', async (t) => {
  const { world, poll, region } = await polled(t);
  const known = region().project('identity-1');
  t.is(known.listedAt, 1);
  world.projectIds.set('identity-1', 'another');
  const [job] = await poll();
  t.is(job?.projects[0]?.session, undefined);
  t.is(job?.projects[0]?.changesSince, undefined);
  t.not(region().project('identity-1'), known);
});

test('a project that asked to wait is not asked before, and the others are', async (t) => {
  const { world, poll, addServer, messages } = await polled(t);
  addServer('other', { identityId: 'identity-2' });
  world.answers.set('identity-2', error('rate-limited', { retryAfterMs: 1.5 * minute }));
  t.deepEqual(asked(await poll()), ['identity-2', 'identity-1'], 'a new one goes first');
  t.deepEqual(asked(await poll()), ['identity-1']);
  t.deepEqual(messages(), ['failed to check server, skipping: it was rate-limited']);
  world.answers.set('identity-2', ['other']);
  t.deepEqual(asked(await poll()), ['identity-1', 'identity-2']);
  t.deepEqual(messages(), []);
});

test('a region that does not answer is asked for one project only, until it does', async (t) => {
  const { world, region, poll, addServer, messages } = await polled(t);
  addServer('other', { identityId: 'identity-2' });
  for (const identity of ['identity-1', 'identity-2']) world.answers.set(identity, error('timeout'));
  t.deepEqual(
    (await poll()).map(({ probe }) => probe),
    [false],
  );
  await poll();
  t.deepEqual(messages(), ['failed to resolve region, skipping: it was timeout']);
  await poll();
  t.true(region().health.breakerOpen);
  t.deepEqual(messages(), [
    'region breaker opened, asking for one project only until it answers: it was timeout',
    'failed to resolve region, skipping: it was timeout',
  ]);
  world.answers.set('identity-1', ['web']);
  t.deepEqual(
    (await poll()).map(({ probe }) => probe),
    [true],
  );
  t.false(region().health.breakerOpen);
  t.is(region().health.polls.at(-1)?.outcome, 'partial');
  t.deepEqual(
    (await poll()).map(({ probe }) => probe),
    [false],
  );
});

test('a region that rests is not asked', async (t) => {
  const { world, clock, region, poll } = await polled(t);
  const busy = error('rate-limited', { retryAfterMs: 1.5 * minute });
  world.jobError = busy;
  await poll();
  t.deepEqual(await poll(), []);
  t.deepEqual(region().health.failure, busy, 'what is known of it stays');
  world.jobError = null;
  t.is((await poll()).length, 1);
  t.is(region().health.lastGoodMs, clock.monotonicMs());
});

test('a change of the Secret ends a rest', async (t) => {
  const { world, poll } = await polled(t);
  world.jobError = error('rate-limited', { retryAfterMs: 4 * minute });
  await poll();
  t.deepEqual(await poll(), []);
  world.jobError = null;
  world.secret = { ok: true, result: new Map([...secretData, ['password', 'rotated']]) };
  t.is((await poll()).length, 1);
});

test('a job without a result is the failure of all its projects', async (t) => {
  const { world, poll, addServer, counts, messages, region } = await polled(t);
  addServer('other', { identityId: 'identity-2' });
  world.answers.set('identity-2', ['other']);
  world.jobError = error('worker-crashed');
  await poll();
  t.deepEqual(messages(), ['failed to resolve region, skipping: it was worker-crashed']);
  t.is(region().health.polls.at(-1)?.outcome, 'worker-crashed');
  t.deepEqual(counts.states(ref), {});
});

test('projects that cannot be observed show nothing, or for a while what they had', async (t) => {
  const { world, counts, poll } = await polled(t, { holdLastKnownMs: 1.5 * minute });
  world.answers.set('identity-1', error('forbidden'));
  await poll();
  t.deepEqual(counts.states(ref), { running: 1 });
  await poll();
  t.deepEqual(counts.states(ref), {});
  const usual = await polled(t);
  usual.world.answers.set('identity-1', error('forbidden'));
  await usual.poll();
  t.deepEqual(usual.counts.states(ref), {});
});

test('objects that say too little are problems of their servers, and the others are asked for', async (t) => {
  const { world, poll, addServer, reported, messages } = await polled(t);
  addServer('nowhere', { regionId: undefined });
  addServer('nobody', { identityId: undefined });
  addServer('unknown', { identityId: 'identity-9' });
  t.deepEqual(asked(await poll()), ['identity-1']);
  t.like([...(reported.get('(none)') ?? [])], [{ fields: { server: 'nowhere' } }]);
  t.deepEqual(messages(), [
    'failed to check server, skipping: consistency error: server nobody missing identity label',
    'failed to check server, skipping: openstackidentities.region.unikorn-cloud.org "identity-9" not found',
  ]);
  world.servers.splice(1);
  await poll();
  t.deepEqual([...(reported.get('(none)') ?? [])], []);
  t.deepEqual(messages(), []);
});

test('a project that no server names any more is dropped', async (t) => {
  const { world, region, poll, addServer } = await polled(t);
  addServer('other', { identityId: 'identity-2' });
  world.answers.set('identity-2', ['other']);
  await poll();
  t.is(region().projects.size, 2);
  world.servers.pop();
  await poll();
  t.deepEqual([...region().projects.keys()], ['identity-1']);
});

test('when most servers are missing at once, that is said, and nothing is projected before it is confirmed', async (t) => {
  const { world, poll, messages } = await polled(t);
  world.answers.set('identity-1', []);
  await poll();
  t.deepEqual(messages(), [
    'most servers of a project are missing at once, confirming with a new login before reporting it: ',
  ]);
  const [job] = await poll();
  t.is(job?.projects[0]?.session, undefined);
  t.is(job?.projects[0]?.changesSince, undefined);
  t.deepEqual(messages(), ['server not found in provider, skipping: ']);
});

test('flavors that cannot be listed are a problem beside the servers, not instead', async (t) => {
  const { world, addServer, counts, poll, messages } = setUp(t);
  addServer('web');
  world.answers.set('identity-1', ['web']);
  world.flavors = { outcome: { ok: false, error: error('forbidden') }, session: null };
  await poll();
  t.deepEqual(messages(), ['failed to list flavors: it was forbidden']);
  t.deepEqual(counts.states(ref), { running: 1 });
});

test('a region that fails as a whole is one problem, not another for its flavors', async (t) => {
  const { world, addServer, poll, messages } = setUp(t);
  addServer('web');
  world.answers.set('identity-1', error('timeout'));
  world.flavors = { outcome: { ok: false, error: error('timeout') }, session: null };
  await poll();
  t.deepEqual(messages(), ['failed to resolve region, skipping: it was timeout']);
});

test('a region without servers is as its flavors show it', async (t) => {
  const { world, region, poll } = setUp(t);
  await poll();
  t.true(region().health.up);
  world.flavors = { outcome: { ok: false, error: error('unreachable') }, session: null };
  await poll();
  t.false(region().health.up);
  world.jobError = error('worker-crashed');
  await poll();
  t.is(region().health.failure?.code, 'worker-crashed');
});

test('flavors that are listed do not hide that the only project fails', async (t) => {
  const { world, addServer, region, poll } = setUp(t);
  addServer('web');
  world.answers.set('identity-1', error('timeout'));
  await poll();
  t.is(region().health.failure?.code, 'timeout');
  t.is(region().flavors.name('flavor-1'), 'small');
});

test('between two polls only what is unsettled is asked for, and nothing is reported', async (t) => {
  const { world, counts, poll, addServer, messages } = await polled(t);
  addServer('coming', { identityId: 'identity-2', phase: 'Pending' });
  world.answers.set('identity-2', []);
  t.deepEqual(await poll('unsettled'), []);
  await poll();
  t.deepEqual(messages(), ['server not found in provider, skipping: ']);
  const [job, ...more] = await poll('unsettled');
  t.deepEqual(
    job?.projects.map(({ identityId }) => identityId),
    ['identity-2'],
  );
  t.deepEqual(more, []);
  t.is(job?.flavors, undefined);
  t.deepEqual(counts.states(ref), { running: 1 }, 'the others stay as they are');
  world.answers.set('identity-2', error('timeout'));
  await poll('unsettled');
  t.deepEqual(messages(), ['server not found in provider, skipping: ']);
});

test('a region that failed is left alone until the next poll', async (t) => {
  const { world, poll, addServer } = await polled(t);
  addServer('coming', { phase: 'Pending' });
  await poll();
  world.jobError = error('timeout');
  t.is((await poll('unsettled')).length, 1);
  await poll();
  t.deepEqual(await poll('unsettled'), []);
});

test('the monitor’s own end says nothing about a region', async (t) => {
  const { world, region, stop, poll, messages } = await polled(t);
  world.jobError = error('cancelled');
  stop.abort();
  await poll();
  t.true(region().health.up);
  t.is(region().health.polls.length, 1);
  t.deepEqual(messages(), []);
});

test('polls, requests and servers that were skipped are counted', async (t) => {
  const { world, metrics, poll, addServer } = await polled(t);
  t.deepEqual(metrics.counted.splice(0), ['3 requests region-1', 'region-1 north ok in 0 s']);
  world.takesMs = 1_500;
  await poll();
  t.is(metrics.counted.splice(0).at(-1), 'region-1 north ok in 1.5 s');
  addServer('nowhere', { regionId: undefined });
  world.secret = { ok: false, error: error('invalid-config') };
  await poll();
  t.deepEqual(metrics.counted, [
    '1 missing-region-label ',
    '1 region-unresolved region-1',
    'region-1 north invalid-config in 0 s',
  ]);
});

test('what an answer says beside its servers is said: records, nodes, a list that does not fit', async (t) => {
  const { world, poll, messages } = await polled(t);
  const result = resultOf('identity-1', ['web']);
  if (!result.outcome.ok) throw new Error('it has servers');
  const { outcome } = result;
  const nodes = {
    outcome: { ok: false, step: 'list', asked: [], error: error('forbidden') },
    session: null,
  } as const;
  world.results.set('identity-1', {
    ...result,
    nodes,
    outcome: {
      ...outcome,
      complete: false,
      completeError: error('timeout'),
      malformed: [{ providerId: 'nova-9', ownerId: 'other', error: error('invalid-response') }],
    },
  });
  await poll();
  t.is(messages().length, 3);
  t.regex(messages()[0] ?? '', /^complete list of a project takes too long or is too large/);
  t.is(messages()[1], 'failed to get ironic node for server: it was forbidden');
  t.is(messages()[2], 'failed to read a server record of the region, skipping: it was invalid-response');
});

test('writes that failed are reported with each poll until they stand, and make it partial', async (t) => {
  const { world, region, writeProblems, poll, messages } = await polled(t);
  const server = serverRecord({ name: 'other' });
  writeProblems.take(region(), server, { kind: 'failed', error: new Error('refused') });
  await poll();
  t.deepEqual(messages(), ['failed to check server, skipping: cannot write status: refused']);
  t.is(region().health.polls.at(-1)?.outcome, 'partial');
  const gone = region();
  world.regions.length = 0;
  world.servers.length = 0;
  await poll();
  t.deepEqual(writeProblems.of(gone), []);
});

test('each poll of a region is a span with its calls, which ends, and says why the region failed', async (t) => {
  const { world, spans, addServer, poll } = setUp(t);
  world.calls.push({ route: 'GET /x', status: 200, startMs: 1, endMs: 2 });
  const ended = () =>
    spans.take().map(({ name, status, attributes }) => [name, status.message, attributes['region_name']]);
  addServer('coming', { phase: 'Pending' });
  world.answers.set('identity-1', []);
  const [job] = await poll();
  t.true(job?.traced);
  const call = ['GET /x', undefined, undefined];
  const answered = [call, ['check region', undefined, 'north']];
  t.deepEqual(ended(), answered);
  await poll('unsettled');
  t.deepEqual(ended(), answered);
  const failed = [['check region', 'it was timeout', 'north']];
  world.jobError = error('timeout');
  await poll('unsettled');
  t.deepEqual(ended(), failed);
  await poll();
  t.deepEqual(ended(), failed);
  world.jobError = null;
  world.meanwhile = () => world.regions.splice(0, 1, elsewhere());
  await poll();
  t.deepEqual(ended(), answered, 'nor does an answer of another cloud leave one open');
  world.secret = { ok: false, error: error('invalid-config') };
  await poll();
  t.deepEqual(ended(), [['check region', 'it was invalid-config', 'north']]);
});
