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
  let stallSeconds = 0;
  const startSeconds = performance.timeOrigin / 1000;
  const eventLoopDelay = gaugeOf(meter, metricTable.eventLoopDelay);
  const eventLoopStall = gaugeOf(meter, metricTable.eventLoopStall);
  const cpu = totalOf(meter, metricTable.processCpu);
  const memory = gaugeOf(meter, metricTable.processMemory);
  const start = gaugeOf(meter, metricTable.processStart);
  const heapUsed = gaugeOf(meter, metricTable.heapUsed);
  const heapTotal = gaugeOf(meter, metricTable.heapTotal);
  meter.addBatchObservableCallback(
    (result) => {
      if (delay.count > 0) {
        delaySeconds = delayOf(delay.percentile(99));
        // One stall of seconds is one sample among thousands, which no percentile shows.
        stallSeconds = delayOf(delay.max);
        delay.reset();
      }
      result.observe(eventLoopDelay, delaySeconds);
      result.observe(eventLoopStall, stallSeconds);
      const usage = process.cpuUsage();
      const { rss, heapUsed: used, heapTotal: total } = process.memoryUsage();
      result.observe(cpu, (usage.user + usage.system) / 1e6);
      result.observe(memory, rss);
      result.observe(start, startSeconds);
      result.observe(heapUsed, used);
      result.observe(heapTotal, total);
    },
    [eventLoopDelay, eventLoopStall, cpu, memory, start, heapUsed, heapTotal],
  );
  return () => {
    delay.disable();
  };
}

/** Seconds of a sample, which holds the sampler's own period. */
function delayOf(sampleNs: number): number {
  return Math.max(0, sampleNs / 1e6 - resolutionMs) / 1000;
}
