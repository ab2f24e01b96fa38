import test from 'ava';
import { BuildingNodes } from '../../../src/main/regions/building-nodes.ts';
import { longestPauseMs } from '../../../src/main/regions/pause.ts';
import type { CheckError } from '../../../src/shared/errors.ts';
import type { NodesResult } from '../../../src/shared/server-health.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';
import { serviceCredentials, session as sessionOf } from '../../fixtures/monitor/region-records.ts';

const minute = 60_000;
const metal = ['metal'];
const session = sessionOf('token');
const building = serverRecord({ name: 'building', flavorId: 'metal', phase: 'Building' });

function setUp() {
  const nodes = new BuildingNodes(minute);
  const task = (nowMs: number, servers = [building], credentials = serviceCredentials) =>
    nodes.task(servers, metal, { credentials, nowMs });
  return { nodes, task };
}

function answered(states: Readonly<Record<string, string | null>>, ambiguous: string[] = []): NodesResult {
  return { outcome: { ok: true, states, ambiguous }, session };
}

function failed(error: CheckError): NodesResult {
  return { outcome: { ok: false, step: 'list', asked: ['nova-1', 'nova-2'], error }, session: null };
}

const busy = (retryAfterMs: number): CheckError => ({
  code: 'rate-limited',
  message: 'slow down',
  retryAfterMs,
});

const refused: CheckError = { code: 'unauthorized', message: 'wrong password' };

const of = (name: string, changes: object) => serverRecord({ name, flavorId: 'metal', ...changes });

test('servers of bare-metal flavors are asked for until they were provisioned', (t) => {
  const { nodes, task } = setUp();
  const named = (servers: Parameters<typeof task>[1]) => task(0, servers)?.servers.map(({ name }) => name);
  t.deepEqual(
    named([
      building,
      of('virtual', { flavorId: 'small', phase: 'Building' }),
      of('never', { phase: 'Running', provisionedAtSeconds: null }),
      of('done', { phase: 'Running', provisionedAtSeconds: 5 }),
      of('again', { phase: '', provisionedAtSeconds: 5 }),
    ]),
    ['building', 'never', 'again'],
  );
  t.is(task(0, [of('done', { phase: 'Running', provisionedAtSeconds: 5 })]), undefined);
  t.is(nodes.task([building], [], { credentials: serviceCredentials, nowMs: 0 }), undefined);
});

test('a task has the session of the last answer, and the servers that were building', (t) => {
  const { nodes, task } = setUp();
  t.deepEqual(task(0), {
    credentials: serviceCredentials,
    servers: [{ name: 'building', displayName: 'display-building' }],
    building: [],
  });
  nodes.building = new Set(['nova-1']);
  nodes.take(answered({}), 0);
  t.like(task(minute), { session, building: ['nova-1'] });
});

test('a session is used with no other credentials', (t) => {
  const { nodes, task } = setUp();
  task(0);
  nodes.take(answered({}), 0);
  t.deepEqual(task(1)?.session, session);
  t.is(task(2, [building], { ...serviceCredentials, password: 'rotated' })?.session, undefined);
});

test('an answer says what is known of each node, and the next one replaces it', (t) => {
  const { nodes } = setUp();
  nodes.take(answered({ 'nova-1': 'deploying', 'nova-2': null }, ['nova-3']), 0);
  t.is(nodes.stateOf('nova-1'), 'deploying');
  t.is(nodes.stateOf('nova-2'), null);
  t.is(nodes.stateOf('nova-9'), undefined);
  t.deepEqual(nodes.ambiguous, ['nova-3']);
  nodes.take(answered({ 'nova-2': 'active' }), 0);
  t.is(nodes.stateOf('nova-1'), undefined);
  t.deepEqual(nodes.ambiguous, []);
});

test('when nothing was asked, nothing is known; when it failed, that is said until it is asked again', (t) => {
  const { nodes, task } = setUp();
  nodes.take(answered({ 'nova-1': 'deploying' }, ['nova-3']), 0);
  task(0, []);
  nodes.take(undefined, 0);
  t.is(nodes.stateOf('nova-1'), undefined);
  t.deepEqual(nodes.ambiguous, []);

  nodes.take(answered({ 'nova-1': 'deploying' }, ['nova-3']), 0);
  nodes.take(failed(busy(10_000)), 0);
  t.is(nodes.stateOf('nova-1'), undefined);
  t.deepEqual(nodes.ambiguous, []);
  t.deepEqual(nodes.failure, { step: 'list', error: busy(10_000), servers: 2 });
  t.is(task(9_999), undefined);
  // The servers' answer comes when the pause is over, and still nothing was asked.
  nodes.take(undefined, 10_001);
  t.not(nodes.failure, null, 'it is left alone for a while');
  t.not(task(10_002), undefined);
  nodes.take(undefined, 10_003);
  t.is(nodes.failure, null, 'nothing is building any more');
  nodes.take(failed(busy(10_000)), 20_000);
  task(20_001, []);
  nodes.take(undefined, 20_002);
  t.is(nodes.failure, null, 'no object is building any more');
  nodes.take(failed(busy(10_000)), 40_000);
  nodes.take(answered({}), 50_000);
  t.is(nodes.failure, null);
});

test('the service is left alone for as long as it said, within bounds', (t) => {
  const { nodes, task } = setUp();
  task(0);
  nodes.take(failed(busy(10_000)), 1_000);
  t.is(task(10_999), undefined);
  t.not(task(11_000), undefined);
  nodes.take(failed(busy(86_400_000)), 0);
  t.is(task(longestPauseMs - 1), undefined);
  t.not(task(longestPauseMs), undefined);
  nodes.take(failed({ code: 'server-error', message: '503' }), 0);
  t.not(task(0), undefined);
});

test('a service that keeps silent is asked less and less often', (t) => {
  const { nodes, task } = setUp();
  const polls: number[] = [];
  for (let poll = 1; poll <= 16; poll++) {
    if (task(poll * minute) === undefined) continue;
    polls.push(poll);
    nodes.take(failed({ code: 'timeout', message: 'no answer' }), poll * minute);
  }
  t.deepEqual(polls, [1, 2, 4, 8, 16]);
});

test('a refused account is tried less and less, and at once when it is another', (t) => {
  const { nodes, task } = setUp();
  const polls: number[] = [];
  for (let poll = 1; poll <= 16; poll++) {
    if (task(poll * minute) === undefined) continue;
    polls.push(poll);
    nodes.take(failed(refused), poll * minute);
  }
  t.deepEqual(polls, [1, 2, 4, 8, 16]);
  const rotated = { ...serviceCredentials, password: 'rotated' };
  t.not(task(16 * minute + 1, [building], rotated), undefined);
  nodes.take(failed(refused), 16 * minute + 1);
  t.not(task(16 * minute + 2, [building], rotated), undefined, 'the first refusal of another account');
});

test('refusals are counted from the last answer on', (t) => {
  for (const between of [answered({}), failed({ code: 'server-error', message: '503' })]) {
    const { nodes, task } = setUp();
    task(0);
    nodes.take(failed(refused), 0);
    nodes.take(between, 0);
    nodes.take(failed(refused), 0);
    t.not(task(0), undefined);
    nodes.take(failed(refused), 0);
    t.is(task(0), undefined);
  }
});
