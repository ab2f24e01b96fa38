// Replicas with clocks of their own and one API server. Time passes only when a test says so.

import test, { type ExecutionContext } from 'ava';
import { LeaseHolder, type LeaseHolderOptions } from '../../../src/main/shards/lease-holder.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';
import { LeaseApi } from '../../fixtures/shards/lease-api.ts';

const durationMs = 15_000;

class Replica {
  readonly identity: string;
  readonly clock: ScriptedClock;
  readonly holder: LeaseHolder;
  readonly events: string[] = [];
  readonly errors: string[] = [];
  cut = false;
  /** Of its next patches: carried out without an answer, or refused. */
  readonly faults: ('silent' | 'refused')[] = [];
  /** Stopped as by SIGSTOP: its clock goes on, and nothing in it does. */
  stopped = false;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #missedMs = 0;

  constructor(
    api: LeaseApi,
    identity: string,
    { shards = 3, jitter = 0.5, wallMs = 0, faulty = false } = {},
  ) {
    this.identity = identity;
    this.clock = new ScriptedClock({ wallMs: Date.UTC(2026, 10, 27) + wallMs });
    this.holder = new LeaseHolder({
      client: faulty ? this.#faultyClient(api) : api.client(() => this.cut),
      namespace: 'shop',
      identity,
      shards,
      durationMs,
      clock: this.clock,
      jitter,
      onGained: (shard) => this.events.push(`+${shard}`),
      onLost: (shard, reason) => this.events.push(`-${shard} ${reason}`),
      onRenewal: () => {},
      onError: (_, error) => this.errors.push(error.message),
      onKept: (_, error) => this.errors.push(`kept: ${error.message}`),
    });
    api.watch((record) => {
      if (!this.cut && !this.stopped) this.holder.observe(record.name, record);
    });
    this.#running = this.holder.run(this.#stop.signal);
  }

  #faultyClient(api: LeaseApi): LeaseHolderOptions['client'] {
    const client = api.client(() => this.cut);
    return {
      ...client,
      patch: async (path, body, options) => {
        const fault = this.faults.shift();
        if (fault === 'refused') throw new Error('refused');
        const answer = await client.patch(path, body);
        if (fault === undefined) return answer;
        return new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(new Error('given up')));
        });
      },
    };
  }

  get held(): readonly number[] {
    return this.holder.leases.filter(({ shard }) => this.holder.holds(shard)).map(({ shard }) => shard);
  }

  async pass(ms: number): Promise<void> {
    if (this.stopped) this.#missedMs += ms;
    else await this.clock.pass(ms);
  }

  /** Wakes from a stop; its clock went on. */
  async wake(): Promise<void> {
    this.stopped = false;
    await this.clock.pass(this.#missedMs);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async leave(): Promise<void> {
    await this.end();
    await this.holder.release(1_000);
  }
}

/** Asserts at each step that no two replicas hold one shard. */
async function pass(t: ExecutionContext, ms: number, replicas: readonly Replica[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    for (const replica of replicas) await replica.pass(50);
    const held = replicas.filter(({ stopped }) => !stopped).flatMap((replica) => replica.held);
    if (new Set(held).size < held.length) t.fail(`two hold one: ${held.join(' ')}`);
  }
}

function counts(replicas: readonly Replica[]): readonly number[] {
  return replicas.map(({ held }) => held.length);
}

function sorted(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((a, b) => a - b);
}

function start(
  t: ExecutionContext,
  api: LeaseApi,
  count: number,
  options: { shards?: number; faulty?: boolean } = {},
) {
  const replicas = Array.from({ length: count }, (_, index) => {
    const wallMs = index * 10 * 60_000;
    return new Replica(api, `replica-${index}`, { ...options, jitter: index / count, wallMs });
  });
  t.teardown(async () => Promise.all(replicas.map(async (replica) => replica.end())));
  return replicas;
}

test('a replica alone holds all shards, and renews each a third of the duration after the last time', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 1);
  await pass(t, 2_000, replicas);
  t.deepEqual(counts(replicas), [3]);
  const before = api.writes.length;
  await pass(t, 60_000, replicas);
  t.is(api.writes.length - before, 3 * 12);
  const { acquireTime, renewTime, transitions, durationMs: written } = api.record('region-monitor-0');
  t.regex(acquireTime, /^2026-11-27T00:00:00\.\d{6}Z$/);
  t.true(Date.parse(renewTime) - Date.parse(acquireTime) > 50_000);
  t.is(transitions, 0);
  t.is(written, durationMs);
});

test('replicas that start together share at once, however far their clocks are apart', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 3);
  await pass(t, 1_000, replicas);
  t.deepEqual(counts(replicas), [1, 1, 1]);
  await pass(t, 120_000, replicas);
  t.deepEqual(
    replicas.map(({ events }) => events.length),
    [1, 1, 1],
  );
});

test('a replica that comes later is given shards until all have as many, give or take one', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 1, { shards: 10 });
  await pass(t, 10_000, replicas);
  t.deepEqual(counts(replicas), [10]);
  replicas.push(new Replica(api, 'later', { shards: 10 }), new Replica(api, 'latest', { shards: 10 }));
  await pass(t, 10_000, replicas);
  t.deepEqual(sorted(counts(replicas)), [3, 3, 4]);
  const moved = replicas[0]?.events.filter((event) => event.startsWith('-')).length;
  t.true(moved !== undefined && moved <= 7, `${moved} moved`);
  await pass(t, 60_000, replicas);
  t.deepEqual(sorted(counts(replicas)), [3, 3, 4]);
  await Promise.all(replicas.slice(1).map(async (replica) => replica.end()));
});

