// The entry of every worker thread: piscina calls the default export once a job. It gives each job its deadline, turns
// whatever a check throws into data, and records in shared memory that this thread's event loop turns.

import v8 from 'node:v8';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import * as v from 'valibot';
import type { Check, CheckJob, Outcome } from '../shared/checker.ts';
import { monotonicMs } from '../shared/clock.ts';
import { type CheckError, toCheckError } from '../shared/errors.ts';
import { type Answer, type Assignment, beatEveryMs, type Started } from '../shared/worker-protocol.ts';
import { WorkerSlots } from '../shared/worker-slots.ts';

const settings = v.parse(v.object({ slots: v.instance(SharedArrayBuffer) }), workerData);
const slots = new WorkerSlots(settings.slots);
const slot = slots.claim(threadId) ?? -1;

function beat(): void {
  if (slot >= 0) slots.record(slot, monotonicMs(), v8.getHeapStatistics().used_heap_size);
}
beat();
setInterval(beat, beatEveryMs).unref();

const checkModule = v.object({
  default: v.custom<Check<CheckJob, unknown>>((value) => typeof value === 'function', 'is not a check'),
});

async function loadCheck(url: string): Promise<Check<CheckJob, unknown>> {
  const module: unknown = await import(url);
  return v.parse(checkModule, module).default;
}

/** Runs a check; answers `timeout` at the job's deadline even if the check ignores its signal. */
async function runCheck({ module, job }: Assignment): Promise<Outcome<unknown>> {
  const controller = new AbortController();
  const late: CheckError = {
    code: 'timeout',
    message: `the check of region ${job.regionId} did not end by its deadline`,
  };
  const deadline = Promise.withResolvers<Outcome<unknown>>();
  const timer = setTimeout(
    () => {
      controller.abort(new Error(late.message));
      deadline.resolve({ ok: false, error: late });
    },
    Math.max(0, job.deadlineMs - monotonicMs()),
  );
  try {
    const check = await loadCheck(module);
    const checked = check(job, controller.signal).then(
      (result): Outcome<unknown> => ({ ok: true, result }),
      (thrown: unknown): Outcome<unknown> => ({ ok: false, error: toCheckError(thrown) }),
    );
    return await Promise.race([checked, deadline.promise]);
  } catch (thrown) {
    return { ok: false, error: toCheckError(thrown) };
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

export default async function entry(assignment: Assignment): Promise<Answer> {
  const startedMs = monotonicMs();
  const started: Started = { ticket: assignment.ticket, slot, startedMs };
  parentPort?.postMessage(started);
  const outcome = JSON.stringify(await runCheck(assignment));
  return { slot, startedMs, endedMs: monotonicMs(), outcome };
}
