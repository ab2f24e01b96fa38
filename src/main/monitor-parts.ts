// What the monitor lends to checkers that are given to it: objects to read, and where to say what they saw.

import type { Meter, Tracer } from '@opentelemetry/api';
import type { Checker, CheckJob } from '../shared/checker.ts';
import type { Clock } from '../shared/clock.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { ObjectView } from './kubernetes/objects/object-view.ts';
import type { RegionRecord } from './kubernetes/objects/resource-records.ts';
import type { Logger } from './log/logger.ts';

export interface MonitorParts {
  readonly regions: ObjectView<RegionRecord>;
  readonly servers: ObjectView<ServerRecord>;
  readonly logger: Logger;
  /** What is measured with it is on /metrics and goes out by OTLP. */
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly clock: Clock;
}

/**
 * Makes checkers that run next to the monitor's own, in the same polls and on the same worker threads, each region by
 * itself. Called once, before anything runs.
 */
export type CreateCheckers = (parts: MonitorParts) => readonly Checker<CheckJob, unknown>[];
