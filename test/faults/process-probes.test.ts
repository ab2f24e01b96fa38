// What the kubelet asks: it ends what is not alive, and takes out of service what is not ready.

import test from 'ava';
import { type Clock, systemClock } from '../../src/shared/clock.ts';
import { startBlackHole } from '../fixtures/clouds/black-hole.ts';
import { namespace, startSandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { startMonitor } from '../fixtures/monitor/monitor.ts';

test.afterEach(assertDocumented);

test('a region is added whose cloud never answers: readiness stays', async (t) => {
  const { sandbox, monitor } = await startWatchedSandbox(t, '--check-timeout=60s', '--poll-period=61s');
  await monitor.untilReady();
  const hole = await startBlackHole(t);
  const region = await sandbox.addRegion('hangs');
  sandbox.cluster.patch('regions', namespace, 'hangs', { spec: { openstack: { endpoint: hole } } });
  sandbox.addServer(region.addProject(), { id: 'hanging' });
  await eventually('the region on the status page', async () =>
    (await monitor.get('/statusz')).text.includes('"hangs"'),
  );
  const { status, text } = await monitor.get('/readyz');
  t.deepEqual({ status, text }, { status: 200, text: 'ready\n' });
});

test('the poll clock stops, with a poll period of an hour: liveness fails within minutes', async (t) => {
  let laterMs = 0;
  const clock: Clock = {
    now: () => systemClock.now() + laterMs,
    monotonicMs: () => systemClock.monotonicMs() + laterMs,
    // Its long sleeps never end.
    sleep: async (ms, signal) => systemClock.sleep(ms > 10_000 ? 2 ** 30 : ms, signal),
  };
  const sandbox = await startSandbox(t);
  const monitor = await startMonitor(t, {
    kubeconfig: sandbox.cluster.kubeconfig(namespace),
    flags: [`--namespace=${namespace}`, '--poll-period=1h', '--check-timeout=1m', '--request-timeout=30s'],
    clock,
  });
  await monitor.untilReady();
  t.is((await monitor.get('/healthz')).status, 200);
  laterMs = 120_000;
  const { status, text } = await monitor.get('/healthz');
  t.is(status, 503);
  t.regex(text, /the poll clock stopped 1[0-9]{2}\.[0-9] s ago/);
});
