// The entry of every worker thread: piscina calls the default export once a job. It gives each job its deadline, turns
// whatever a check throws into data, and records in shared memory that this thread's event loop turns while it has jobs.

import { parentPort, threadId, workerData } from 'node:worker_threads';
import * as v from 'valibot';
import { BodyMemory } from '../shared/body-memory.ts';
import type { Check, CheckJob, Outcome } from '../shared/checker.ts';
import { monotonicMs } from '../shared/clock.ts';
import { type CheckError, CheckFailure, toCheckError } from '../shared/errors.ts';
import { onNodeWarning } from '../shared/node-warnings.ts';
import { type PackedJson, pack } from '../shared/packed-json.ts';
import {
  type Answer,
  type Assignment,
  beatEveryMs,
  type Started,
  type Warned,
} from '../shared/worker-protocol.ts';
import { WorkerSlots } from '../shared/worker-slots.ts';

const settings = v.parse(
  v.object({ slots: v.instance(SharedArrayBuffer), checks: v.array(v.string()) }),
  workerData,
);
const slots = new WorkerSlots(settings.slots);
const slot = claimSlot();
const memory = new BodyMemory({ ledger: slots.ledger(slot) });

onNodeWarning((warning) => parentPort?.postMessage({ warning } satisfies Warned));

function claimSlot(): number {
  const claimed = slots.claim(threadId);
  if (claimed === null) throw new Error('there are more worker threads than slots');
  return claimed;
}

function beat(): void {
  slots.beat(slot, monotonicMs());
}

let jobs = 0;
let beats: NodeJS.Timeout | undefined;

/** A thread without jobs has no timer that would wake it. */
function begin(): void {
  jobs += 1;
  if (jobs > 1) return;
  beat();
  beats = setInterval(beat, beatEveryMs);
}

function end(): void {
  jobs -= 1;
  if (jobs > 0) return;
  clearInterval(beats);
  slots.rest(slot, monotonicMs());
}

const checkModule = v.object({
  default: v.custom<Check<CheckJob, unknown>>((value) => typeof value === 'function', 'is not a check'),
});

async function loadCheck(url: string): Promise<Check<CheckJob, unknown>> {
  const module: unknown = await import(url);
  return v.parse(checkModule, module).default;
}

// Before the first job, whose time it would take. What fails to load here is reported by the job that needs it.
begin();
await Promise.allSettled(settings.checks.map(loadCheck));
end();

/** Runs a check; answers `timeout` at the job's deadline even if the check ignores its signal. */
async function runCheck({ module, job }: Assignment): Promise<Outcome<unknown>> {
  const leftMs = job.deadlineMs - monotonicMs();
  // It waited too long for this thread: its answer is no longer awaited.
  if (leftMs <= 0) return lateOutcome(job);
  const controller = new AbortController();
  const deadline = Promise.withResolvers<Outcome<unknown>>();
  const timer = setTimeout(() => {
    const late = lateOutcome(job);
    controller.abort(new CheckFailure(late.error));
    deadline.resolve(late);
  }, leftMs);
  try {
    const check = await loadCheck(module);
    const checked = check(job, controller.signal, { memory }).then(
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

function lateOutcome({ region }: CheckJob): { ok: false; error: CheckError } {
  const message = `the check of region ${region.name} did not end by its deadline`;
  return { ok: false, error: { code: 'timeout', message } };
}

/** What JSON cannot hold is the check's defect, not the thread's. */
function encode(outcome: Outcome<unknown>): PackedJson {
  try {
    return pack(outcome);
  } catch (thrown) {
    return pack({ ok: false, error: toCheckError(thrown) });
  }
}

export default async function entry(assignment: Assignment): Promise<Answer> {
  const startedMs = monotonicMs();
  const started: Started = { ticket: assignment.ticket, slot, startedMs };
  begin();
  parentPort?.postMessage(started);
  try {
    const outcome = encode(await runCheck(assignment));
    return { slot, startedMs, endedMs: monotonicMs(), outcome };
  } finally {
    end();
  }
}
