import { createHook } from 'node:async_hooks';
import type { Meter } from '@opentelemetry/api';
import test from 'ava';
import { observeLoadBalancers } from '../../../src/main/load-balancer-health/gauge.ts';
import { ServiceMetrics } from '../../../src/main/region-health/service-metrics.ts';
import type { MetricDefinition } from '../../../src/main/telemetry/metric-definition.ts';
import { metricTable } from '../../../src/main/telemetry/metric-table.ts';
import { Metrics } from '../../../src/main/telemetry/metrics.ts';
import { createTelemetry } from '../../../src/main/telemetry/telemetry.ts';
import { fullSources, settableSources, stateCount } from '../../fixtures/monitor/metric-sources.ts';
import { type Family, parsePrometheus } from '../../fixtures/monitor/prometheus-text.ts';

function monitorOf(sources = settableSources()): {
  metrics: Metrics;
  meter: Meter;
  set: (typeof sources)['set'];
  text(): Promise<string>;
  families(): Promise<Map<string, Family>>;
} {
  const telemetry = createTelemetry({
    otlpEndpoint: '',
    traceSamplingRatio: 0,
    serviceName: 'region-monitor',
    serviceVersion: '1.2.3',
    onError: (error) => {
      throw error;
    },
  });
  const build = { version: '1.2.3', revision: 'abc' };
  return {
    metrics: new Metrics(telemetry.meter, sources.sources, build),
    meter: telemetry.meter,
    set: sources.set,
    text: () => telemetry.prometheus.text(),
    families: async () => parsePrometheus(await telemetry.prometheus.text()),
  };
}

const flavor = { region_id: 'r1', region_name: 'north', flavor_id: 'f1', flavor_name: 'small' };

function recordEverything(metrics: Metrics): void {
  metrics.leaseRenewal('ok');
  metrics.shardTaken(0);
  metrics.recordProvision(90, flavor);
  metrics.recordScheduling(9, flavor);
  metrics.transition('phase');
  metrics.serversSkipped('missing-label', 'r1', 2);
  metrics.pollStarted('server-health');
  metrics.pollSkipped('server-health', 'r1');
  metrics.regionPolled({ regionId: 'r1', regionName: 'north', outcome: 'timeout', seconds: 5 });
  metrics.requests('r1', [{ route: 'GET /servers/detail', status: 200, count: 3 }]);
  metrics.jobDone({ worker: 1, outcome: 'ok', queueWaitSeconds: 0.002, runSeconds: 0.5 });
  metrics.workerRestarted(1, 'worker-stuck');
  metrics.statusWrite('applied', 0.02);
  metrics.shadowWrite('status');
  metrics.apiRequest('patch', 'servers', 200, 0.02);
}

test('every metric of the table is given, as the table says, and no other', async (t) => {
  const monitor = monitorOf(fullSources());
  recordEverything(monitor.metrics);
  const front = { state: 'healthy', region_id: 'r1', region_name: 'north', count: 2 };
  observeLoadBalancers(monitor.meter, { values: () => [front] });
  const services = new ServiceMetrics(monitor.meter, { allNamespaces: false });
  const region = { namespace: 'region', name: 'r1', displayName: 'north' };
  services.observe(() => [{ ...region, services: new Map([['network', true]]) }]);
  services.record(region, { service: 'network', seconds: 0.1, error: null });
  const families = await monitor.families();
  const definitions: MetricDefinition[] = Object.values(metricTable);
  t.deepEqual(
    [...families.keys()].filter((name) => name !== 'target_info').toSorted(),
    definitions.map(({ name }) => name).toSorted(),
  );
  for (const { name, kind, help, attributes } of definitions) {
    const family = families.get(name);
    t.is(family?.type, kind, name);
    t.is(family?.help, help);
    const labels = new Set(family?.samples.flatMap((sample) => Object.keys(sample.labels)));
    labels.delete('le');
    t.deepEqual([...labels].toSorted(), [...attributes].toSorted(), name);
  }
});

test('names follow the conventions', (t) => {
  for (const { name, kind, unit, help, attributes } of Object.values<MetricDefinition>(metricTable)) {
    t.is(kind === 'counter', name.endsWith('_total'), name);
    if (unit === 'seconds' || unit === 'bytes' || unit === 'ratio')
      t.regex(name, new RegExp(`_${unit}(_total)?$`));
    t.regex(name, /^(unikorn_region_|process_|nodejs_)[a-z_]+$/);
    t.true(help.endsWith('.'));
    t.is(new Set(attributes).size, attributes.length);
  }
});

