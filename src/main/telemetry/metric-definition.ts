// What is said of a metric.
//
// Units stand in the names only, as in the original's: receivers that know an instrument's unit append it to the name.

export interface MetricDefinition {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Unit of the values, for the reader of the docs. */
  readonly unit: string;
  readonly help: string;
  readonly attributes: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly bounds?: readonly number[];
}

/** Of durations of requests, in seconds. */
export const requestBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;
