// OpenTelemetry, set up: a meter and a tracer, the OTLP export of both where a receiver is given, and the text of
// /metrics. Guarantees: nothing here throws once it is set up, and the end comes within the time that it is given,
// whatever the receiver does.

import {
  type DiagLogger,
  DiagLogLevel,
  diag,
  type Meter,
  ProxyTracerProvider,
  type Tracer,
} from '@opentelemetry/api';
import { MeterProvider, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { Network } from '../../shared/network/network.ts';
import { errorText } from '../log/error-text.ts';
import { exportingDeltas } from './deltas.ts';
import { PullReader, PushReader } from './metric-reader.ts';
import { alreadyReported, OtlpReceivers } from './otlp-receivers.ts';
import { otlpSettings } from './otlp-settings.ts';
import { PrometheusText } from './prometheus-text.ts';
import { resourceOf } from './resource.ts';
import { type Environment, milliseconds, oneOf, Variables } from './variables.ts';

export interface TelemetryOptions {
  /** "host:port" (plain HTTP) or a URL; "" where only the environment names a receiver. */
  readonly otlpEndpoint: string;
  /** The process's unless given. */
  readonly environment?: Environment;
  /** 0 and less: no traces. 1 and more: all. Between: that share of them. */
  readonly traceSamplingRatio: number;
  readonly serviceName: string;
  readonly serviceVersion: string;
  /** Called at any time until `shutdown` resolves, once for each thing that goes wrong, not for each export. */
  readonly onError: (error: Error) => void;
  /** Called for each variable whose value cannot be used, before the first export. */
  readonly onIgnored?: (problem: string) => void;
  /** Called when exports succeed again. */
  readonly onRecovered?: (message: string) => void;
}

export interface Telemetry {
  readonly meter: Meter;
  /** Its spans record nothing when they are not exported or nothing is sampled. */
  readonly tracer: Tracer;
  readonly prometheus: { text(): Promise<string> };
  /** Exports what there is, for at most `timeoutMs`. Never rejects. */
  shutdown(timeoutMs: number): Promise<void>;
}

/** Spans that wait for their export, at most: a poll of a large fleet that writes much status has as many. */
const maxWaitingSpans = 16_384;

/** Throws when the endpoint is not usable; a receiver that is not there is not an error until something is exported. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { environment = process.env, onError, onIgnored = ignore, onRecovered = ignore } = options;
  const { serviceName, serviceVersion } = options;
  const variables = new Variables(environment);
  const settings = otlpSettings(options.otlpEndpoint, variables);
  const sampled = options.traceSamplingRatio > 0;
  const receivers = new OtlpReceivers(
    { ...settings, traces: sampled ? settings.traces : null },
    new Network(environment),
    { onError, onRecovered },
  );
  diag.setLogger(onceLogger(onError), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });

  const resource = resourceOf(serviceName, serviceVersion, variables);
  const reader =
    receivers.metrics === null
      ? new PullReader()
      : new PushReader({
          exporter: asPreferred(receivers.metrics, variables),
          intervalMs: variables.first(['OTEL_METRIC_EXPORT_INTERVAL'], milliseconds) ?? 60_000,
          timeoutMs: variables.first(['OTEL_METRIC_EXPORT_TIMEOUT'], milliseconds) ?? 30_000,
        });
  const meters = new MeterProvider({ resource, readers: [reader] });
  const tracers =
    receivers.traces === null
      ? undefined
      : new TracerProvider({
          resource,
          sampler: samplerOf(options.traceSamplingRatio),
          spanProcessors: [
            new BatchSpanProcessor({ exporter: receivers.traces, maxQueueSize: maxWaitingSpans }),
          ],
        });
  for (const problem of variables.problems) onIgnored(problem);

  let ending: Promise<void> | undefined;
  return {
    meter: meters.getMeter(serviceName, serviceVersion),
    tracer: (tracers ?? new ProxyTracerProvider()).getTracer(serviceName, serviceVersion),
    prometheus: new PrometheusText(reader, onError),
    shutdown: async (timeoutMs) => {
      ending ??= end({ meters, tracers, receivers, timeoutMs, onError });
      await ending;
    },
  };
}

/** Totals or deltas. Histograms have the buckets of the original, on /metrics too. */
function asPreferred(exporter: PushMetricExporter, variables: Variables): PushMetricExporter {
  const metrics = 'OTEL_EXPORTER_OTLP_METRICS';
  variables.first([`${metrics}_DEFAULT_HISTOGRAM_AGGREGATION`], oneOf('explicit_bucket_histogram'));
  const temporality = variables.first(
    [`${metrics}_TEMPORALITY_PREFERENCE`],
    oneOf('cumulative', 'delta', 'lowmemory'),
  );
  // "lowmemory" would leave some totals: here it means delta.
  return temporality === null || temporality === 'cumulative' ? exporter : exportingDeltas(exporter);
}

interface Ending {
  readonly meters: MeterProvider;
  readonly tracers: TracerProvider | undefined;
  readonly receivers: OtlpReceivers;
  readonly timeoutMs: number;
  readonly onError: (error: Error) => void;
}

async function end({ meters, tracers, receivers, timeoutMs, onError }: Ending): Promise<void> {
  const timeout = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => timeout.resolve('late'), timeoutMs);
  const outcome = await Promise.race([
    Promise.allSettled([meters.shutdown(), tracers?.shutdown()]),
    timeout.promise,
  ]);
  clearTimeout(timer);
  const late = new Error(`the last telemetry was not taken within ${timeoutMs} ms`);
  await receivers.close(late);
  diag.disable();
  // What is lost because of a receiver is reported by that.
  if (receivers.away) return;
  if (outcome === 'late') onError(late);
  else
    for (const result of outcome)
      if (result.status === 'rejected')
        onError(new Error('the last telemetry was not exported', { cause: result.reason }));
}

function samplerOf(ratio: number): Sampler {
  return ratio >= 1
    ? new AlwaysOnSampler()
    : new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
}

/** Failed exports: the receiver's own line reports them, also those that the SDK gave up. */
const reportedByTheReceiver = new RegExp(`${alreadyReported}|metrics export timed out`);

function ignore(): void {}

/** Reports each kind of the SDK's own warnings once: they come with every collection or export. */
function onceLogger(onError: (error: Error) => void): DiagLogger {
  const reported = new Set<string>();
  const report = (message: string, ...details: unknown[]): void => {
    const text = [message, ...details.map(errorText)].join(': ');
    const kind = text.replace(/\d+/g, '#');
    if (reported.has(kind) || reported.size >= 100 || reportedByTheReceiver.test(text)) return;
    reported.add(kind);
    onError(new Error(`OpenTelemetry: ${text}`));
  };
  return { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore };
}
