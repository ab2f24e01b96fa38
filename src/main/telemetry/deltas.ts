// What was counted since the last export, for backends that add up by themselves and refuse totals. The reader keeps the
// totals, because /metrics, which it serves as well, needs them.

import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';

/** Turns the totals of counters and histograms into deltas; `exporter` sends them. */
export function exportingDeltas(exporter: PushMetricExporter): PushMetricExporter {
  const sums = new LatestTotals<number>((now, before) => now - before);
  const histograms = new LatestTotals<Histogram>(less);
  const sinceLast = (metric: MetricData): MetricData => {
    const { name } = metric.descriptor;
    const aggregationTemporality = AggregationTemporality.DELTA;
    if (metric.dataPointType === DataPointType.SUM && metric.isMonotonic)
      return { ...metric, aggregationTemporality, dataPoints: sums.since(name, metric.dataPoints) };
    if (metric.dataPointType === DataPointType.HISTOGRAM)
      return { ...metric, aggregationTemporality, dataPoints: histograms.since(name, metric.dataPoints) };
    return metric;
  };
  return {
    ...exporter,
    export: ({ resource, scopeMetrics }, done) => {
      const scopes = scopeMetrics.map(({ scope, metrics }) => ({ scope, metrics: metrics.map(sinceLast) }));
      exporter.export({ resource, scopeMetrics: scopes }, done);
    },
  };
}

/** Of each series. Their number is bounded as that of the reader's series is. */
class LatestTotals<Value> {
  readonly #points = new Map<string, DataPoint<Value>>();
  readonly #less: (now: Value, before: Value) => Value;

  constructor(less: (now: Value, before: Value) => Value) {
    this.#less = less;
  }

  since(metric: string, points: readonly DataPoint<Value>[]): DataPoint<Value>[] {
    return points.map((point) => {
      const series = `${metric} ${JSON.stringify(point.attributes)}`;
      const last = this.#points.get(series);
      this.#points.set(series, point);
      if (last === undefined) return point;
      return { ...point, startTime: last.endTime, value: this.#less(point.value, last.value) };
    });
  }
}

/** Without the least and the greatest value: those are known of all values only. */
function less({ buckets, count, sum = 0 }: Histogram, before: Histogram): Histogram {
  const counts = buckets.counts.map((total, index) => total - (before.buckets.counts[index] ?? 0));
  return {
    buckets: { boundaries: buckets.boundaries, counts },
    count: count - before.count,
    sum: sum - (before.sum ?? 0),
  };
}
