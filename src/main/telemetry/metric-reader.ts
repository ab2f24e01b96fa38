// The one reader of the meter provider, which serves both /metrics and the OTLP export. One, not two: each
// collection calls the gauges' callbacks for all readers, so with a second reader a series that vanished between two
// of its collections would still be in the next, counted beside the series that replaced it.

import {
  AggregationTemporality,
  type CollectionResult,
  InstrumentType,
  MetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';

/** Gauges forget what is not observed any more, which the SDK does for deltas only; all else counts from the start. */
export function temporalityOf(type: InstrumentType): AggregationTemporality {
  return type === InstrumentType.OBSERVABLE_GAUGE || type === InstrumentType.GAUGE
    ? AggregationTemporality.DELTA
    : AggregationTemporality.CUMULATIVE;
}

/** Series of one instrument, at most; the SDK's own limit of 2,000 is below what a fleet with many flavors has. */
const seriesLimits = { observableGauge: 200_000, default: 20_000 } as const;

/**
 * A collection takes what the callbacks left, so two at once would share it between them; they share the result
 * instead.
 */
class Collection {
  #running: Promise<CollectionResult> | undefined;

  join(collect: () => Promise<CollectionResult>): Promise<CollectionResult> {
    this.#running ??= collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

/** Collects when it is asked to. */
export class PullReader extends MetricReader {
  readonly #collection = new Collection();

  constructor() {
    super({
      aggregationTemporalitySelector: temporalityOf,
      cardinalitySelector: (type) =>
        type === InstrumentType.OBSERVABLE_GAUGE ? seriesLimits.observableGauge : seriesLimits.default,
    });
  }

  override collect(): Promise<CollectionResult> {
    return this.#collection.join(() => super.collect());
  }

  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}

export interface PushOptions {
  readonly exporter: PushMetricExporter;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Collects when it is asked to, and exports at intervals and at the end. */
export class PushReader extends PeriodicExportingMetricReader {
  readonly #collection = new Collection();

  constructor({ exporter, intervalMs, timeoutMs }: PushOptions) {
    super({
      exporter,
      exportIntervalMillis: intervalMs,
      exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
      cardinalityLimits: seriesLimits,
    });
  }

  override collect(): Promise<CollectionResult> {
    return this.#collection.join(() => super.collect());
  }
}
