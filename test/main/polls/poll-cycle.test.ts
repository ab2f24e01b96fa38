import test from 'ava';
import { PollCycle, type PollCycleOptions } from '../../../src/main/polls/poll-cycle.ts';
import type { DoneJob } from '../../../src/main/telemetry/metrics.ts';
import type { Checker, CheckJob, Cycle, JobReport } from '../../../src/shared/checker.ts';
import type { CheckError } from '../../../src/shared/errors.ts';
import type { RegionRef } from '../../../src/shared/region-ref.ts';
import { RecordedLog } from '../../fixtures/monitor/recorded-log.ts';
import { RecordedSpans } from '../../fixtures/monitor/recorded-spans.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

/** A pool whose jobs end when a test says so. */
class ScriptedPool {
  readonly jobs: { readonly region: string; readonly end: (error: CheckError) => void }[] = [];
  times = { queuedMs: 1_000, startedMs: 1_250, endedMs: 3_250 };

  async run<Result>(_module: URL, job: CheckJob): Promise<JobReport<Result>> {
    const ended = Promise.withResolvers<CheckError>();
    this.jobs.push({ region: job.region.name, end: ended.resolve });
    const error = await ended.promise;
    return { outcome: { ok: false, error }, worker: 1, ...this.times };
  }

  /** Ends the first job of the region. */
  async end(region: string): Promise<void> {
    const index = this.jobs.findIndex((job) => job.region === region);
    const [job] = this.jobs.splice(index, 1);
    if (index < 0 || job === undefined) throw new Error(`region ${region} has no job`);
    job.end({ code: 'unreachable', message: 'refused' });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

class RecordedMetrics {
  readonly started: string[] = [];
  readonly skipped: string[] = [];
  readonly done: DoneJob[] = [];

  pollStarted(checker: string): void {
    this.started.push(checker);
  }

  pollSkipped(_checker: string, regionId: string): void {
    this.skipped.push(regionId);
  }

  jobDone(job: DoneJob): void {
    this.done.push(job);
  }
}

interface Plan {
  regions: (cycle: Cycle) => Iterable<RegionRef>;
  plan: (region: RegionRef, cycle: Cycle) => Promise<readonly CheckJob[]>;
  apply: (job: CheckJob, report: JobReport<unknown>) => Promise<void>;
}

function refs(...names: string[]): RegionRef[] {
  return names.map((name) => ({ namespace: 'default', name }));
}

async function oneJob(region: RegionRef, { deadlineMs }: Cycle): Promise<CheckJob[]> {
  return [{ region, deadlineMs }];
}

function setUp(
  plan: Partial<Plan> = {},
  { mayPoll }: Pick<PollCycleOptions<CheckJob, unknown>, 'mayPoll'> = {},
) {
  const pool = new ScriptedPool();
  const metrics = new RecordedMetrics();
  const log = new RecordedLog();
  const applied: string[] = [];
  const finished: string[] = [];
  const whole: string[] = [];
  const spans = new RecordedSpans();
  const stop = new AbortController();
  const steps: Plan = {
    regions: () => refs('a', 'b'),
    plan: oneJob,
    apply: async (job) => {
      applied.push(job.region.name);
    },
    ...plan,
  };
  const checker: Checker<CheckJob, unknown> = {
    name: 'test',
    worker: new URL('file:///check.js'),
    regions: (cycle) => steps.regions(cycle),
    plan: async (region, cycle) => steps.plan(region, cycle),
    apply: async (job, report) => steps.apply(job, report),
    finish: (region) => {
      finished.push(region.name);
    },
  };
  const options: PollCycleOptions<CheckJob, unknown> = {
    checker,
    pool,
    checkTimeoutMs: 5_000,
    unsettledTimeoutMs: 500,
    clock: new ScriptedClock(),
    metrics,
    tracer: spans.tracer,
    logger: log,
    mayPoll,
    onFinished: (check, region, number) => whole.push(`${check} ${region.name} ${number}`),
    signal: stop.signal,
  };
  return { cycle: new PollCycle(options), pool, metrics, log, applied, finished, whole, spans, stop, steps };
}

async function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a poll runs a job for each region and ends with the last of them', async (t) => {
  const { cycle, pool, metrics, applied, finished, log, spans } = setUp();
  let ended = false;
  const polling = cycle.poll(1).then(() => {
    ended = true;
  });
  await nextTurn();
  await pool.end('b');
  t.deepEqual(applied, ['b'], 'an answer is applied as it comes');
  t.deepEqual(finished, ['b'], 'and its region has ended');
  t.false(ended);
  t.deepEqual(spans.ended(), []);
  await pool.end('a');
  await polling;
  t.deepEqual(spans.ended(), ['poll test']);
  t.deepEqual(applied, ['b', 'a']);
  t.deepEqual(finished, ['b', 'a']);
  t.deepEqual(metrics.started, ['test']);
  t.deepEqual(metrics.done[0], {
    worker: 1,
    outcome: 'unreachable',
    queueWaitSeconds: 0.25,
    runSeconds: 2,
  });
  t.deepEqual(log.lines, []);
});

