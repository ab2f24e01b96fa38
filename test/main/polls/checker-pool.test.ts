import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { CheckerPool, type CheckerPoolOptions } from '../../../src/main/polls/checker-pool.ts';
import { EventLoopTurns } from '../../../src/main/polls/event-loop-turns.ts';
import { workerModule } from '../../../src/main/polls/worker-modules.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../../src/main/polls/worker-pool.ts';
import type { JobReport } from '../../../src/shared/checker.ts';
import { monotonicMs, systemClock } from '../../../src/shared/clock.ts';
import type { CheckError } from '../../../src/shared/errors.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { fixtureCheck, fixtureJob } from '../../fixtures/pool/fixture-job.ts';

interface Watched {
  readonly ended: { worker: number; reason: string }[];
  readonly errors: Error[];
}

function watched() {
  const seen: Watched = { ended: [], errors: [] };
  const listeners = {
    onWorkerEnded: (worker: number, reason: string) => {
      seen.ended.push({ worker, reason });
    },
    onError: (error: Error) => {
      seen.errors.push(error);
    },
    onWarning: (text: string) => {
      seen.errors.push(new Error(text));
    },
  };
  return { seen, listeners };
}

/** Its threads run already: short deadlines are not spent on their start. */
async function openPool(t: ExecutionContext, changes: Partial<CheckerPoolOptions> = {}) {
  const { pool, ...seen } = coldPool(t, changes);
  const warmUp = Array.from({ length: changes.workers ?? 2 }, async (_, index) =>
    pool.run(fixtureCheck('answer'), fixtureJob(`warm-up-${index}`)),
  );
  await Promise.all(warmUp);
  return { pool, ...seen };
}

function coldPool(t: ExecutionContext, changes: Partial<CheckerPoolOptions>) {
  const { seen, listeners } = watched();
  const pool = new CheckerPool({
    turns: new EventLoopTurns(),
    entry: workerModule('entry'),
    workers: 2,
    checkTimeoutMs: 1_000,
    clock: systemClock,
    ...listeners,
    ...changes,
  });
  t.teardown(async () => pool.close());
  return { pool, ...seen };
}

/** One thread that runs one job at a time. */
async function openWorker(t: ExecutionContext, changes: Partial<WorkerPoolOptions> = {}) {
  const { seen, listeners } = watched();
  const worker = new WorkerPool({
    checks: [],
    entry: workerModule('entry'),
    threads: 1,
    jobsPerThread: 1,
    firstNumber: 0,
    maxQueue: 100,
    memoryLimitMiB: 512,
    stuckAfterMs: 10_000,
    clock: systemClock,
    ...listeners,
    ...changes,
  });
  t.teardown(async () => worker.close());
  await worker.run(fixtureCheck('answer'), fixtureJob('warm-up'));
  return { worker, ...seen };
}

function failure({ outcome }: JobReport<unknown>): CheckError {
  if (!outcome.ok) return outcome.error;
  throw new Error(`the job succeeded: ${JSON.stringify(outcome.result)}`);
}

const answered = v.object({ threadId: v.number(), regionId: v.string() });

function answer({ outcome }: JobReport<unknown>): v.InferOutput<typeof answered> {
  if (outcome.ok) return v.parse(answered, outcome.result);
  throw new Error(`the job failed: ${outcome.error.code}: ${outcome.error.message}`);
}

/** The number of the worker that had the job. */
function workerOf({ worker }: JobReport<unknown>): number {
  if (worker === null) throw new Error('no worker had the job');
  return worker;
}

function restarts(pool: CheckerPool): Record<number, number> {
  return Object.fromEntries([...pool.workers()].map(({ worker, restarts }) => [worker, restarts]));
}

/** Worker numbers below this are the shared threads'. */
const shared = 2;

test.serial('a main thread that stood still blames no worker for it', async (t) => {
  const { pool, ended } = await openPool(t);
  const running = pool.run(fixtureCheck('wait'), fixtureJob('region', { timeMs: 300, waitMs: 100 }));
  await eventually('the job to begin', () =>
    [...pool.workers()].some(({ jobsInFlight }) => jobsInFlight === 1),
  );
  // After I/O, so that the timers come first when it goes on, and the workers' messages only then.
  await new Promise((resolve) => setImmediate(resolve));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
  t.is(answer(await running).regionId, 'region');
  t.deepEqual(ended, []);
});