test('the gauge of states has exactly what is now (SetStateCountsReplacesMap, CollectStateCounts)', async (t) => {
  const monitor = monitorOf();
  const shown = async (): Promise<unknown> => {
    const family = (await monitor.families()).get('unikorn_region_server_state');
    return family?.samples.map(({ labels, value }) => [labels['state'], value]);
  };
  monitor.set.states = [stateCount('pending', 5), stateCount('stopped', 2)];
  t.deepEqual(await shown(), [
    ['pending', 5],
    ['stopped', 2],
  ]);
  monitor.set.states = [stateCount('running', 7)];
  t.deepEqual(await shown(), [['running', 7]]);
  monitor.set.states = [];
  t.is(await shown(), undefined);
});

test('what happens between two scrapes is seen, and what vanished between them is not', async (t) => {
  const monitor = monitorOf(fullSources());
  await monitor.families();
  monitor.set.regions = monitor.set.regions.slice(1);
  monitor.set.workers = [];
  const families = await monitor.families();
  t.deepEqual(families.get('unikorn_region_monitor_region_up')?.samples, [
    { name: 'unikorn_region_monitor_region_up', labels: { region_id: 'r2', region_name: 'south' }, value: 0 },
  ]);
  t.false(families.has('unikorn_region_monitor_region_observation_age_seconds'));
  t.false(families.has('unikorn_region_monitor_worker_busy_ratio'));
});

test('the provision histogram has the bounds of the original (RecordProvisionRecordsWithCorrectAttributes)', async (t) => {
  const monitor = monitorOf();
  monitor.metrics.recordProvision(90, flavor);
  const family = (await monitor.families()).get('unikorn_region_server_provision_duration_seconds');
  const of = (suffix: string): Family['samples'] =>
    (family?.samples ?? []).filter(({ name }) => name.endsWith(suffix));
  t.deepEqual(
    of('_sum').map(({ labels, value }) => [labels, value]),
    [[flavor, 90]],
  );
  t.deepEqual(
    of('_bucket').map(({ labels, value }) => [labels['le'], value]),
    [
      ['5', 0],
      ['15', 0],
      ['30', 0],
      ['60', 0],
      ['120', 1],
      ['300', 1],
      ['600', 1],
      ['900', 1],
      ['1800', 1],
      ['3600', 1],
      ['+Inf', 1],
    ],
  );
});

test('counters begin at 0 as soon as what they count by is known', async (t) => {
  const monitor = monitorOf(fullSources());
  const families = await monitor.families();
  const shown = (name: string): Record<string, number> =>
    Object.fromEntries(
      (families.get(`unikorn_region_monitor_${name}`)?.samples ?? []).map(({ labels, value }) => [
        Object.values(labels).join(' '),
        value,
      ]),
    );
  t.deepEqual(shown('worker_restarts_total'), {
    '1 worker-crashed': 0,
    '1 worker-stuck': 0,
    '1 worker-out-of-memory': 0,
  });
  t.deepEqual(shown('worker_jobs_total'), {
    'none queue-full': 0,
    '1 ok': 0,
    '1 worker-crashed': 0,
    '1 worker-stuck': 0,
    '1 worker-out-of-memory': 0,
  });
  t.deepEqual(shown('status_writes_total'), { applied: 0, conflict: 0, gone: 0, failed: 0 });
  t.deepEqual(shown('shadow_writes_total'), { status: 0, annotation: 0 });
  t.deepEqual(shown('transitions_total'), { phase: 0, health: 0 });
  t.deepEqual(shown('polls_total'), { 'server-health': 0 });
  t.deepEqual(shown('polls_skipped_total'), { 'server-health r1': 0, 'server-health r2': 0 });
  t.deepEqual(shown('region_polls_total'), {
    'r1 north ok': 0,
    'r1 north partial': 0,
    'r2 south ok': 0,
    'r2 south partial': 0,
  });
  t.deepEqual(shown('servers_skipped_total'), {
    ' missing-region-label': 0,
    'r1 not-found': 0,
    'r1 region-unresolved': 0,
    'r2 not-found': 0,
    'r2 region-unresolved': 0,
  });
  t.deepEqual(shown('cache_errors_total'), { servers: 0 });
});

