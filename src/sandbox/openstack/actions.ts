// What Nova does to a server on request: which states allow it, the task state while it lasts, the states after it.

import type { CloudServer, ServerChanges } from './server.ts';

const actionNames = ['os-start', 'os-stop', 'pause', 'unpause', 'suspend', 'resume', 'reboot'] as const;
export type ActionName = (typeof actionNames)[number];

export interface ServerAction {
  /** As Nova names it in a refusal. */
  readonly verb: string;
  readonly from: readonly string[];
  /** Changes while the task runs. */
  readonly during: ServerChanges & { readonly taskState: string };
  readonly after: ServerChanges;
}

export const actions: Readonly<Record<ActionName, ServerAction>> = {
  'os-start': {
    verb: 'start',
    from: ['stopped'],
    during: { taskState: 'powering-on' },
    after: { status: 'ACTIVE' },
  },
  'os-stop': {
    verb: 'stop',
    from: ['active', 'error'],
    during: { taskState: 'powering-off' },
    after: { status: 'SHUTOFF' },
  },
  pause: {
    verb: 'pause',
    from: ['active'],
    during: { taskState: 'pausing' },
    after: { status: 'PAUSED' },
  },
  unpause: {
    verb: 'unpause',
    from: ['paused'],
    during: { taskState: 'unpausing' },
    after: { status: 'ACTIVE' },
  },
  suspend: {
    verb: 'suspend',
    from: ['active'],
    during: { taskState: 'suspending' },
    after: { status: 'SUSPENDED' },
  },
  resume: {
    verb: 'resume',
    from: ['suspended'],
    during: { taskState: 'resuming' },
    after: { status: 'ACTIVE' },
  },
  reboot: {
    verb: 'reboot',
    from: ['active', 'stopped', 'paused', 'suspended', 'error'],
    during: { status: 'REBOOT', taskState: 'rebooting' },
    after: { status: 'ACTIVE' },
  },
};

/** Why Nova refuses the action now, in its words; null when it does not. */
export function refusal(server: CloudServer, action: Pick<ServerAction, 'verb' | 'from'>): string | null {
  if (!action.from.includes(server.vmState))
    return `Cannot '${action.verb}' instance ${server.id} while it is in vm_state ${server.vmState}`;
  if (server.taskState !== null)
    return `Cannot '${action.verb}' instance ${server.id} while it is in task_state ${server.taskState}`;
  return null;
}

export function isActionName(name: string): name is ActionName {
  return actionNames.some((known) => known === name);
}
