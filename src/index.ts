// The library: run a monitor in a process of your own, with checkers of your own, or read its flags into a command of
// your own. The worker half of a check imports region-monitor/worker instead, which loads next to nothing.

export type { ObjectView } from './main/kubernetes/objects/object-view.ts';
export type { OpenstackRegion, RegionRecord } from './main/kubernetes/objects/resource-records.ts';
export type { Fields, Logger } from './main/log/logger.ts';
export type { CreateCheckers, MonitorParts } from './main/monitor-parts.ts';
export {
  addFlags,
  type FlagDefaults,
  type Options,
  OptionsError,
  readOptions,
} from './main/options/options.ts';
export { type RunContext, run } from './main/run.ts';
export { StartupError } from './main/startup-error.ts';
export type { Check, Checker, CheckJob, Cycle, JobReport, Outcome } from './shared/checker.ts';
export type { Clock } from './shared/clock.ts';
export type { Condition } from './shared/conditions.ts';
export { type CheckError, CheckFailure, type ErrorCode } from './shared/errors.ts';
export { type RegionRef, regionKey } from './shared/region-ref.ts';
export type { ServerRecord } from './shared/server-record.ts';