test('an endless loop costs its own region an answer, and nobody else', async (t) => {
  const { pool, ended } = await openPool(t);
  const wait = async (region: string) =>
    pool.run(fixtureCheck('wait'), fixtureJob(region, { waitMs: 3_500 }));
  const innocent = [wait('region-a'), wait('region-b')];
  // Time to begin, also on a busy machine: what is never begun is only late.
  const guilty = await pool.run(fixtureCheck('loop'), fixtureJob('looping', { timeMs: 1_000 }));
  t.is(failure(guilty).code, 'worker-stuck');
  const worker = workerOf(guilty);
  t.true(worker < shared);

  const reports = await Promise.all(innocent);
  t.deepEqual(
    reports.map((report) => answer(report).regionId),
    ['region-a', 'region-b'],
  );
  const again = reports.filter((report) => workerOf(report) >= shared);
  const untouched = reports.filter((report) => workerOf(report) < shared);
  t.is(again.length, 1, 'the job on the thread of the loop was run again, alone');
  t.is(untouched.length, 1, 'the job on the other thread went on');
  t.is(untouched[0]?.worker, 1 - worker);

  t.deepEqual(ended, [{ worker, reason: 'worker-stuck' }]);
  const numbers = restarts(pool);
  t.is(numbers[worker], 1, 'the thread was replaced under its number');
  t.is(numbers[1 - worker], 0);
});

test('a loop that is found by the missing heartbeat is given one more try alone', async (t) => {
  const { pool, ended } = await openPool(t, { workers: 1 });
  // On a busy machine a loop is found late, and a job beyond its deadline is not run again.
  const report = await pool.run(fixtureCheck('loop'), fixtureJob('looping', { timeMs: 120_000 }));
  t.is(failure(report).code, 'worker-stuck');
  t.deepEqual(ended, [
    { worker: 0, reason: 'worker-stuck' },
    { worker: workerOf(report), reason: 'worker-stuck' },
  ]);
  t.not(workerOf(report), 0);
});

test('a loop is ended soon after the deadline of its job, however long a silence may be', async (t) => {
  const { worker, ended } = await openWorker(t, { stuckAfterMs: 60_000 });
  const ran = await worker.run(fixtureCheck('loop'), fixtureJob('looping', { timeMs: 2_000 }));
  t.like(ran, { ok: false, worker: 0, error: { code: 'worker-stuck' } });
  await eventually('the thread to be replaced', () => ended.length > 0);
});

test('a thread that gets no processor is waited for, even after the deadline of its job', async (t) => {
  const { worker, ended } = await openWorker(t, { stuckAfterMs: 2_500 });
  const ran = await worker.run(
    fixtureCheck('block'),
    fixtureJob('starving', { timeMs: 1_000, waitMs: 3_500 }),
  );
  // It answered by itself: its deadline was over when it could.
  t.true(ran.ok);
  t.deepEqual(ended, []);
  t.is(worker.workers()[0]?.restarts, 0);
});

test('a thread that waits for ever in a call is replaced in the end', async (t) => {
  const { worker, ended } = await openWorker(t, { stuckAfterMs: 500 });
  const job = fixtureJob('waiting', { timeMs: 60_000, waitMs: 50_000 });
  const ran = await worker.run(fixtureCheck('block'), job);
  t.like(ran, { ok: false, worker: 0, error: { code: 'worker-stuck' } });
  await eventually('the thread to be replaced', () => ended.length > 0);
});

test('an idle thread that loops is replaced before it swallows the next jobs', async (t) => {
  const { pool, ended } = await openPool(t, { workers: 1 });
  const first = await pool.run(fixtureCheck('loop-later'), fixtureJob('region'));
  t.true(first.outcome.ok);
  await eventually('the thread to be replaced', () => ended.length > 0);
  t.deepEqual(ended, [{ worker: 0, reason: 'worker-stuck' }]);
  const next = await pool.run(fixtureCheck('answer'), fixtureJob('region'));
  t.is(answer(next).regionId, 'region');
  t.is(next.worker, 0);
});

