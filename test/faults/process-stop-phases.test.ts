// A stop in each phase of a monitor's life, with real processes. The answer of the request that marks the phase is held, so
// the process is in it. The next life does what is left: over both logs together, each transition is one line.

import test, { type ExecutionContext } from 'ava';
import pLimit from 'p-limit';
import type { FaultEffect } from '../../src/sandbox/kubernetes/faults.ts';
import type { Route } from '../../src/sandbox/openstack/routes.ts';
import { namespace } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { MonitorProcess, ProcessOptions } from '../fixtures/monitor/monitor-process.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { type OtlpReceiverFixture, startOtlpReceiver } from '../fixtures/monitor/otlp-receiver.ts';
import { SuccessiveLives } from '../fixtures/monitor/successive-lives.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

/** Tests that have processes at once: other files have some, too. */
const places = pLimit(2);
/** The promise is --drain-timeout and 2 s; a busy machine gets more. */
const patienceMs = 6_000;
const shortDrainMs = 500;
const lease = 'region-monitor-0';
const statusWrites = 'patch servers/status';
const gaveUp = 'status write did not end before the stop, its transition may not be logged';

interface Stage {
  readonly lives: SuccessiveLives;
  /** Of telemetry: it hangs. */
  readonly receiver: OtlpReceiverFixture;
  /** Resolves when the process has begun to stop. */
  readonly stopping: Promise<void>;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

interface Arranged {
  /** The process is in the phase. */
  readonly reached: (life: MonitorProcess) => boolean;
  readonly flags?: readonly string[];
}

type Arrange = (stage: Stage) => Arranged;

interface Phase {
  readonly arrange: Arrange;
  readonly life?: ProcessOptions;
  readonly signal?: 'SIGTERM' | 'SIGINT';
  readonly drainMs?: number;
  /** Once the stop has begun. */
  readonly secondSignal?: true;
  readonly code?: number;
  /** Messages of the errors that are logged; none unless given. */
  readonly errors?: readonly string[];
  /** Whether lines are missing: those of the servers that the errors name. */
  readonly lines?: 'all' | 'missing';
  /** Whether a Lease is still held when the process has ended. */
  readonly keepsLease?: boolean;
}

const always = { times: Number.POSITIVE_INFINITY };

/** Requests to the API server are held until the stop has begun, or until the process has ended; then they are as is said. */
function held(
  action: string,
  then?: FaultEffect,
  {
    until = 'stopping',
    times = Number.POSITIVE_INFINITY,
  }: { until?: 'stopping' | 'ended'; times?: number } = {},
): Arrange {
  return ({ lives: { sandbox }, ...moments }) => {
    const { faults } = sandbox.cluster;
    const fault = faults.add({ action, times }, { kind: 'hold', until: moments[until] });
    if (then !== undefined) faults.add({ action, times }, then);
    return { reached: () => fault.hits > 0 };
  };
}

function unanswered(action: string, effect: FaultEffect = { kind: 'hang' }): Arrange {
  return ({ lives: { sandbox } }) => {
    const fault = sandbox.cluster.faults.add({ action, ...always }, effect);
    return { reached: () => fault.hits > 0 };
  };
}

/** Requests to the cloud are not answered, but for the first ones. */
function silentCloud(route: Route, after = 0): Arrange {
  return ({ lives: { region } }) => {
    const fault = region.cloud.faults.add({ kind: 'hang' }, { route, after });
    return { reached: () => fault.hits > 0 };
  };
}

/** All is written, and the Lease is held. What then becomes of requests about it? */
function sharing(...effects: readonly FaultEffect[]): Arrange {
  return ({ lives }) => {
    for (const effect of effects) lives.sandbox.cluster.faults.add({ action: 'patch leases' }, effect);
    return { reached: () => lives.untrue.length === 0 && lives.holder(lease) !== '' };
  };
}

/** So long that it is not renewed meanwhile. */
const longLease = { flags: ['--shards=1', '--lease-duration=60s'] };

const check: ProcessOptions = {
  command: 'check',
  flags: ['--zap-encoder=json', '--zap-log-level=info'],
};

const phases: Readonly<Record<string, Phase>> = {
  'the definitions are read': { arrange: unanswered('get /openapi/v3') },
  'servers are listed for the first time': { arrange: unanswered('list servers'), signal: 'SIGINT' },
  'it logs in to a cloud': { arrange: silentCloud('POST /v3/auth/tokens') },
  'it is between two pages of a list': { arrange: silentCloud('GET /servers/detail', 1), signal: 'SIGINT' },
  'an answer of a cloud arrives': {
    arrange: ({ lives: { region } }) => {
      region.cloud.faults.add({ kind: 'latency', ms: 1_000 }, { route: 'GET /servers/detail', times: 3 });
      let paused = false;
      return {
        // Answer and signal wait for the process together.
        reached: ({ child }) => {
          const lists = region.cloud.requests.latest({ route: 'GET /servers/detail' });
          if (!paused && lists.length === 3) paused = child.kill('SIGSTOP');
          return paused && lists.every(({ endedMs }) => endedMs !== null);
        },
      };
    },
  },
  'status writes are answered late': { arrange: held(statusWrites), signal: 'SIGINT' },
  'status writes conflict': { arrange: held(statusWrites, { kind: 'respond', status: 409 }) },
  'status writes fail once': {
    arrange: held(statusWrites, { kind: 'respond', status: 500 }, { times: 5 }),
  },
  'status writes are carried out, and the connection is cut': {
    arrange: held(statusWrites, { kind: 'lost' }),
  },
  'status writes are carried out, and half of the answer comes': {
    arrange: held(statusWrites, { kind: 'truncate' }),
  },
  'status writes are not answered': {
    arrange: unanswered(statusWrites),
    drainMs: shortDrainMs,
    errors: Array<string>(5).fill(gaveUp),
  },
  'status writes are carried out after the process has ended': {
    arrange: held(statusWrites, undefined, { until: 'ended' }),
    drainMs: shortDrainMs,
    errors: Array<string>(5).fill(gaveUp),
    lines: 'missing',
  },
  'a lost answer is asked about': {
    arrange: (stage) => {
      unanswered(statusWrites, { kind: 'lost' })(stage);
      return held('get servers', { kind: 'drop' }, { times: 5 })(stage);
    },
  },
  'neither status writes nor reads are answered': {
    arrange: (stage) => {
      unanswered(statusWrites, { kind: 'lost' })(stage);
      return unanswered('get servers')(stage);
    },
    drainMs: shortDrainMs,
    errors: Array<string>(5).fill(gaveUp),
    lines: 'missing',
  },
  'it is stopping: the second signal ends it at once': {
    arrange: unanswered(statusWrites),
    secondSignal: true,
    code: 143,
  },
  'it has nothing to do, with standard input and output closed': {
    arrange: ({ lives }) => ({ reached: () => lives.untrue.length === 0 }),
    life: { redirection: '<&- >&-' },
  },
  'the receiver of telemetry hangs': {
    arrange: ({ lives, receiver }) => ({
      reached: () => lives.untrue.length === 0,
      flags: [`--otlp-endpoint=${receiver.endpoint}`, '--trace-sampling-ratio=1'],
    }),
    errors: ['failed to export telemetry'],
  },
  'Events are not answered': {
    arrange: unanswered('create events'),
    life: { flags: ['--events'] },
  },
  'a check writes': {
    arrange: held(statusWrites),
    life: check,
    code: 1,
  },
  'a check loses the answers to its writes': {
    arrange: held(statusWrites, { kind: 'lost' }),
    life: check,
    code: 1,
  },
  'status writes are answered late, and a Lease is held': { arrange: held(statusWrites), life: longLease },
  'a Lease is taken, and no answer comes': {
    arrange: unanswered('create leases', { kind: 'lost', open: true }),
    life: longLease,
  },
  'a Lease is asked for, and the request hangs': { arrange: unanswered('create leases'), life: longLease },
  'a Lease is given back, and the answer is lost': { arrange: sharing({ kind: 'lost' }), life: longLease },
  'a Lease is given back, and that fails at first': {
    arrange: sharing({ kind: 'respond', status: 500 }, { kind: 'respond', status: 409 }, { kind: 'drop' }),
    life: longLease,
  },
  'a Lease is renewed, and no answer comes': {
    arrange: ({ lives }) => {
      const effect = { kind: 'lost', open: true } as const;
      const renewal = lives.sandbox.cluster.faults.add({ action: 'patch leases' }, effect);
      return { reached: () => renewal.hits > 0 };
    },
    life: { flags: ['--shards=1', '--lease-duration=3s'] },
  },
  'a Lease is given back, and no answer comes': {
    arrange: sharing({ kind: 'hang' }),
    life: longLease,
    errors: ['failed to give shard back, others take it when its Lease expires'],
    keepsLease: true,
  },
};

for (const [name, phase] of Object.entries(phases))
  test(`a stop while ${name}`, async (t) => {
    t.timeout(600_000);
    await places(async () => stopsIn(t, phase));
  });

async function stopsIn(t: ExecutionContext, phase: Phase): Promise<void> {
  const {
    signal = 'SIGTERM',
    drainMs = 8_000,
    code = 0,
    errors = [],
    lines = 'all',
    keepsLease = false,
  } = phase;
  const lives = await SuccessiveLives.start(t);
  const receiver = await startOtlpReceiver();
  t.teardown(async () => receiver.close());
  receiver.respond = 'hang';
  const [stopping, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { reached, flags = [] } = phase.arrange({
    lives,
    receiver,
    stopping: stopping.promise,
    ended: ended.promise,
  });
  const life = await lives.begin({
    ...phase.life,
    flags: ['--poll-period=1m', `--drain-timeout=${drainMs}ms`, ...(phase.life?.flags ?? []), ...flags],
  });
  let writtenBeforeRelease: readonly string[] | undefined;
  const unwatch = lives.sandbox.cluster.onChange('leases', () => {
    if (lives.holder(lease) === '') writtenBeforeRelease = lives.written;
  });
  t.teardown(unwatch);
  await eventually('the phase', () => reached(life), { everyMs: 5 }).catch((error: unknown) => {
    throw new Error(life.log, { cause: error });
  });
  const askedMs = performance.now();
  const end = life.end(signal);
  // For a process that waits for it.
  life.child.kill('SIGCONT');
  // A check does not say that it stops.
  if (phase.life?.command !== 'check')
    await eventually('the stop', () => life.logged('service stopping').length > 0, { everyMs: 5 });
  if (phase.secondSignal) life.child.kill('SIGTERM');
  stopping.resolve();
  t.is(await end, code, life.log);
  const tookMs = Math.round(performance.now() - askedMs);
  t.true(tookMs < drainMs + patienceMs, `took ${tookMs} ms`);
  ended.resolve();
  t.is(lives.holder(lease) !== '', keepsLease);
  t.deepEqual(writtenBeforeRelease ?? lives.written, lives.written, 'held until all writes have ended');
  // As if it had expired.
  if (keepsLease) lives.sandbox.cluster.delete('leases', namespace, lease);
  const logged = life.lines.filter(({ level }) => level === 'error');
  t.deepEqual(
    logged.map(({ msg }) => msg),
    errors,
    life.log,
  );

  const next = await lives.finish(phase.life?.flags?.includes('--shards=1') === true ? longLease : {});
  t.is(await next.end('SIGTERM'), 0);
  const named = new Set(lines === 'all' ? [] : logged.map((line) => line['instance_id']));
  const counts = (change: string): boolean => !named.has(change.split(':')[0]);
  t.deepEqual(lives.told.filter(counts), lives.written.filter(counts), `${life.log}\n${next.log}`);
}
