// What the process itself uses: the metrics that every client library of Prometheus gives, and the main loop's delay.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { gaugeOf, totalOf } from './instruments.ts';
import { metricTable } from './metric-table.ts';

const resolutionMs = 20;

/** Begins to measure; ends when the returned function is called. */
export function observeProcess(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let delaySeconds = 0;
  const startSeconds = performance.timeOrigin / 1000;
  const eventLoopDelay = gaugeOf(meter, metricTable.eventLoopDelay);
  const cpu = totalOf(meter, metricTable.processCpu);
  const memory = gaugeOf(meter, metricTable.processMemory);
  const start = gaugeOf(meter, metricTable.processStart);
  const heapUsed = gaugeOf(meter, metricTable.heapUsed);
  const heapTotal = gaugeOf(meter, metricTable.heapTotal);
  meter.addBatchObservableCallback(
    (result) => {
      if (delay.count > 0) {
        // The sampler's own period is part of what it measures.
        const p99Ms = delay.percentile(99) / 1e6 - resolutionMs;
        delaySeconds = Math.max(0, p99Ms) / 1000;
        delay.reset();
      }
      result.observe(eventLoopDelay, delaySeconds);
      const usage = process.cpuUsage();
      const { rss, heapUsed: used, heapTotal: total } = process.memoryUsage();
      result.observe(cpu, (usage.user + usage.system) / 1e6);
      result.observe(memory, rss);
      result.observe(start, startSeconds);
      result.observe(heapUsed, used);
      result.observe(heapTotal, total);
    },
    [eventLoopDelay, cpu, memory, start, heapUsed, heapTotal],
  );
  return () => {
    delay.disable();
  };
}