test('a region that ended a thread stays alone until its thread survives', async (t) => {
  const { pool, ended } = await openPool(t);
  const crashed = await pool.run(fixtureCheck('exit'), fixtureJob('exiting'));
  t.is(failure(crashed).code, 'worker-crashed');
  t.true(workerOf(crashed) >= shared, 'the second try was made alone');
  t.deepEqual(
    ended.map(({ reason }) => reason),
    ['worker-crashed', 'worker-crashed'],
  );

  const again = await pool.run(fixtureCheck('exit'), fixtureJob('exiting'));
  t.is(failure(again).code, 'worker-crashed');
  t.is(ended.length, 3, 'it was not let near the others again');

  const other = await pool.run(fixtureCheck('answer'), fixtureJob('other'));
  t.true(workerOf(other) < shared);
  const alone = await pool.run(fixtureCheck('answer'), fixtureJob('exiting'));
  t.true(workerOf(alone) >= shared);
  answer(alone);
  const back = await pool.run(fixtureCheck('answer'), fixtureJob('exiting'));
  t.true(workerOf(back) < shared);
  answer(back);
  t.deepEqual(Object.keys(restarts(pool)), ['0', '1'], 'nobody is suspected, so nobody is kept alone');
});

test('a region with several jobs stays alone until none of them ends its thread', async (t) => {
  const { pool } = await openPool(t);
  const run = async (name: string) => pool.run(fixtureCheck(name), fixtureJob('region'));
  await run('exit');
  for (const names of [
    ['answer', 'exit', 'answer'],
    ['exit', 'answer'],
    ['answer', 'answer'],
  ]) {
    const reports = await Promise.all(names.map(run));
    t.true(
      reports.every((report) => workerOf(report) >= shared),
      names.join(' '),
    );
  }
  t.true(workerOf(await run('answer')) < shared);
});

test('a region that is forgotten is not suspected any more', async (t) => {
  const { pool } = await openPool(t);
  await pool.run(fixtureCheck('exit'), fixtureJob('exiting'));
  pool.forget({ namespace: 'default', name: 'exiting' });
  const next = await pool.run(fixtureCheck('answer'), fixtureJob('exiting'));
  t.true(workerOf(next) < shared);
});

test('a crash in one job costs the jobs beside it nothing', async (t) => {
  const { pool } = await openPool(t, { workers: 1 });
  const innocent = Array.from({ length: 8 }, async (_, index) =>
    pool.run(fixtureCheck('wait'), fixtureJob(`region-${index}`, { waitMs: 400 })),
  );
  const guilty = pool.run(fixtureCheck('throw-uncaught'), fixtureJob('throwing', { waitMs: 100 }));
  const reports = await Promise.all(innocent);
  t.deepEqual(
    reports.map((report) => answer(report).regionId),
    ['region-0', 'region-1', 'region-2', 'region-3', 'region-4', 'region-5', 'region-6', 'region-7'],
  );
  t.like(failure(await guilty), { code: 'worker-crashed', message: 'thrown in a timer' });
});

test('a thread that ends while it receives a large answer keeps no other from receiving theirs', async (t) => {
  const { pool } = await openPool(t);
  const guilty = pool.run(fixtureCheck('hold-turn'), fixtureJob('large', { waitMs: 500 }));
  const waiting = Array.from({ length: 4 }, async (_, index) =>
    pool.run(fixtureCheck('take-turn'), fixtureJob(`region-${index}`, { waitMs: 100 })),
  );
  for (const report of await Promise.all(waiting)) answer(report);
  t.is(failure(await guilty).code, 'worker-crashed');
});