test('a job has the time of a check from the beginning of the poll', async (t) => {
  const { cycle, steps } = setUp();
  const deadlines: number[] = [];
  steps.regions = () => refs('a');
  steps.plan = async (_region, { deadlineMs, number }) => {
    deadlines.push(deadlineMs, number);
    return [];
  };
  await cycle.poll(7);
  t.deepEqual(deadlines, [6_000, 7]);
});

test('a region that is still busy is left out and counted, and the others go on at their pace', async (t) => {
  const { cycle, pool, metrics, applied } = setUp();
  const first = cycle.poll(1);
  await nextTurn();
  await pool.end('b');

  const second = cycle.poll(2);
  await nextTurn();
  t.deepEqual(metrics.skipped, ['a']);
  t.deepEqual(
    pool.jobs.map(({ region }) => region),
    ['a', 'b'],
  );
  await pool.end('b');
  await second;
  t.deepEqual(applied, ['b', 'b']);

  await pool.end('a');
  await first;
  const third = cycle.poll(3);
  await nextTurn();
  t.deepEqual(metrics.skipped, ['a'], 'it is free again');
  await pool.end('a');
  await pool.end('b');
  await third;
});

test('a region is busy while it is planned, and until the last of its jobs was applied', async (t) => {
  const planned = Promise.withResolvers<void>();
  const applying = Promise.withResolvers<void>();
  const { cycle, pool, metrics, finished, steps } = setUp();
  steps.regions = () => refs('a');
  steps.plan = async (region, { deadlineMs }) => {
    await planned.promise;
    return [
      { region, deadlineMs },
      { region, deadlineMs },
    ];
  };
  steps.apply = async () => applying.promise;
  const first = cycle.poll(1);
  await nextTurn();
  steps.plan = oneJob;
  await cycle.poll(2);
  t.deepEqual(metrics.skipped, ['a']);

  planned.resolve();
  await nextTurn();
  await pool.end('a');
  await cycle.poll(3);
  t.deepEqual(metrics.skipped, ['a', 'a']);

  await pool.end('a');
  await cycle.poll(4);
  t.deepEqual(metrics.skipped, ['a', 'a', 'a'], 'both answered, neither is applied');
  t.deepEqual(finished, []);

  applying.resolve();
  await first;
  t.deepEqual(finished, ['a'], 'once, after the last');
  const fifth = cycle.poll(5);
  await nextTurn();
  await pool.end('a');
  await fifth;
  t.deepEqual(metrics.skipped.length, 3);
});

test('what is asked between two polls, or of some regions, leaves alone what is under way', async (t) => {
  const { cycle, pool, metrics, finished, whole } = setUp();
  const first = cycle.poll(1);
  await nextTurn();
  await pool.end('b');
  const between = cycle.poll(2, 'unsettled');
  const some = cycle.poll(3, 'all', ({ name }) => name === 'a');
  await nextTurn();
  t.deepEqual(
    pool.jobs.map(({ region }) => region),
    ['a', 'b'],
  );
  t.deepEqual(metrics.skipped, [], 'only a poll that was due is missed');
  await pool.end('a');
  await pool.end('b');
  await Promise.all([first, between, some]);
  t.deepEqual(finished, ['b', 'a', 'b']);
  t.deepEqual(whole, ['test b 1', 'test a 1'], 'what is asked between two polls is no poll');
  const one = cycle.poll(4, 'all', ({ name }) => name === 'b');
  await nextTurn();
  await pool.end('b');
  await one;
  t.is(whole.at(-1), 'test b 4');
  t.deepEqual(metrics.started, ['test', 'test', 'test']);
});

