// The receiver of metrics and spans, and whether it takes what it is sent. An outage is reported once when it begins and
// once when it ends, however many exports fail in between.

import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import {
  type ISerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Network } from '../../shared/network/network.ts';
import { errorText } from '../log/error-text.ts';
import { temporalityOf } from './metric-reader.ts';
import { otlpRemedy } from './otlp-remedies.ts';
import { OtlpSender } from './otlp-sender.ts';
import type { OtlpSettings, Signal, SignalSettings } from './otlp-settings.ts';

/** The error that the SDK is given for a failed export, so that its own lines about it can be recognised. */
export const alreadyReported = 'the export failed, as reported';

/** Exports under way, at most. The SDK begins one at a time, but does not wait for a slow one for ever. */
const maxExports = 30;

export interface ReceiverEvents {
  readonly onError: (error: Error) => void;
  readonly onRecovered: (message: string) => void;
}

/** What a receiver answers to an export that it took, whole or in part. */
interface Taken {
  readonly partialSuccess?: {
    readonly errorMessage?: string;
    /** A text in JSON. */
    readonly rejectedDataPoints?: number | string;
    readonly rejectedSpans?: number | string;
  };
}

interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

export class OtlpReceivers {
  /** Null where the signal is not exported. */
  readonly metrics: PushMetricExporter | null;
  readonly traces: SpanExporter | null;
  readonly #events: ReceiverEvents;
  readonly #network: Network;
  readonly #senders: OtlpSender[] = [];
  /** Why the last export failed, for each signal whose last export did. */
  readonly #failing = new Map<Signal, string>();
  /** The last warning of each signal, without its numbers: it may come with every export. */
  readonly #warnings = new Map<Signal, string>();

  constructor({ metrics, traces }: OtlpSettings, network: Network, events: ReceiverEvents) {
    this.#events = events;
    this.#network = network;
    this.metrics = metrics && {
      ...this.#exporter('metrics', metrics, {
        protobuf: ProtobufMetricsSerializer,
        json: JsonMetricsSerializer,
      }),
      selectAggregationTemporality: temporalityOf,
    };
    this.traces =
      traces &&
      this.#exporter('traces', traces, { protobuf: ProtobufTraceSerializer, json: JsonTraceSerializer });
  }

  get away(): boolean {
    return this.#failing.size > 0;
  }

  /** Ends the connections and, with this reason, the exports that are under way, each of which is reported. */
  async close(reason: Error): Promise<void> {
    await Promise.all(this.#senders.map(async (sender) => sender.close(reason)));
    await Promise.all([this.metrics?.forceFlush(), this.traces?.forceFlush?.()]);
  }

  #exporter<Items>(
    signal: Signal,
    settings: SignalSettings,
    serializers: Readonly<Record<SignalSettings['encoding'], ISerializer<Items, Taken>>>,
  ): Exporter<Items> {
    const sender = new OtlpSender(settings, this.#network);
    this.#senders.push(sender);
    const serializer = serializers[settings.encoding];
    const underWay = new Set<Promise<void>>();
    const flush = async (): Promise<void> => {
      await Promise.all(underWay);
    };
    const send = async (items: Items): Promise<ExportResult> => {
      try {
        if (underWay.size >= maxExports) throw new Error(`${maxExports} exports are under way already`);
        const answer = await sender.send(serializer.serializeRequest(items) ?? new Uint8Array());
        this.#took(signal, settings);
        this.#warnOfPart(signal, settings, () => serializer.deserializeResponse(answer));
        return { code: ExportResultCode.SUCCESS };
      } catch (error) {
        this.#refused(signal, settings, error);
        return { code: ExportResultCode.FAILED, error: new Error(alreadyReported) };
      }
    };
    return {
      export: (items, done) => {
        const sending = send(items).then((result) => {
          underWay.delete(sending);
          done(result);
        });
        underWay.add(sending);
      },
      forceFlush: flush,
      shutdown: flush,
    };
  }

  #refused(signal: Signal, settings: SignalSettings, error: unknown): void {
    const reason = errorText(error);
    const known = this.#failing.has(signal) || [...this.#failing.values()].includes(reason);
    this.#failing.set(signal, reason);
    if (known) return;
    this.#events.onError(
      new Error(
        `the OTLP receiver ${settings.url.host} does not take ${signal}: ${reason}; ${otlpRemedy(error, signal, settings)}`,
      ),
    );
  }

  #took(signal: Signal, { url }: SignalSettings): void {
    if (!this.#failing.delete(signal) || this.#failing.size > 0) return;
    this.#events.onRecovered(`the OTLP receiver ${url.host} takes telemetry again`);
  }

  #warnOfPart(signal: Signal, { url }: SignalSettings, read: () => Taken): void {
    const message = warningIn(read);
    const kind = message.replaceAll(/\d+/g, '#');
    if (message === '' || kind === this.#warnings.get(signal)) return;
    this.#warnings.set(signal, kind);
    this.#events.onError(new Error(`the OTLP receiver ${url.host} warns about ${signal}: ${message}`));
  }
}

function warningIn(read: () => Taken): string {
  try {
    const { errorMessage = '', rejectedDataPoints, rejectedSpans } = read().partialSuccess ?? {};
    const rejected = Number(rejectedDataPoints ?? rejectedSpans ?? 0);
    if (rejected === 0) return errorMessage;
    return `${errorMessage === '' ? 'it does not say why' : errorMessage} (${rejected} not taken)`;
  } catch {
    // Some receivers answer with a text where the specification wants a message. The export stands.
    return '';
  }
}
