// What the process itself uses: the metrics that every client library of Prometheus gives, and the main loop's delay.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { gaugeOf, totalOf } from './instruments.ts';
import { metricTable } from './metric-table.ts';

/** Begins to measure; ends when the returned function is called. `takeLateMs` says how late main came, by its own clock. */
export function observeProcess(meter: Meter, takeLateMs: () => number): () => void {
  // Each turn of the loop, without a timer that would wake it. Older versions of Node use a timer, and show its period, too.
  const delay = monitorEventLoopDelay({ samplePerIteration: true });
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
        delaySeconds = delay.percentile(99) / 1e9;
        // One stall of seconds is one sample among thousands, which no percentile shows.
        stallSeconds = Math.max(delay.max / 1e6, takeLateMs()) / 1000;
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