test('a region that another replica has by then is asked nothing', async (t) => {
  const { cycle, pool, applied, finished } = setUp({}, { mayPoll: ({ name }) => name !== 'a' });
  const polling = cycle.poll(1);
  await nextTurn();
  t.deepEqual(
    pool.jobs.map(({ region }) => region),
    ['b'],
  );
  await pool.end('b');
  await polling;
  t.deepEqual(applied, ['b']);
  t.deepEqual(finished, ['a', 'b']);
});

test('a region whose plan takes long delays no other', async (t) => {
  const { cycle, pool, applied, finished, steps } = setUp();
  const planned = Promise.withResolvers<void>();
  steps.plan = async (region, poll) => {
    if (region.name === 'a') await planned.promise;
    return oneJob(region, poll);
  };
  const first = cycle.poll(1);
  await nextTurn();
  await pool.end('b');
  t.deepEqual([applied, finished], [['b'], ['b']]);
  const second = cycle.poll(2);
  await nextTurn();
  await pool.end('b');
  await second;
  t.deepEqual(applied, ['b', 'b']);
  planned.resolve();
  await nextTurn();
  await pool.end('a');
  await first;
});

test('regions of one name in two namespaces are two', async (t) => {
  const { cycle, pool, steps } = setUp();
  steps.regions = () => ['one', 'two'].map((namespace) => ({ namespace, name: 'a' }));
  const first = cycle.poll(1);
  await nextTurn();
  t.is(pool.jobs.length, 2);
  await pool.end('a');
  await pool.end('a');
  await first;
});

test('a region without a job is finished, and free at the next poll', async (t) => {
  const { cycle, metrics, finished, steps } = setUp();
  steps.plan = async () => [];
  await cycle.poll(1);
  t.deepEqual(finished, ['a', 'b']);
  await cycle.poll(2);
  t.deepEqual(metrics.skipped, []);
});

test('a plan that throws is logged, and the next poll works', async (t) => {
  const { cycle, pool, metrics, log, applied, steps } = setUp();
  const defect = new Error('no plan');
  steps.regions = () => refs('a');
  steps.plan = async () => {
    throw defect;
  };
  await cycle.poll(1);
  t.deepEqual(log.take(), ['check failed']);
  steps.regions = () => {
    throw defect;
  };
  await cycle.poll(2);
  t.deepEqual(log.lines, [
    { level: 'error', msg: 'check failed', error: defect, fields: { checker: 'test' } },
  ]);
  steps.regions = () => refs('a');
  steps.plan = oneJob;
  const next = cycle.poll(3);
  await nextTurn();
  await pool.end('a');
  await next;
  t.deepEqual(applied, ['a']);
  t.deepEqual(metrics.skipped, []);
});

test('an apply that throws is logged, disturbs no other region, and the next poll works', async (t) => {
  const { cycle, pool, metrics, log, applied, steps } = setUp();
  steps.apply = async ({ region: { name } }) => {
    if (name === 'a') throw new Error('no projection');
    applied.push(name);
  };
  const first = cycle.poll(1);
  await nextTurn();
  await pool.end('a');
  await pool.end('b');
  await first;
  t.deepEqual(log.take(), ['check failed']);
  t.deepEqual(applied, ['b']);
  const second = cycle.poll(2);
  await nextTurn();
  await pool.end('a');
  await pool.end('b');
  await second;
  t.deepEqual(metrics.skipped, []);
});

test('what breaks because of the shutdown is not logged', async (t) => {
  const { cycle, log, stop, steps } = setUp();
  steps.plan = async (_region, poll) => {
    stop.abort();
    poll.signal.throwIfAborted();
    return [];
  };
  await cycle.poll(1);
  t.deepEqual(log.lines, []);
});

test('the clock of a thread may be behind: no job has waited or run for less than nothing', async (t) => {
  const { cycle, pool, metrics, steps } = setUp();
  steps.regions = () => refs('a');
  pool.times = { queuedMs: 1_000, startedMs: 999, endedMs: 998 };
  const polling = cycle.poll(1);
  await nextTurn();
  await pool.end('a');
  await polling;
  t.like(metrics.done[0], { queueWaitSeconds: 0, runSeconds: 0 });
});
