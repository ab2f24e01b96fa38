// How the process is stopped: by SIGTERM, from its supervisor, or by SIGINT, from a person at a terminal.

import { constants } from 'node:os';

/**
 * A signal that aborts at the first SIGINT or SIGTERM. A second one means that someone is tired of waiting: it ends the
 * process at once, with the exit code by which shells report a signal.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
      controller.abort(new DOMException(`received ${name}`, 'AbortError'));
    });
  return controller.signal;
}
