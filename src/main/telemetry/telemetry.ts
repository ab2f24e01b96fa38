// OpenTelemetry, set up: a meter and a tracer, the OTLP export of both where an endpoint is given, and the text of
// /metrics. Guarantees: nothing here throws once it is set up, and the end comes within the time it is given,
// whatever the receiver does.

import { hostname } from 'node:os';
import {
  type DiagLogger,
  DiagLogLevel,
  diag,
  type Meter,
  ProxyTracerProvider,
  type Tracer,
} from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { errorText } from '../log/error-text.ts';
import { PrometheusText, PullReader, PushReader } from './metric-reader.ts';
import { alreadyReported, OtlpReceiver, otlpUrl } from './otlp-receiver.ts';

export interface TelemetryOptions {
  /** "host:port" (plain HTTP) or a URL; "" exports nothing. */
  readonly otlpEndpoint: string;
  /** 0 and less: no traces. 1 and more: all. Between: that share of them. */
  readonly traceSamplingRatio: number;
  readonly serviceName: string;
  readonly serviceVersion: string;
  /** Called at any time until `shutdown` resolves, once for each thing that goes wrong, not for each export. */
  readonly onError: (error: Error) => void;
  /** Called when exports succeed again. */
  readonly onRecovered?: (message: string) => void;
}

export interface Telemetry {
  readonly meter: Meter;
  /** Its spans record nothing when there is no endpoint or nothing is sampled. */
  readonly tracer: Tracer;
  readonly prometheus: { text(): Promise<string> };
  /** Exports what there is, for at most `timeoutMs`. Never rejects. */
  shutdown(timeoutMs: number): Promise<void>;
}

/** Spans that wait for their export, at most: a poll of a large fleet that writes much status has as many. */
const maxWaitingSpans = 16_384;

/** Throws when the endpoint is not usable; a receiver that is not there is no error until something is exported. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { onError, onRecovered = ignore, serviceName, serviceVersion } = options;
  const receiver =
    options.otlpEndpoint === ''
      ? undefined
      : new OtlpReceiver(otlpUrl(options.otlpEndpoint), { onError, onRecovered });
  diag.setLogger(onceLogger(onError), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });

  const resource = resourceOf(serviceName, serviceVersion, onError);
  const reader =
    receiver === undefined
      ? new PullReader()
      : new PushReader({
          exporter: receiver.metricExporter(),
          intervalMs: durationFromEnvironment('OTEL_METRIC_EXPORT_INTERVAL', 60_000, onError),
          timeoutMs: durationFromEnvironment('OTEL_METRIC_EXPORT_TIMEOUT', 30_000, onError),
        });
  const meters = new MeterProvider({ resource, readers: [reader] });
  const tracers =
    receiver === undefined || !(options.traceSamplingRatio > 0)
      ? undefined
      : new TracerProvider({
          resource,
          sampler: samplerOf(options.traceSamplingRatio),
          spanProcessors: [
            new BatchSpanProcessor({ exporter: receiver.traceExporter(), maxQueueSize: maxWaitingSpans }),
          ],
        });

  let ending: Promise<void> | undefined;
  return {
    meter: meters.getMeter(serviceName, serviceVersion),
    tracer: (tracers ?? new ProxyTracerProvider()).getTracer(serviceName, serviceVersion),
    prometheus: new PrometheusText(reader, onError),
    shutdown: async (timeoutMs) => {
      ending ??= end({ meters, tracers, receiver, timeoutMs, onError });
      await ending;
    },
  };
}

interface Ending {
  readonly meters: MeterProvider;
  readonly tracers: TracerProvider | undefined;
  readonly receiver: OtlpReceiver | undefined;
  readonly timeoutMs: number;
  readonly onError: (error: Error) => void;
}

async function end({ meters, tracers, receiver, timeoutMs, onError }: Ending): Promise<void> {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), timeoutMs);
  const outcome = await Promise.race([
    Promise.allSettled([meters.shutdown(), tracers?.shutdown()]),
    late.promise,
  ]);
  clearTimeout(timer);
  receiver?.close();
  diag.disable();
  // Of a receiver that is away, that was said.
  if (receiver === undefined || receiver.away) return;
  if (outcome === 'late')
    onError(
      new Error(`the OTLP receiver ${receiver.name} did not take the last telemetry within ${timeoutMs} ms`),
    );
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

/** The environment's attributes win over ours. Replicas differ in their host name, which is the pod's. */
function resourceOf(name: string, version: string, onError: (error: Error) => void): Resource {
  const environment = detectResources({ detectors: [envDetector] });
  const given = process.env['OTEL_RESOURCE_ATTRIBUTES'] ?? '';
  if (given.trim() !== '' && !Object.keys(environment.attributes).some((key) => given.includes(key)))
    onError(new Error('OTEL_RESOURCE_ATTRIBUTES is ignored: it must read key=value,key=value'));
  return defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': name,
        'service.version': version,
        'service.instance.id': hostname(),
      }),
    )
    .merge(environment);
}

function durationFromEnvironment(name: string, fallback: number, onError: (error: Error) => void): number {
  const given = process.env[name] ?? '';
  if (given === '') return fallback;
  const ms = Number(given);
  if (Number.isInteger(ms) && ms > 0 && ms < 2 ** 31) return ms;
  onError(
    new Error(
      `${name} is ignored: it must be a number of milliseconds above 0, not ${JSON.stringify(given)}`,
    ),
  );
  return fallback;
}

/** Failed exports, which the receiver's own line is about; it comes when the exporter gave up as well. */
const heardOfFromTheReceiver = new RegExp(`${alreadyReported}|metrics export timed out`);

function ignore(): void {}

/** Says each kind of the SDK's own complaints once: they come with every collection or export. */
function onceLogger(onError: (error: Error) => void): DiagLogger {
  const said = new Set<string>();
  const say = (message: string, ...details: unknown[]): void => {
    const text = [message, ...details.map(errorText)].join(': ');
    const kind = text.replace(/\d+/g, '#');
    if (said.has(kind) || said.size >= 100 || heardOfFromTheReceiver.test(text)) return;
    said.add(kind);
    onError(new Error(`OpenTelemetry: ${text}`));
  };
  return { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore };
}
