// The receiver of metrics and spans: where it is, and whether it takes what it is sent. An outage is said once when it
// begins and once when it ends, however many exports fail in between.

import { Agent } from 'node:http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics';
import { errorText } from '../log/error-text.ts';
import { temporalityOf } from './metric-reader.ts';

type MetricExport = Parameters<OTLPMetricExporter['export']>;
type TraceExport = Parameters<OTLPTraceExporter['export']>;
type Done = MetricExport[1];
type Signal = 'metrics' | 'traces';

/** Stands in the errors that the SDK is given of failed exports, so that its own lines about them can be told apart. */
export const alreadyReported = 'the export failed, as reported';

/** Base URL of "host:port", which means plain HTTP as in the original, or of a URL. Throws an error that names the flag. */
export function otlpUrl(endpoint: string): URL {
  const url = URL.parse(endpoint.includes('://') ? endpoint : `http://${endpoint}`);
  if (url === null || url.hostname === '' || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new Error(
      '--otlp-endpoint is not usable: give host:port, or a URL that begins with http:// or https://',
    );
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

export interface ReceiverEvents {
  readonly onError: (error: Error) => void;
  readonly onRecovered: (message: string) => void;
}

export class OtlpReceiver {
  /** For messages: never with the credentials that a URL may hold. */
  readonly name: string;
  readonly #url: URL;
  readonly #events: ReceiverEvents;
  readonly #agent: Agent | undefined;
  #closed = false;
  /** Why the last export failed, for each signal whose last export did. */
  readonly #failing = new Map<Signal, string>();

  constructor(url: URL, events: ReceiverEvents) {
    this.name = url.host;
    this.#url = url;
    this.#events = events;
    // The exporter makes the agent for https itself: it knows the variables that name certificates.
    this.#agent = url.protocol === 'http:' ? new Agent({ keepAlive: true }) : undefined;
  }

  get away(): boolean {
    return this.#failing.size > 0;
  }

  metricExporter(): OTLPMetricExporter {
    return new WatchedMetricExporter(this.#options('metrics'), (done) => this.#watch('metrics', done));
  }

  traceExporter(): OTLPTraceExporter {
    return new WatchedTraceExporter(this.#options('traces'), (done) => this.#watch('traces', done));
  }

  /**
   * Ends the connections, so that a receiver that does not answer holds nobody up. What the exporter meant to try again is
   * given up at its next attempt.
   */
  close(): void {
    this.#closed = true;
    this.#agent?.destroy();
  }

  #options(signal: Signal): ConstructorParameters<typeof OTLPTraceExporter>[0] & object {
    const url = new URL(`v1/${signal}`, this.#url).href;
    const agent = this.#agent;
    // Asked for at each attempt.
    const headers = async () => {
      if (this.#closed) throw new Error('given up at the end');
      return {};
    };
    return { url, headers, ...(agent === undefined ? {} : { httpAgentOptions: () => agent }) };
  }

  #watch(signal: Signal, done: Done): Done {
    return (result) => {
      if (result.error === undefined) {
        this.#took(signal);
        done(result);
      } else {
        this.#refused(signal, errorText(result.error));
        done({ code: result.code, error: new Error(alreadyReported) });
      }
    };
  }

  #refused(signal: Signal, reason: string): void {
    const known = this.#failing.has(signal) || [...this.#failing.values()].includes(reason);
    this.#failing.set(signal, reason);
    if (known) return;
    this.#events.onError(
      new Error(
        `the OTLP receiver ${this.name} does not take ${signal}: ${reason}; is it up, and is --otlp-endpoint right?`,
      ),
    );
  }

  #took(signal: Signal): void {
    if (!this.#failing.delete(signal) || this.#failing.size > 0) return;
    this.#events.onRecovered(`the OTLP receiver ${this.name} takes telemetry again`);
  }
}

type Watch = (done: Done) => Done;

class WatchedMetricExporter extends OTLPMetricExporter {
  readonly #watch: Watch;

  constructor(options: ConstructorParameters<typeof OTLPMetricExporter>[0], watch: Watch) {
    super(options);
    this.#watch = watch;
  }

  override export(metrics: MetricExport[0], done: Done): void {
    super.export(metrics, this.#watch(done));
  }

  override selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return temporalityOf(type);
  }
}

class WatchedTraceExporter extends OTLPTraceExporter {
  readonly #watch: Watch;

  constructor(options: ConstructorParameters<typeof OTLPTraceExporter>[0], watch: Watch) {
    super(options);
    this.#watch = watch;
  }

  override export(spans: TraceExport[0], done: Done): void {
    super.export(spans, this.#watch(done));
  }
}