test('worker numbers stay the same through many crashes', async (t) => {
  const { pool, ended } = await openPool(t);
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      ['left', 'right'].map(async (region) =>
        pool.run(fixtureCheck('exit'), fixtureJob(`${region}-${round}`)),
      ),
    );
    const numbers = [...pool.workers()].map(({ worker }) => worker).filter((worker) => worker < shared);
    t.true(numbers.every((worker, index) => numbers.indexOf(worker) === index));
  }
  t.true(ended.length >= 6);
  await eventually('both shared threads', async () => {
    const reports = await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        pool.run(fixtureCheck('wait'), fixtureJob(`region-${index}`, { waitMs: 50 })),
      ),
    );
    const numbers = new Set(reports.map(({ worker }) => worker));
    return numbers.size === 2 && numbers.has(0) && numbers.has(1);
  });
});

test('an error that nobody caught in an idle moment is reported, and the thread replaced', async (t) => {
  const { pool, ended, errors } = await openPool(t, { workers: 1 });
  const first = await pool.run(fixtureCheck('throw-later'), fixtureJob('region', { waitMs: 50 }));
  t.true(first.outcome.ok);
  await eventually('the error', () => errors.length > 0);
  t.deepEqual(
    errors.map(({ message }) => message),
    ['thrown in an idle moment'],
  );
  answer(await pool.run(fixtureCheck('answer'), fixtureJob('region')));
  t.deepEqual(ended, [{ worker: 0, reason: 'worker-crashed' }]);
});

test('what a check throws or rejects with is its answer, and its thread lives', async (t) => {
  const { pool, ended } = await openPool(t, { workers: 1 });
  const { threadId } = answer(await pool.run(fixtureCheck('answer'), fixtureJob('region')));
  const run = async (name: string) => failure(await pool.run(fixtureCheck(name), fixtureJob('region')));
  t.deepEqual(await run('reject'), {
    code: 'rate-limited',
    message: 'GET /servers/detail answered 429',
    status: 429,
    retryAfterMs: 7_000,
  });
  t.deepEqual(await run('reject-with-text'), { code: 'internal', message: 'only a text' });
  t.deepEqual(await run('throw-at-once'), { code: 'internal', message: 'TypeError: thrown at once' });
  t.deepEqual(await run('fail-import'), { code: 'internal', message: 'Error: a dependency is missing' });
  t.like(await run('no-check'), { code: 'internal' });
  t.like(await run('not-there'), { code: 'internal' });
  t.like(await run('no-json'), { code: 'internal' });
  t.is(answer(await pool.run(fixtureCheck('answer'), fixtureJob('region'))).threadId, threadId);
  t.deepEqual(ended, []);
});

test('a check without a result has succeeded', async (t) => {
  const { pool } = await openPool(t, { workers: 1 });
  const { outcome } = await pool.run(fixtureCheck('nothing'), fixtureJob('region'));
  t.deepEqual(outcome, { ok: true });
});

test('a check that ignores its signal answers timeout at its deadline, and blocks nobody', async (t) => {
  const { pool, ended } = await openPool(t, { workers: 1 });
  const { threadId } = answer(await pool.run(fixtureCheck('answer'), fixtureJob('region')));
  const hung = pool.run(fixtureCheck('never'), fixtureJob('hung', { timeMs: 400 }));
  const other = await pool.run(fixtureCheck('answer'), fixtureJob('other'));
  const report = await hung;
  t.like(failure(report), {
    code: 'timeout',
    message: 'the check of region hung did not end by its deadline',
  });
  t.is(report.worker, 0);
  t.true(other.endedMs < report.endedMs);
  t.is(answer(other).threadId, threadId);
  t.deepEqual(ended, []);
});

test('a thread that uses too much memory fails its job only, wherever it uses it', async (t) => {
  // On a busy machine, it may take long until a thread says how much it uses; meanwhile its event loop does not turn.
  const { worker, ended } = await openWorker(t, { memoryLimitMiB: 64, stuckAfterMs: 60_000 });
  for (const name of ['out-of-memory', 'out-of-memory-parsing', 'out-of-memory-buffers']) {
    const ran = await worker.run(fixtureCheck(name), fixtureJob('greedy'));
    t.like(ran, { ok: false, worker: 0, error: { code: 'worker-out-of-memory' } }, name);
    const next = await worker.run(fixtureCheck('answer'), fixtureJob('modest'));
    t.true(next.ok);
  }
  t.deepEqual(
    ended.map(({ reason }) => reason),
    ['worker-out-of-memory', 'worker-out-of-memory', 'worker-out-of-memory'],
  );
});

