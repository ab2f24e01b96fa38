import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../../src/main/kubernetes/client.ts';
import { ResourceCaches } from '../../../../src/main/kubernetes/objects/resource-caches.ts';
import { watchedResources } from '../../../../src/main/kubernetes/required-rights.ts';
import { systemClock } from '../../../../src/shared/clock.ts';
import { eventually } from '../../../fixtures/eventually.ts';
import { runCache } from '../../../fixtures/kubernetes/running-cache.ts';
import {
  type Answer,
  bookmark,
  page,
  ScriptedApi,
  status,
  watch,
} from '../../../fixtures/kubernetes/scripted-api.ts';
import { RecordedLog } from '../../../fixtures/monitor/recorded-log.ts';

/** Everything but servers is well: `servers` answers for the pages of their list, which are numbered from 0. */
async function start(t: ExecutionContext, servers: (page: number) => Answer, watchOfServers = watch([])) {
  const api = await ScriptedApi.start(t, {
    list: [
      (response, request) => {
        if (!request.path.endsWith('/servers')) page([], '10')(response, request);
        else servers(Number(request.query.get('continue') ?? 0))(response, request);
      },
    ],
    watch: [
      (response, request) => {
        const refused = request.query.has('sendInitialEvents');
        const usual = request.path.endsWith('/servers') ? watchOfServers : watch([]);
        (refused ? status(422, 'Invalid') : usual)(response, request);
      },
    ],
  });
  const client = new KubernetesClient(api.access, { requestTimeoutMs: 10_000 });
  const log = new RecordedLog();
  const caches = new ResourceCaches({
    client,
    namespace: 'shop',
    watched: watchedResources(['server-health']),
    // Half of it is the longest pause after a failure.
    pollPeriodMs: 1_000,
    clock: systemClock,
    logger: log,
  });
  const { stop } = runCache(t, caches, client);
  return { api, caches, log, signal: stop.signal };
}

test('metrics show what each cache has, and how long ago it heard of the API server', async (t) => {
  const { caches, signal } = await start(t, () => page([{}], '10'));
  const before = [...caches.snapshots()];
  t.deepEqual(
    before.map(({ resource }) => resource),
    ['regions', 'servers', 'identities', 'openstackidentities'],
  );
  for (const { contactAgeSeconds, synced, objects } of before)
    t.deepEqual([contactAgeSeconds, synced, objects], [0, false, 0]);
  await caches.whenSynced(10_000, signal);
  await eventually('four watches', () => [...caches.snapshots()].every(({ watches }) => watches === 1));
  for (const { contactAgeSeconds, ...counts } of caches.snapshots()) {
    t.true(contactAgeSeconds > 0 && contactAgeSeconds < 60);
    t.like(counts, { synced: true, objects: 0, lists: 1, watches: 1, events: 0, errors: 0 });
  }
});

function slowly(answer: Answer, ms: number): Answer {
  return (response, request) => void sleep(ms).then(() => answer(response, request));
}

test('the first lists have all the time they need while pages keep coming', async (t) => {
  const pages = 12;
  const { caches, signal } = await start(t, (number) =>
    slowly(page([], '10', number < pages - 1 ? String(number + 1) : ''), 300),
  );
  const begin = Date.now();
  await caches.whenSynced(1_500, signal);
  t.true(Date.now() - begin > 3_000, 'twice the time-out and more');
  t.true(caches.synced);
});

test('the first lists are given up when no page comes any more', async (t) => {
  const { caches, signal } = await start(t, (number) =>
    number < 2 ? page([], '10', String(number + 1)) : () => {},
  );
  await t.throwsAsync(caches.whenSynced(500, signal), {
    message: 'lists made no progress within --startup-timeout (0.5 s): servers: no answer to the list yet',
  });
});

test('the same pages before one that fails are no progress, however often they come', async (t) => {
  const { caches, signal } = await start(t, (number) =>
    number === 0 ? page([], '10', '1') : status(500, 'InternalError', 'etcd has lost a disk'),
  );
  await t.throwsAsync(caches.whenSynced(2_500, signal), { message: /servers: .*etcd has lost a disk/ });
});

test('a list that expires begins again, and that is progress', async (t) => {
  let lists = 0;
  const { caches, signal } = await start(t, (number) => {
    if (number === 0) lists += 1;
    if (number === 2 && lists < 4) return status(410, 'Expired');
    return slowly(page([], '10', number < 3 ? String(number + 1) : ''), 300);
  });
  await caches.whenSynced(2_000, signal);
  t.is(lists, 4);
});

test('an outage has a line for each reason, not for each attempt, and one when it is over; so has the next', async (t) => {
  let reason = 'etcd has lost a disk';
  const open = new Set<ServerResponse>();
  const whileWell =
    (usual: Answer): Answer =>
    (...to) =>
      (reason === '' ? usual : status(500, 'InternalError', reason))(...to);
  const bringing: Answer = (response, request) => {
    open.add(response);
    watch([bookmark('11')])(response, request);
  };
  const { api, caches, log } = await start(t, () => whileWell(page([], '10')), whileWell(bringing));
  const asked = () =>
    [...api.lists, ...api.watches].filter((request) => request.path.endsWith('/servers')).length;
  const errors = () => log.lines.filter(({ level }) => level === 'error');
  for (const outage of ['the first', 'the second']) {
    const beginMs = performance.now();
    const attempts = asked();
    reason = 'etcd has lost a disk';
    for (const response of open) response.end();
    await eventually('more attempts', () => asked() > attempts + 4);
    t.deepEqual(
      [...caches.outages()].map(({ resource }) => resource),
      ['servers'],
    );
    const reasons = errors().length;
    reason = 'etcd has no space left';
    await eventually('another reason', () => errors().length > reasons);
    t.regex([...caches.outages()][0]?.error ?? '', /no space left/);
    reason = '';
    await eventually('the end', () => log.lines.at(-1)?.level === 'info');
    t.deepEqual([...caches.outages()], []);
    const said = errors().map(({ error }) => error);
    t.true(said.length > 0 && said.length <= 4, `${outage}: a watch and a list, for two reasons`);
    t.is(new Set(said).size, said.length);
    t.deepEqual(new Set(log.lines.map(({ fields }) => fields['resource'])), new Set(['servers']));
    const last = log.lines.at(-1);
    t.is(last?.msg, 'listing and watching again');
    t.true(Number(last?.fields['after_seconds']) <= Math.ceil((performance.now() - beginMs) / 1000));
    t.is(log.take().filter((msg) => msg === last?.msg).length, 1);
  }
});
