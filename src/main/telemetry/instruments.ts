// Makes instruments from their definitions.

import type {
  Counter,
  Histogram,
  Meter,
  MetricAdvice,
  ObservableCounter,
  ObservableGauge,
} from '@opentelemetry/api';
import type { MetricDefinition } from './metric-definition.ts';

/** The attributes of a definition, all of them and no other. */
export type AttributesOf<Definition extends MetricDefinition> = Readonly<
  Record<Definition['attributes'][number], string>
>;

export function counterOf<Definition extends MetricDefinition & { readonly kind: 'counter' }>(
  meter: Meter,
  { name, help }: Definition,
): Counter<AttributesOf<Definition>> {
  return meter.createCounter(name, { description: help });
}

export function histogramOf<Definition extends MetricDefinition & { readonly kind: 'histogram' }>(
  meter: Meter,
  { name, help, bounds }: Definition,
): Histogram<AttributesOf<Definition>> {
  const advice: MetricAdvice = bounds === undefined ? {} : { explicitBucketBoundaries: [...bounds] };
  return meter.createHistogram(name, { description: help, advice });
}

/** A gauge that is read at each collection. */
export function gaugeOf<Definition extends MetricDefinition & { readonly kind: 'gauge' }>(
  meter: Meter,
  { name, help }: Definition,
): ObservableGauge<AttributesOf<Definition>> {
  return meter.createObservableGauge(name, { description: help });
}

/** A counter whose total is read at each collection. */
export function totalOf<Definition extends MetricDefinition & { readonly kind: 'counter' }>(
  meter: Meter,
  { name, help }: Definition,
): ObservableCounter<AttributesOf<Definition>> {
  return meter.createObservableCounter(name, { description: help });
}
