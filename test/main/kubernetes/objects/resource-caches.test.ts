import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../../src/main/kubernetes/client.ts';
import { ResourceCaches } from '../../../../src/main/kubernetes/objects/resource-caches.ts';
import { watchedResources } from '../../../../src/main/kubernetes/required-rights.ts';
import type { Logger } from '../../../../src/main/log/logger.ts';
import { systemClock } from '../../../../src/shared/clock.ts';
import { type Answer, page, ScriptedApi, status, watch } from '../../../fixtures/kubernetes/scripted-api.ts';

const silent: Logger = { debug: () => {}, info: () => {}, error: () => {}, named: () => silent };

/** Everything but the list of servers is well: `servers` answers for its pages, which are numbered from 0. */
async function start(t: ExecutionContext, servers: (page: number) => Answer) {
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
        (refused ? status(422, 'Invalid') : watch([]))(response, request);
      },
    ],
  });
  const client = new KubernetesClient(api.access, { requestTimeoutMs: 10_000 });
  const caches = new ResourceCaches({
    client,
    namespace: 'shop',
    watched: watchedResources(['server-health']),
    // Half of it is the longest pause after a failure.
    pollPeriodMs: 1_000,
    clock: systemClock,
    logger: silent,
  });
  const stop = new AbortController();
  const run = caches.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await run;
    await client.close();
  });
  return { caches, signal: stop.signal };
}

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