test('a replica that leaves gives its shards back, and others hold them within a second', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 3);
  await pass(t, 20_000, replicas);
  const [first, ...others] = replicas;
  await first?.leave();
  await pass(t, 1_000, others);
  t.deepEqual(sorted(counts(others)), [1, 2]);
  t.deepEqual(first?.held, []);
});

test('a replica that leaves does not wait for a renewal without an answer, and gives its shard back', async (t) => {
  const api = new LeaseApi();
  const [replica] = start(t, api, 1, { shards: 1, faulty: true });
  if (replica === undefined) return t.fail();
  await replica.pass(4_900);
  const before = api.writes.length;
  replica.faults.push('silent');
  await replica.pass(500);
  t.is(api.writes.length, before + 1, 'it was renewed');
  await replica.leave();
  t.deepEqual(api.holders(), { 'region-monitor-0': '' });
  t.deepEqual([replica.events, replica.errors], [['+0', '-0 stopping'], []]);
  return undefined;
});

test('a shard that is not given back at once is given back soon, or it is said', async (t) => {
  const api = new LeaseApi();
  const [replica] = start(t, api, 1, { shards: 2, faulty: true });
  if (replica === undefined) return t.fail();
  await pass(t, 1_000, [replica]);
  replica.faults.push('refused', 'refused');
  await replica.end();
  const released = replica.holder.release(60_000);
  await pass(t, 1_000, [replica]);
  await released;
  t.deepEqual(api.holders(), { 'region-monitor-0': '', 'region-monitor-1': '' });
  t.deepEqual(replica.errors, []);

  const [other] = start(t, api, 1, { shards: 1 });
  if (other === undefined) return t.fail();
  await other.pass(1_000);
  other.cut = true;
  await other.end();
  await other.holder.release(20);
  t.deepEqual(other.errors, ['kept: Unreachable']);
  return undefined;
});

test('a replica that is gone is missed when its Lease was not seen to change for its duration', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 3);
  await pass(t, 20_000, replicas);
  const [gone, ...others] = replicas;
  await gone?.end();
  await pass(t, 9_900, others);
  t.deepEqual(counts(others), [1, 1]);
  await pass(t, 6_100, others);
  t.deepEqual(sorted(counts(others)), [1, 2]);
  const taken = Object.keys(api.holders()).find((name) => api.record(name).transitions === 1);
  t.not(taken, undefined);
});

test('a replica that is cut off gives up before others take over, and is a standby afterwards', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 2, { shards: 1 });
  await pass(t, 20_000, replicas);
  const holder = replicas.find(({ held }) => held.length === 1);
  const standby = replicas.find(({ held }) => held.length === 0);
  if (holder === undefined || standby === undefined) return t.fail('nobody holds it');
  holder.cut = true;
  await pass(t, 10_100, replicas);
  t.deepEqual([holder.held, standby.held], [[], []]);
  await pass(t, 6_000, replicas);
  t.deepEqual([holder.held, standby.held], [[], [0]]);
  t.deepEqual(holder.events, ['+0', '-0 not renewed in time']);
  t.deepEqual(holder.errors, ['Unreachable']);
  holder.cut = false;
  await pass(t, 60_000, replicas);
  t.deepEqual([holder.held, standby.held], [[], [0]]);
  return undefined;
});

test('a replica that was stopped holds nothing when it wakes, before anything in it runs', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 2, { shards: 1 });
  await pass(t, 20_000, replicas);
  const holder = replicas.find(({ held }) => held.length === 1);
  if (holder === undefined) return t.fail('nobody holds it');
  holder.stopped = true;
  await pass(t, 2 * durationMs, replicas);
  t.is(Object.values(api.holders()).includes(holder.identity), false);
  const woken = holder.wake();
  t.deepEqual(holder.held, []);
  await woken;
  await pass(t, 5_000, replicas);
  t.deepEqual(holder.held, []);
  t.is(holder.events[1], '-0 not renewed in time');
  return undefined;
});

test('all is held and shared again after the API server was away', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 3);
  await pass(t, 20_000, replicas);
  for (const replica of replicas) replica.cut = true;
  await pass(t, 60_000, replicas);
  t.deepEqual(counts(replicas), [0, 0, 0]);
  for (const replica of replicas) replica.cut = false;
  await pass(t, 5_000, replicas);
  t.deepEqual(counts(replicas), [1, 1, 1]);
});

test('a question of a replica that holds enough is refused', async (t) => {
  const api = new LeaseApi();
  const replicas = start(t, api, 2, { shards: 3 });
  await pass(t, 20_000, replicas);
  const name = Object.entries(api.holders()).find(([, holder]) => holder === 'replica-0')?.[0] ?? '';
  const { resourceVersion } = api.record(name);
  const annotations = { 'region-monitor/wanted-by': 'replica-1' };
  await api.client().patch(`/leases/${name}`, { metadata: { resourceVersion, annotations } });
  await pass(t, 1_000, replicas);
  t.is(api.record(name).wantedBy, '');
  t.is(api.record(name).holder, 'replica-0');
});
