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