test('jobs that find the queue full are refused', async (t) => {
  const { worker } = await openWorker(t, { maxQueue: 2 });
  const ran = await Promise.all(
    Array.from({ length: 5 }, async (_, index) =>
      worker.run(fixtureCheck('wait'), fixtureJob(`region-${index}`, { waitMs: 100 })),
    ),
  );
  t.deepEqual(
    ran.map((each) => (each.ok ? 'ok' : each.error.code)),
    ['ok', 'ok', 'ok', 'queue-full', 'queue-full'],
  );
});

test('a job that no thread takes answers timeout soon after its deadline', async (t) => {
  const { worker } = await openWorker(t);
  const hung = worker.run(fixtureCheck('never'), fixtureJob('hung'));
  const job = fixtureJob('waiting', { timeMs: 200 });
  const ran = await worker.run(fixtureCheck('answer'), job);
  t.like(ran, { ok: false, worker: null, startedMs: null, error: { code: 'timeout' } });
  t.true(monotonicMs() > job.deadlineMs);
  await worker.close();
  t.like(await hung, { ok: false, error: { code: 'cancelled' } });
});

test('jobs that wait for a thread are counted, also those that are to run alone', async (t) => {
  const { pool } = await openPool(t);
  await pool.run(fixtureCheck('exit'), fixtureJob('region'));
  t.is(pool.queueLength, 0);
  const alone = Array.from({ length: 5 }, async () =>
    pool.run(fixtureCheck('wait'), fixtureJob('region', { waitMs: 50 })),
  );
  t.true(pool.queueLength >= 3, 'two at once');
  for (const { outcome } of await Promise.all(alone)) t.true(outcome.ok);
  t.is(pool.queueLength, 0);
});

test('what Node warns of in a thread is passed on, what a check says by itself is not', async (t) => {
  const { worker, errors, ended } = await openWorker(t);
  const ran = await worker.run(fixtureCheck('warn'), fixtureJob('region'));
  t.true(ran.ok);
  await eventually('the warning', () => errors.length > 0);
  t.is(errors.length, 1);
  t.regex(errors[0]?.message ?? '', /look out/);
  t.deepEqual(ended, []);
});

test('regions that hang take no place from one that answers', async (t) => {
  const { pool } = await openPool(t, { workers: 1 });
  const hung = Array.from({ length: 200 }, async (_, index) =>
    pool.run(fixtureCheck('wait'), fixtureJob(`hung-${index}`, { timeMs: 60_000, waitMs: 60_000 })),
  );
  const ended = Promise.race(hung).then(() => 'a region that hangs');
  const answering = pool
    .run(fixtureCheck('answer'), fixtureJob('well'))
    .then((report) => answer(report).regionId);
  t.is(await Promise.race([answering, ended]), 'well');
  await pool.close();
  await Promise.all(hung);
});

test('a job that its thread reaches too late is not begun', async (t) => {
  const { worker } = await openWorker(t);
  const first = worker.run(fixtureCheck('wait'), fixtureJob('slow', { waitMs: 400 }));
  const second = worker.run(fixtureCheck('exit'), fixtureJob('late', { timeMs: 200 }));
  t.true((await first).ok);
  const ran = await second;
  const outcome: unknown = ran.ok ? JSON.parse(ran.answer.outcome.text) : undefined;
  t.like(outcome, { ok: false, error: { code: 'timeout' } });
});

