// Why a job got no answer from the check itself.

import { type CheckError, messageOf } from '../../shared/errors.ts';

export const cancelled: CheckError = { code: 'cancelled', message: 'the monitor is shutting down' };

export const stuckError: CheckError = {
  code: 'worker-stuck',
  message: 'the worker thread stopped responding during this check and was terminated',
};

export const memoryError: CheckError = {
  code: 'worker-out-of-memory',
  message: 'the worker thread used too much memory during this check and was terminated',
};

export const neverBegun: CheckError = {
  code: 'timeout',
  message: 'no worker was free to run the check before its deadline: raise --workers or --poll-period',
};

export const answerLost: CheckError = {
  code: 'timeout',
  message:
    'the check did not answer long after its deadline: is the machine overloaded, or its CPU limit too low?',
};

/** What became of a job whose thread ended, or that the pool refused. */
export function poolError(thrown: unknown): CheckError {
  const message = messageOf(thrown);
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { code: 'worker-out-of-memory', message };
  }
  if (message === 'Task queue is at limit' || message.startsWith('No task queue available')) {
    return { code: 'queue-full', message: 'too many checks wait for a worker: raise --workers' };
  }
  return { code: 'worker-crashed', message };
}