test('a collection adds nothing to what was counted, and a counter without an answer begins with its kind', async (t) => {
  const monitor = monitorOf(fullSources());
  recordEverything(monitor.metrics);
  await monitor.families();
  const families = await monitor.families();
  const shown = (name: string): unknown =>
    families
      .get(`unikorn_region_monitor_${name}`)
      ?.samples.map(({ labels, value }) => [Object.values(labels).join(' '), value])
      .filter(([, value]) => value !== 0);
  t.deepEqual(shown('worker_restarts_total'), [['1 worker-stuck', 1]]);
  t.deepEqual(shown('polls_total'), [['server-health', 1]]);
  t.deepEqual(
    families
      .get('unikorn_region_monitor_api_requests_total')
      ?.samples.map(({ labels, value }) => [labels['status'], value]),
    [
      ['200', 1],
      ['0', 0],
    ],
  );
});

test('counters add up, by their attributes', async (t) => {
  const monitor = monitorOf();
  recordEverything(monitor.metrics);
  await monitor.families();
  recordEverything(monitor.metrics);
  monitor.metrics.jobDone({ worker: null, outcome: 'queue-full', queueWaitSeconds: 1, runSeconds: 0 });
  const families = await monitor.families();
  const shown = (name: string): unknown =>
    families.get(`unikorn_region_monitor_${name}`)?.samples.map(({ labels, value }) => [labels, value]);
  t.deepEqual(shown('provider_requests_total'), [
    [{ region_id: 'r1', route: 'GET /servers/detail', status: '200' }, 6],
  ]);
  t.deepEqual(shown('worker_jobs_total'), [
    [{ worker: 'none', outcome: 'queue-full' }, 1],
    [{ worker: '1', outcome: 'ok' }, 2],
  ]);
  t.deepEqual(shown('region_polls_total'), [
    [{ region_id: 'r1', region_name: 'north', outcome: 'timeout' }, 2],
  ]);
});

test('what the process uses is believable', async (t) => {
  const monitor = monitorOf();
  const families = await monitor.families();
  const value = (name: string): number => families.get(name)?.samples[0]?.value ?? Number.NaN;
  t.true(value('process_cpu_seconds_total') > 0 && value('process_cpu_seconds_total') < 1000);
  t.true(value('process_resident_memory_bytes') > 1e7);
  t.true(value('process_resident_memory_bytes') > value('nodejs_heap_size_used_bytes'));
  t.true(Math.abs(value('process_start_time_seconds') - Date.now() / 1000) < 600);
});

test('a main loop that stood still shows, even if it did so once in a long time', async (t) => {
  const monitor = monitorOf();
  const name = 'unikorn_region_monitor_event_loop_stall_seconds';
  const shown = async (): Promise<number> => (await monitor.families()).get(name)?.samples[0]?.value ?? 0;
  await shown();
  // Many samples of a loop that turns, and one of a loop that does not.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const until = performance.now() + 400;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.true((await shown()) > 0.3);
  monitor.metrics.close();
});

test('main coming late shows, once, and to watch for it needs no timer: that would wake an idle process', async (t) => {
  let timers = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Timeout') timers++;
    },
  }).enable();
  const monitor = monitorOf();
  hook.disable();
  t.is(timers, 0);
  const name = 'unikorn_region_monitor_event_loop_stall_seconds';
  const shown = async (): Promise<number> => (await monitor.families()).get(name)?.samples[0]?.value ?? 0;
  await shown();
  monitor.set.lateMs = 5_000;
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.is(await shown(), 5);
  monitor.set.lateMs = 0;
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.true((await shown()) < 5);
  monitor.metrics.close();
});

test('scrapes at the same time all see everything', async (t) => {
  const monitor = monitorOf(fullSources());
  const texts = await Promise.all(Array.from({ length: 5 }, () => monitor.families()));
  for (const families of texts) t.true(families.has('unikorn_region_server_state'));
});

test('values that the format escapes come back whole; names stay clean', async (t) => {
  const monitor = monitorOf();
  monitor.set.states = [{ ...stateCount('running', 1), flavor_name: 'a "b"\\c\nd' }];
  const families = await monitor.families();
  t.is(families.get('unikorn_region_server_state')?.samples[0]?.labels['flavor_name'], 'a "b"\\c\nd');
  const text = await monitor.text();
  t.notRegex(text, /_total_total|_seconds_seconds|otel_scope|# UNIT/);
  const info = families.get('target_info')?.samples[0]?.labels;
  t.is(info?.['service_name'], 'region-monitor');
  t.is(info?.['service_version'], '1.2.3');
});

test('more series than the SDK allows by default', async (t) => {
  const monitor = monitorOf();
  monitor.set.states = Array.from({ length: 5000 }, (_, index) => stateCount('running', 1, `f${index}`));
  const family = (await monitor.families()).get('unikorn_region_server_state');
  t.is(family?.samples.length, 5000);
});
