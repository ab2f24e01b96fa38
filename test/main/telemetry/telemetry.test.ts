import { createServer } from 'node:net';
import test from 'ava';
import { metricTable } from '../../../src/main/telemetry/metric-table.ts';
import { Metrics } from '../../../src/main/telemetry/metrics.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { fullSources, type SettableSources, stateCount } from '../../fixtures/monitor/metric-sources.ts';
import { type OtlpReceiverFixture, startOtlpReceiver } from '../../fixtures/monitor/otlp-receiver.ts';
import { telemetryOf } from '../../fixtures/monitor/telemetry.ts';

const often = { OTEL_METRIC_EXPORT_INTERVAL: '50' };

/** What the latest export says of the states, once there is one more export than now. */
async function latestStates(receiver: OtlpReceiverFixture): Promise<Record<string, number>> {
  const before = receiver.exports.length;
  // The next one may have been collected before the caller changed something; the one after it was not.
  await eventually('two more exports', () => receiver.exports.length >= before + 2);
  const points = receiver.exports.at(-1)?.metrics.get('unikorn_region_server_state')?.points ?? [];
  return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes['state']), value]));
}

test('metrics arrive over OTLP, counted from the start, gauges without what vanished', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(() => receiver.close());
  const { telemetry, said } = telemetryOf({ otlpEndpoint: receiver.endpoint }, often);
  const { set, sources } = fullSources();
  set.states = [stateCount('pending', 5), stateCount('stopped', 2)];
  const metrics = new Metrics(telemetry.meter, sources);
  metrics.recordProvision(90, { region_id: 'r1', region_name: 'north', flavor_id: 'f1', flavor_name: 's' });
  metrics.pollStarted('server-health');
  t.deepEqual(await latestStates(receiver), { pending: 5, stopped: 2 });
  metrics.pollStarted('server-health');
  set.states = [stateCount('running', 7)];
  t.deepEqual(await latestStates(receiver), { running: 7 });

  const latest = receiver.exports.at(-1);
  t.is(latest?.scope, 'region-monitor');
  t.like(latest?.metrics.get('unikorn_region_monitor_polls_total'), {
    kind: 'sum',
    temporality: 2,
    monotonic: true,
    points: [{ value: 2, attributes: { checker: 'server-health' } }],
  });
  t.like(latest?.metrics.get('unikorn_region_server_provision_duration_seconds'), {
    kind: 'histogram',
    temporality: 2,
    unit: '',
    description: metricTable.provisionDuration.help,
    points: [
      {
        count: 1,
        sum: 90,
        bounds: [5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600],
        buckets: [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
      },
    ],
  });
  t.is(receiver.requests[0]?.path, '/v1/metrics');
  t.is(receiver.requests[0]?.contentType, 'application/x-protobuf');
  await telemetry.shutdown(2000);
  t.deepEqual(said, { errors: [], ignored: [], recoveries: [] });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

test('a backend that adds up by itself gets what was counted since the last export; /metrics keeps totals', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(() => receiver.close());
  const { telemetry, said } = telemetryOf(
    { otlpEndpoint: receiver.endpoint },
    { ...often, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta' },
  );
  const counter = telemetry.meter.createCounter('x_total');
  const histogram = telemetry.meter.createHistogram('y_seconds', {
    advice: { explicitBucketBoundaries: [1] },
  });
  let seen = 5;
  telemetry.meter.createObservableCounter('seen_total').addCallback((result) => result.observe(seen));
  telemetry.meter.createObservableGauge('here').addCallback((result) => result.observe(4));
  counter.add(2, { of: 'a' });
  histogram.record(0.5);
  await eventually('an export', () => receiver.exports.length > 0);
  counter.add(3, { of: 'a' });
  counter.add(1, { of: 'b' });
  histogram.record(2);
  seen = 6;
  await eventually('two more exports', () => receiver.exports.length > 2);
  const page = await telemetry.prometheus.text();
  await telemetry.shutdown(4000);

  t.regex(page, /^x_total\{of="a"\} 5$/m);
  const points = (name: string) => receiver.exports.flatMap(({ metrics }) => metrics.get(name)?.points ?? []);
  const counted = (of: string) =>
    points('x_total').flatMap(({ attributes, value }) => (attributes['of'] === of ? [value] : []));
  t.is(sum(counted('a')), 5);
  t.is(sum(counted('b')), 1);
  t.is(sum(points('seen_total').map(({ value }) => value)), 6);
  t.is(sum(points('y_seconds').map((point) => point.sum)), 2.5);
  t.is(sum(points('y_seconds').map(({ count }) => count)), 2);
  t.deepEqual(
    [0, 1].map((bucket) => sum(points('y_seconds').map(({ buckets }) => buckets[bucket] ?? 0))),
    [1, 1],
  );
  t.true(points('here').every(({ value }) => value === 4));
  t.like(receiver.exports.at(-1)?.metrics.get('x_total'), { temporality: 1, monotonic: true });
  t.like(receiver.exports.at(-1)?.metrics.get('y_seconds'), { temporality: 1 });
  t.deepEqual(said, { errors: [], ignored: [], recoveries: [] });
});

test('an aggregation that is not supported is named', async (t) => {
  const { telemetry, said } = telemetryOf(
    { otlpEndpoint: '127.0.0.1:1' },
    { OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram' },
  );
  await telemetry.shutdown(10);
  t.regex(
    said.ignored.join(),
    /HISTOGRAM_AGGREGATION is ignored: it must be explicit_bucket_histogram, not "base2/,
  );
});

test('a scrape between two exports leaves nothing stale in the second, nor the other way round', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(() => receiver.close());
  const { telemetry } = telemetryOf({ otlpEndpoint: receiver.endpoint });
  const { set, sources } = fullSources();
  const metrics = new Metrics(telemetry.meter, sources);
  t.teardown(() => metrics.close());
  const scrape = async (states: SettableSources['states']): Promise<string[]> => {
    set.states = states;
    return (await telemetry.prometheus.text()).match(/(?<=^unikorn_region_server_state\{state=")\w+/gm) ?? [];
  };
  t.deepEqual(await scrape([stateCount('pending', 1)]), ['pending']);
  t.deepEqual(await scrape([stateCount('running', 1)]), ['running']);
  set.states = [stateCount('stopped', 1)];
  await telemetry.shutdown(4000);
  const points = receiver.exports.at(-1)?.metrics.get('unikorn_region_server_state')?.points;
  t.deepEqual(
    points?.map(({ attributes }) => attributes['state']),
    ['stopped'],
  );
});

test('the resource comes from the environment, and else from the monitor', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(() => receiver.close());
  const exportOf = async (environment: Readonly<Record<string, string>>) => {
    const { telemetry, said } = telemetryOf({ otlpEndpoint: receiver.endpoint }, environment);
    telemetry.meter.createCounter('x_total').add(1);
    await telemetry.shutdown(4000);
    return { resource: receiver.exports.at(-1)?.resource, said };
  };
  t.like(await exportOf({}), {
    resource: { 'service.name': 'region-monitor', 'service.version': '1.2.3' },
    said: { errors: [] },
  });
  const given = {
    OTEL_SERVICE_NAME: 'release-monitor',
    OTEL_RESOURCE_ATTRIBUTES: 'k8s.namespace.name=region,service.instance.id=pod-1',
  };
  t.like(await exportOf(given), {
    resource: {
      'service.name': 'release-monitor',
      'k8s.namespace.name': 'region',
      'service.instance.id': 'pod-1',
      'service.version': '1.2.3',
    },
    said: { errors: [] },
  });
  const wrong = await exportOf({ OTEL_RESOURCE_ATTRIBUTES: 'nonsense' });
  t.deepEqual(wrong.said.ignored, [
    'OTEL_RESOURCE_ATTRIBUTES: entry 1 is ignored: it must be key=value, percent-encoded, with a comma between entries',
  ]);
});

test('spans arrive, all of them at the end; a ratio of 0 sends none', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(() => receiver.close());
  const spansAt = async (traceSamplingRatio: number): Promise<number> => {
    const before = receiver.spans.length;
    const { telemetry, said } = telemetryOf({ otlpEndpoint: receiver.endpoint, traceSamplingRatio });
    for (let count = 0; count < 1000; count += 1) telemetry.tracer.startSpan('poll').end();
    await telemetry.shutdown(10_000);
    t.deepEqual(said.errors, []);
    return receiver.spans.length - before;
  };
  t.is(await spansAt(1), 1000);
  t.is(await spansAt(7), 1000);
  t.is(await spansAt(0), 0);
  t.is(await spansAt(-1), 0);
  const some = await spansAt(0.5);
  t.true(some > 300 && some < 700, String(some));
});

test('without an endpoint nothing leaves, and nothing is recorded in spans', async (t) => {
  const { telemetry, said } = telemetryOf({ traceSamplingRatio: 1 });
  t.false(telemetry.tracer.startSpan('poll').isRecording());
  await telemetry.shutdown(2000);
  await telemetry.shutdown(2000);
  t.deepEqual(said.errors, []);
});

test('a receiver that goes and comes back is one line each, for metrics and spans together', async (t) => {
  const first = await startOtlpReceiver();
  const { telemetry, said } = telemetryOf(
    { otlpEndpoint: first.endpoint, traceSamplingRatio: 1 },
    { ...often, OTEL_EXPORTER_OTLP_TIMEOUT: '1500' },
  );
  telemetry.meter.createCounter('x_total').add(1);
  await eventually('the first export', () => first.exports.length > 0);
  await first.close();
  await eventually('an error', () => said.errors.length > 0);
  telemetry.tracer.startSpan('poll').end();
  // An export that was under way when the receiver went was cut off, a later one finds nobody.
  const why =
    /the OTLP receiver 127\.0\.0\.1:\d+ does not take metrics: .*(ECONNREFUSED|ECONNRESET|other side closed)/;
  t.regex(said.errors[0] ?? '', why);

  const second = await startOtlpReceiver(Number(first.endpoint.split(':')[1]));
  t.teardown(() => second.close());
  await eventually('a recovery', () => said.recoveries.length > 0);
  await telemetry.shutdown(8000);
  t.is(said.errors.length, 1, said.errors.join('\n'));
  t.is(said.recoveries.length, 1);
});

test('a receiver that answers with an error is named with what it said', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(() => receiver.close());
  receiver.respond = 404;
  const { telemetry, said } = telemetryOf({ otlpEndpoint: receiver.endpoint }, often);
  telemetry.meter.createCounter('x_total').add(1);
  await eventually('five requests', () => receiver.requests.length > 4);
  await telemetry.shutdown(4000);
  t.is(said.errors.length, 1, said.errors.join('\n'));
  t.regex(
    said.errors[0] ?? '',
    /does not take metrics: HTTP status 404; is the path \/v1\/metrics right\? --otlp-endpoint gives it/,
  );
});

for (const kind of ['dead', 'silent', 'hanging'] as const) {
  test(`the end comes in time with a ${kind} receiver, and says what was lost`, async (t) => {
    const receiver = await startOtlpReceiver();
    receiver.respond = 'hang';
    // Accepts connections and reads nothing.
    const silent = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const address = silent.address();
    t.teardown(async () => {
      silent.close();
      await receiver.close();
    });
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    if (kind === 'dead') await receiver.close();
    const otlpEndpoint = kind === 'silent' ? `127.0.0.1:${port}` : receiver.endpoint;
    const { telemetry, said } = telemetryOf({ otlpEndpoint, traceSamplingRatio: 1 });
    telemetry.meter.createCounter('x_total').add(1);
    telemetry.tracer.startSpan('poll').end();
    const begun = performance.now();
    await telemetry.shutdown(1500);
    t.true(performance.now() - begun < 4000);
    t.is(said.errors.length, 1, said.errors.join('\n'));
    await t.notThrowsAsync(telemetry.shutdown(1500));
  });
}

test('after the end nothing is tried again', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(async () => receiver.close());
  receiver.respond = 503;
  const { telemetry } = telemetryOf({ otlpEndpoint: receiver.endpoint, traceSamplingRatio: 1 }, often);
  telemetry.meter.createCounter('x_total').add(1);
  telemetry.tracer.startSpan('poll').end();
  await eventually('a request', () => receiver.requests.length > 0);
  await telemetry.shutdown(300);
  await eventually('no connection', async () => (await receiver.connections()) === 0);
  t.is(await receiver.connections(), 0);
});

test('an interval that is not a number is reported, and the default taken', async (t) => {
  const { telemetry, said } = telemetryOf(
    { otlpEndpoint: '127.0.0.1:1' },
    { OTEL_METRIC_EXPORT_INTERVAL: '60s' },
  );
  t.deepEqual(said.ignored, [
    'OTEL_METRIC_EXPORT_INTERVAL is ignored: it must be a number of milliseconds above 0, not "60s"',
  ]);
  await telemetry.shutdown(10);
});
