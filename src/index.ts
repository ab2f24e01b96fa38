// The library: run a monitor in a process of your own, or read its flags into a command of your own.

export { addFlags, type Options, OptionsError, readOptions } from './main/options.ts';
export { type RunContext, run } from './main/run.ts';
export type { Check, Checker, CheckJob, Cycle, JobReport, Outcome, ProviderCall } from './shared/checker.ts';
export { type CheckError, CheckFailure, type ErrorCode } from './shared/errors.ts';
