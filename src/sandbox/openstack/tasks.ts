// What happens to the servers of the sandbox's cloud: at once, or as a task that takes its time.

import type { Clock } from '../../shared/clock.ts';
import { type ActionName, actions } from './actions.ts';
import type { Fleet } from './fleet.ts';
import { type CloudServer, changed, type ServerChanges } from './server.ts';

export interface TaskOptions {
  /** The task state first, the outcome after `taskMs`; else the outcome at once. */
  readonly gradual?: boolean;
}

export interface RebuildOptions extends TaskOptions {
  readonly fault?: string;
}

export interface TasksOptions {
  readonly fleet: Fleet;
  readonly clock: Clock;
  /** How long a gradual task takes. */
  readonly taskMs: number;
  /** Ends tasks as they are. */
  readonly closing: AbortSignal;
}

export class Tasks {
  readonly #options: TasksOptions;

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  known(id: string): CloudServer {
    const server = this.#options.fleet.get(id);
    if (server === undefined) throw new Error(`the sandbox's cloud has no server ${id}`);
    return server;
  }

  update(id: string, changes: ServerChanges): CloudServer {
    const { fleet, clock } = this.#options;
    const server = changed(this.known(id), changes, clock.now());
    fleet.replace(server);
    return server;
  }

  act(id: string, name: ActionName, options: TaskOptions): void {
    this.perform(id, actions[name].during, actions[name].after, options);
  }

  rebuild(id: string, imageId: string, options: RebuildOptions): void {
    const { fault } = options;
    const { status } = this.known(id);
    const during = { status: 'REBUILD', taskState: 'rebuilding', imageId };
    const after =
      fault === undefined
        ? { status: status === 'SHUTOFF' ? status : 'ACTIVE', imageId, launchedMs: this.#options.clock.now() }
        : { status: 'ERROR', imageId, fault };
    this.perform(id, during, after, options);
  }

  delete(id: string, options: TaskOptions): void {
    this.perform(id, { taskState: 'deleting' }, { status: 'DELETED' }, options);
  }

  perform(id: string, during: ServerChanges, after: ServerChanges, options: TaskOptions): void {
    const { fleet, clock, taskMs, closing } = this.#options;
    const finish = (): void => {
      const server = this.update(id, after);
      if (server.status === 'DELETED') fleet.replace({ ...server, terminatedMs: server.updatedMs });
    };
    if (options.gradual !== true) {
      finish();
      return;
    }
    const begun = this.update(id, during);
    clock.sleep(taskMs, closing).then(
      () => {
        // Another task or outcome meanwhile is the last word.
        const { status, taskState } = this.known(id);
        if (status === begun.status && taskState === begun.taskState) finish();
      },
      () => {
        // The cloud closes: the task stays as it is.
      },
    );
  }
}
