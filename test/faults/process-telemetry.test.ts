// Receivers of telemetry that are dead, refuse, or take and never answer: polls, writes and logs go on as if there were
// none, it is said once, and what is measured afterwards arrives.

import { env } from 'node:process';
import test from 'ava';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { watchCluster, watchPace } from '../fixtures/kubernetes/watched-cluster.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { type OtlpReceiverFixture, startOtlpReceiver } from '../fixtures/monitor/otlp-receiver.ts';
import { assertTold } from '../fixtures/monitor/told.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

// Read when a monitor starts.
env['OTEL_METRIC_EXPORT_INTERVAL'] = '700';
env['OTEL_METRIC_EXPORT_TIMEOUT'] = '600';
env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '2000';

interface Fault {
  readonly name: string;
  readonly inject: (receiver: OtlpReceiverFixture) => Promise<void> | void;
  /** Gives the receiver that works again. */
  readonly heal: (receiver: OtlpReceiverFixture) => Promise<OtlpReceiverFixture> | OtlpReceiverFixture;
}

const answering = (status: number | 'hang'): Pick<Fault, 'inject' | 'heal'> => ({
  inject: (receiver) => {
    receiver.respond = status;
  },
  heal: (receiver) => {
    receiver.respond = 200;
    return receiver;
  },
});

const faults: readonly Fault[] = [
  {
    name: 'is down',
    inject: async (receiver) => receiver.close(),
    heal: async ({ endpoint }) => startOtlpReceiver(Number(endpoint.split(':')[1])),
  },
  { name: 'accepts everything and never answers', ...answering('hang') },
  { name: 'refuses everything', ...answering(403) },
  { name: 'is overloaded', ...answering(503) },
  {
    name: 'is behind a portal that answers with its own page',
    inject: (receiver) => {
      receiver.answerHeaders['content-type'] = 'text/html';
      receiver.answer = '<html>log in</html>';
    },
    heal: (receiver) => {
      delete receiver.answerHeaders['content-type'];
      receiver.answer = '';
      return receiver;
    },
  },
];

for (const { name, inject, heal } of faults)
  test(`the telemetry receiver ${name}`, async (t) => {
    t.timeout(120_000);
    let receiver = await startOtlpReceiver();
    t.teardown(async () => receiver.close());
    const flags = [`--otlp-endpoint=${receiver.endpoint}`, '--trace-sampling-ratio=1'];
    const cluster = await watchCluster(t, { flags });
    const { sandbox, monitor, region, lively } = cluster;
    await eventually('an export', () => receiver.exports.length > 0);
    const assertPace = await watchPace(cluster);

    await inject(receiver);
    await monitor.untilLogged('failed to export telemetry');
    region.cloud.stop(lively.providerId);
    await sandbox.untilPhase('lively', 'Stopped');
    await monitor.untilRegionPolled('changing', 4);
    await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
    const lines = monitor.logged('failed to export telemetry');
    t.true(lines.length <= 2, lines.map(({ error }) => error).join('\n'));
    t.true(lines[0]?.error.includes(receiver.endpoint));
    t.is((await monitor.get('/readyz')).status, 200);

    receiver = await heal(receiver);
    await monitor.untilLogged('telemetry exported again');
    await eventually('what was measured meanwhile', () => {
      const transitions = receiver.exports.at(-1)?.metrics.get('unikorn_region_monitor_transitions_total');
      // Two of each of three servers at the start, and two of lively.
      return (transitions?.points ?? []).reduce((sum, { value }) => sum + value, 0) === 8;
    });
    await assertPace(t);
    for (const id of ['steady', 'bystander']) await assertTold(t, cluster, id, ['Running Healthy']);
  });
