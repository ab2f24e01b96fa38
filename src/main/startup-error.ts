// Why the monitor could not start.

import { messageOf } from '../shared/errors.ts';

/** `title` is the log message, constant as all are; the message says what happened, to what, and what to do. */
export class StartupError extends Error {
  readonly title: string;

  constructor(title: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartupError';
    this.title = title;
  }
}

/** Runs a step of the start; what it throws becomes a StartupError with the step's title. */
export async function startupStep<T>(title: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(title, messageOf(error), { cause: error });
  }
}
