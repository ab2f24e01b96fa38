import test from 'ava';
import { type SampledThread, ThreadSamples } from '../../../src/main/polls/thread-samples.ts';

type Memory = Awaited<ReturnType<SampledThread['getHeapStatistics']>>;

/** A thread whose event loop is busy, or waits, for as long as a test says. */
class ScriptedThread implements SampledThread {
  readonly threadId: number;
  readonly performance: SampledThread['performance'] = {
    eventLoopUtilization: (now = this.#spent(), before = shareOf({ idle: 0, active: 0 })) =>
      shareOf({ idle: now.idle - before.idle, active: now.active - before.active }),
  };
  /** Answers to the questions about memory, in their order. */
  readonly weighings: PromiseWithResolvers<Memory>[] = [];
  #idle = 0;
  #active = 0;

  constructor(threadId = 1) {
    this.threadId = threadId;
  }

  async getHeapStatistics(): Promise<Memory> {
    const weighing = Promise.withResolvers<Memory>();
    this.weighings.push(weighing);
    return weighing.promise;
  }

  spend({ busyMs = 0, idleMs = 0 }: { readonly busyMs?: number; readonly idleMs?: number }): void {
    this.#active += busyMs;
    this.#idle += idleMs;
  }

  #spent() {
    return shareOf({ idle: this.#idle, active: this.#active });
  }
}

function shareOf({ idle, active }: { readonly idle: number; readonly active: number }) {
  return { idle, active, utilization: idle + active === 0 ? 0 : active / (idle + active) };
}

const memory = { used_heap_size: 30_000, external_memory: 12_000 };

test('of a thread that nobody has looked at, nothing is known', (t) => {
  const samples = new ThreadSamples();
  t.deepEqual(samples.of(new ScriptedThread(), 1_000), { busyShare: 0, heapUsedBytes: 0 });
});

test('how busy a thread was begins with its life so far, and follows its last seconds', (t) => {
  const samples = new ThreadSamples();
  const thread = new ScriptedThread();
  thread.spend({ busyMs: 300, idleMs: 700 });
  samples.look(thread, 1_000);
  t.is(samples.of(thread, 1_000).busyShare, 0.3);
  thread.spend({ busyMs: 5_000 });
  const after = samples.of(thread, 6_000).busyShare;
  t.true(Math.abs(after - (1 - 0.7 / Math.E)) < 1e-9, `${after}: five busy seconds count for 1 - 1/e`);
  thread.spend({ idleMs: 10, busyMs: 10 });
  const soon = samples.of(thread, 6_020).busyShare;
  t.true(soon < after && soon > after - 0.01, `${soon}: a short interval hardly counts`);
  thread.spend({ idleMs: 60_000 });
  t.true(samples.of(thread, 66_020).busyShare < 0.001, 'long ago');
});

test('the share is the same, however often somebody looks', (t) => {
  const [often, rarely] = [new ThreadSamples(), new ThreadSamples()];
  const thread = new ScriptedThread();
  for (const samples of [often, rarely]) samples.look(thread, 0);
  for (let nowMs = 250; nowMs <= 5_000; nowMs += 250) {
    thread.spend({ busyMs: 200, idleMs: 50 });
    often.look(thread, nowMs);
  }
  const shares = [often, rarely].map((samples) => samples.of(thread, 5_000).busyShare);
  t.true(Math.abs((shares[0] ?? 0) - (shares[1] ?? 1)) < 1e-9, shares.join());
});

test('an event loop that waits turns; one that does not has not turned since', (t) => {
  const samples = new ThreadSamples();
  const thread = new ScriptedThread();
  t.is(samples.look(thread, 1_000), 1_000, 'when it is first seen');
  thread.spend({ busyMs: 1_000 });
  t.is(samples.look(thread, 2_000), 1_000);
  thread.spend({ busyMs: 900, idleMs: 0.1 });
  t.is(samples.look(thread, 3_000), 1_000, 'no more than the time is measured in');
  thread.spend({ busyMs: 900, idleMs: 0.2 });
  t.is(samples.look(thread, 4_000), 4_000);
  thread.spend({ idleMs: 1 });
  samples.of(thread, 5_000);
  thread.spend({ busyMs: 1_000 });
  t.is(samples.look(thread, 6_000), 5_000, 'whoever looked');
});

test('a thread weighs its heap and its buffers, and shows its heap', async (t) => {
  const samples = new ThreadSamples();
  const thread = new ScriptedThread();
  const bytes = samples.weigh(thread, 1_000);
  t.is(samples.of(thread, 1_000).heapUsedBytes, 0);
  thread.weighings[0]?.resolve(memory);
  t.is(await bytes, 42_000);
  t.is(samples.of(thread, 1_000).heapUsedBytes, 30_000);
});

test('a thread that does not say its weight is not asked a second time meanwhile', async (t) => {
  const samples = new ThreadSamples();
  const thread = new ScriptedThread();
  const first = samples.weigh(thread, 1_000);
  t.is(await samples.weigh(thread, 2_000), 0);
  t.is(thread.weighings.length, 1);
  thread.weighings[0]?.reject(new Error('the thread has ended'));
  t.is(await first, 0);
  const again = samples.weigh(thread, 3_000);
  thread.weighings[1]?.resolve(memory);
  t.is(await again, 42_000);
});

test('threads that have ended are forgotten', (t) => {
  const samples = new ThreadSamples();
  const [ended, alive] = [new ScriptedThread(1), new ScriptedThread(2)];
  for (const thread of [ended, alive]) {
    thread.spend({ busyMs: 1_000, idleMs: 1_000 });
    samples.look(thread, 1_000);
  }
  samples.retain(new Set([2]));
  t.is(samples.of(ended, 1_000).busyShare, 0);
  t.is(samples.of(alive, 1_000).busyShare, 0.5);
});