test('many jobs at once are spread evenly', async (t) => {
  const { pool } = await openPool(t);
  const reports = await Promise.all(
    Array.from({ length: 40 }, async (_, index) =>
      pool.run(fixtureCheck('wait'), fixtureJob(`region-${index}`, { waitMs: 200 })),
    ),
  );
  const counts = [0, 1].map((number) => reports.filter(({ worker }) => worker === number).length);
  t.deepEqual(counts, [20, 20]);
  const states = [...pool.workers()];
  t.deepEqual(
    states.map(({ worker, jobsInFlight }) => ({ worker, jobsInFlight })),
    [
      { worker: 0, jobsInFlight: 0 },
      { worker: 1, jobsInFlight: 0 },
    ],
  );
  await eventually('the use of memory', () =>
    [...pool.workers()].every(({ heapUsedBytes }) => heapUsedBytes > 0),
  );
});

test('a thread that computes is shown busier than one that waits', async (t) => {
  const { pool } = await openPool(t, { checkTimeoutMs: 60_000 });
  const run = pool.run(fixtureCheck('busy'), fixtureJob('busy', { waitMs: 60_000 }));
  const [busy, idle] = await eventually('the busy thread', () => {
    const [idlest, busiest] = [...pool.workers()].toSorted((a, b) => a.busyShare - b.busyShare);
    if (idlest === undefined || busiest === undefined) return undefined;
    return busiest.busyShare > idlest.busyShare + 0.5 ? [busiest, idlest] : undefined;
  });
  t.is(busy?.jobsInFlight, 1);
  t.is(idle?.jobsInFlight, 0);
  await pool.close();
  t.is((await run).worker, busy?.worker);
});

test('times tell the wait for a worker from the run', async (t) => {
  const { pool } = await openPool(t);
  const { queuedMs, startedMs, endedMs } = await pool.run(
    fixtureCheck('wait'),
    fixtureJob('region', { waitMs: 100 }),
  );
  t.true(queuedMs <= startedMs);
  t.true(endedMs - startedMs >= 90);
});

test('a large result arrives whole', async (t) => {
  const { pool } = await openPool(t);
  const { outcome } = await pool.run(fixtureCheck('huge'), fixtureJob('region'));
  const { result } = v.parse(
    v.object({ ok: v.literal(true), result: v.array(v.object({ name: v.string() })) }),
    outcome,
  );
  t.is(result.length, 20_000);
  t.is(result.at(-1)?.name, 'server-19999');
});

test.serial('threads that fail while starting are tried again, not over and over', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'failing-entry-'));
  t.teardown(async () => rm(folder, { recursive: true }));
  process.env['FAILING_ENTRY_FOLDER'] = folder;
  t.teardown(() => delete process.env['FAILING_ENTRY_FOLDER']);
  const starts = async () => (await readFile(join(folder, 'starts'), 'utf8')).trim().split('\n');
  await writeFile(join(folder, 'broken'), '');
  const { pool } = coldPool(t, { entry: new URL('../../fixtures/pool/failing-entry.ts', import.meta.url) });

  const jobs = Array.from({ length: 10 }, (_, index) => fixtureJob(`region-${index}`, { timeMs: 1_500 }));
  const reports = await Promise.all(jobs.map(async (job) => pool.run(fixtureCheck('answer'), job)));
  for (const report of reports) t.regex(failure(report).code, /^(?:timeout|worker-crashed)$/);
  const failed = await starts();
  t.true(failed.length >= 4);
  // Two pools of two threads, built anew after 1, 2, 4, … seconds, each thread started twice.
  t.true(failed.length <= 40, `${failed.length} starts`);

  await rm(join(folder, 'broken'));
  await eventually('an answer', async () => {
    const { outcome } = await pool.run(fixtureCheck('answer'), fixtureJob('region', { timeMs: 1_000 }));
    return outcome.ok;
  });
  await eventually('an answer of a shared thread', async () => {
    const { worker } = await pool.run(fixtureCheck('answer'), fixtureJob('region', { timeMs: 1_000 }));
    return worker !== null && worker < shared;
  });
});

test('closing cancels what runs, starts nothing more, and lets the program end', async (t) => {
  const program = fileURLToPath(new URL('../../fixtures/pool/closing-program.ts', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { timeout: 30_000 });
  t.deepEqual(stdout.trim().split('\n'), ['cancelled', 'cancelled', 'cancelled', 'cancelled', 'cancelled']);
  t.is(stderr, '');
});
