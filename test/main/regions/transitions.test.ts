import test from 'ava';
import { type Transition, Transitions, transitionOf } from '../../../src/main/regions/transitions.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { createdAt, observation, serverRecord } from '../../fixtures/monitor/records.ts';

const minute = 60_000;
const target = '75eaafed-ab46-415c-95e2-fe9d3b941e86';
const rebuild = (state: string) => ({ targetImageId: target, state });
const building = { stage: 'building', phase: null, inTransition: true } as const;
const booted = { provisionedAtSeconds: 1_000 };

/** One server that is looked at again and again. */
class Watched {
  readonly #transitions = new Transitions();
  #server: ServerRecord;

  constructor(server: Partial<ServerRecord>) {
    this.#server = serverRecord(server);
  }

  /** What a look finds so many minutes after the object was created. */
  look(
    afterMinutes: number,
    seen: Partial<Observation> = {},
    change: Partial<ServerRecord> = {},
  ): { kind: string | null; ageMinutes: number | null; watched: boolean } {
    this.#server = { ...this.#server, ...change };
    const nowMs = createdAt + afterMinutes * minute;
    const { uid } = this.#server;
    const before = this.#transitions.of(uid);
    const found = transitionOf(this.#server, observation(seen), { before, nowMs });
    this.#transitions.take(new Map(found === null ? [] : [[uid, found] as [string, Transition]]), nowMs);
    const [[kind, sinceMs] = [null, null]] = this.#transitions.oldest;
    return {
      kind,
      ageMinutes: sinceMs === null ? null : (nowMs - sinceMs) / minute,
      watched: this.#transitions.watched,
    };
  }
}

const settled = { kind: null, ageMinutes: null, watched: false };

test('a server that stays as it is is not in transition', (t) => {
  t.deepEqual(new Watched({ phase: 'Running' }).look(1), settled);
  t.deepEqual(new Watched({ phase: 'Running', rebuild: rebuild('Failed') }).look(1), settled);
});

test('a rebuild that never begins is watched for 15 minutes, and its age goes on', (t) => {
  const server = new Watched({ phase: 'Running', rebuild: rebuild('Initiated'), ...booted });
  t.deepEqual(server.look(100), { kind: 'rebuild', ageMinutes: 0, watched: true });
  t.deepEqual(server.look(114), { kind: 'rebuild', ageMinutes: 14, watched: true });
  t.deepEqual(server.look(115), { kind: 'rebuild', ageMinutes: 15, watched: false });
  t.deepEqual(server.look(200), { kind: 'rebuild', ageMinutes: 100, watched: false });
  // It begins after all.
  const begun = server.look(201, {}, { rebuild: rebuild('Rebuilding') });
  t.deepEqual(begun, { kind: 'rebuild', ageMinutes: 101, watched: true });
  t.deepEqual(server.look(202, {}, { rebuild: rebuild('Succeeded') }), settled);
});

test('another rebuild after that is a new one', (t) => {
  const server = new Watched({ phase: 'Running', rebuild: rebuild('Initiated'), ...booted });
  server.look(100);
  server.look(130);
  server.look(131, {}, { rebuild: null });
  const again = server.look(140, {}, { rebuild: rebuild('Initiated') });
  t.deepEqual(again, { kind: 'rebuild', ageMinutes: 0, watched: true });
});

test('a server that is built: its age is that of the object, and each step is watched', (t) => {
  const server = new Watched({ phase: 'Queued' });
  t.deepEqual(server.look(3, building), { kind: 'build', ageMinutes: 3, watched: true });
  t.deepEqual(server.look(40, building), { kind: 'build', ageMinutes: 40, watched: false });
  const deployed = server.look(41, building, { phase: 'Building' });
  t.deepEqual(deployed, { kind: 'build', ageMinutes: 41, watched: true });
  t.deepEqual(server.look(42, {}, { phase: 'Running', ...booted }), settled);
});

test('one that the cloud does not have yet is to come, too', (t) => {
  const missing = { stage: 'other', phase: null } as const;
  t.like(new Watched({ phase: 'Pending' }).look(1, missing), { kind: 'build', watched: true });
});

test('one that failed to be built is no longer on its way, yet may be built again', (t) => {
  const server = new Watched({ phase: 'Building' });
  t.like(server.look(1, { stage: 'failed', phase: null }), { kind: 'failed', watched: true });
});

test('v1.16: a server that is started again is pending since then', (t) => {
  const pendingEntryTime = new Date(createdAt + 500 * minute).toISOString();
  const server = new Watched({ phase: 'Pending', pendingEntryTime });
  t.like(server.look(502, building), { kind: 'build', ageMinutes: 2, watched: true });
});

test('a task that hangs is watched for 15 minutes', (t) => {
  const server = new Watched({ phase: 'Running', ...booted });
  const task = { inTransition: true, taskRuns: true } as const;
  t.deepEqual(server.look(100, task), { kind: 'task', ageMinutes: 0, watched: true });
  t.deepEqual(server.look(116, task), { kind: 'task', ageMinutes: 16, watched: false });
  t.deepEqual(server.look(117), settled);
});

function task(sinceMs: number): Transition {
  return { kind: 'task', stage: '', sinceMs, progressMs: sinceMs };
}

test('of several transitions the oldest of each kind counts, and one that makes progress is enough to be watched', (t) => {
  const transitions = new Transitions();
  t.false(transitions.watched);
  const build: Transition = { kind: 'build', stage: 'Pending', sinceMs: 3, progressMs: 3 };
  const running = new Map([
    ['new', task(20 * minute)],
    ['old', task(1)],
    ['middle', task(2)],
    ['build', build],
  ]);
  transitions.take(running, 21 * minute);
  t.deepEqual(Object.fromEntries(transitions.oldest), { build: 3, task: 1 });
  t.true(transitions.watched, 'although those after it are not');
});

test('v1.16: a server without a phase yet is as old as its object, if nothing says more', (t) => {
  const server = new Watched({ phase: '' });
  t.deepEqual(server.look(3, { phase: null }), { kind: 'build', ageMinutes: 3, watched: true });
});

test('a rebuild to another image is progress, though its state is the same', (t) => {
  const server = new Watched({ phase: 'Running', rebuild: rebuild('Initiated'), ...booted });
  server.look(100);
  t.false(server.look(115).watched);
  const other = { ...rebuild('Initiated'), targetImageId: 'another' };
  t.deepEqual(server.look(116, {}, { rebuild: other }), { kind: 'rebuild', ageMinutes: 16, watched: true });
});

test('a build that turns into a task is another transition', (t) => {
  const server = new Watched({ phase: 'Queued' });
  server.look(30, building);
  const task = { inTransition: true, stage: 'building', taskRuns: true } as const;
  const after = server.look(31, task, { phase: 'Running', ...booted });
  t.deepEqual(after, { kind: 'task', ageMinutes: 0, watched: true });
});
