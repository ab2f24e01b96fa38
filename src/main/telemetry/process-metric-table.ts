// The metrics of the process itself: part of the table of all metrics.

import type { MetricDefinition } from './metric-definition.ts';

export const processMetricTable = {
  buildInfo: {
    name: 'unikorn_region_monitor_build_info',
    kind: 'gauge',
    unit: 'boolean',
    help: 'Always 1; the attributes name the running version.',
    attributes: ['version', 'revision', 'node_version'],
  },
  eventLoopDelay: {
    name: 'unikorn_region_monitor_event_loop_delay_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Delay of the main event loop since the last collection, 99th percentile.',
    attributes: [],
  },
  eventLoopStall: {
    name: 'unikorn_region_monitor_event_loop_stall_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Longest delay of the main event loop since the last collection. When idle, up to 10 s less are shown.',
    attributes: [],
  },
  processCpu: {
    name: 'process_cpu_seconds_total',
    kind: 'counter',
    unit: 'seconds',
    help: 'Total user and system CPU time spent in seconds.',
    attributes: [],
  },
  processMemory: {
    name: 'process_resident_memory_bytes',
    kind: 'gauge',
    unit: 'bytes',
    help: 'Resident memory size in bytes.',
    attributes: [],
  },
  processStart: {
    name: 'process_start_time_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Start time of the process since the Unix epoch in seconds.',
    attributes: [],
  },
  heapUsed: {
    name: 'nodejs_heap_size_used_bytes',
    kind: 'gauge',
    unit: 'bytes',
    help: 'Heap used by the main thread.',
    attributes: [],
  },
  heapTotal: {
    name: 'nodejs_heap_size_total_bytes',
    kind: 'gauge',
    unit: 'bytes',
    help: 'Heap reserved by the main thread.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
