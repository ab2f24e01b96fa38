// The bare-metal nodes of the sandbox's cloud: machines, each free or carrying a server.

import { randomUUID } from 'node:crypto';

/** Never changed in place: a change makes a new one. */
export interface CloudNode {
  readonly id: string;
  readonly name: string;
  /** Id of the server that it carries; null for a free one. */
  readonly serverId: string | null;
  /** As Ironic has it: "available", "deploying", "active", … */
  readonly provisionState: string;
}

export type NodeChanges = Partial<Pick<CloudNode, 'serverId' | 'provisionState'>>;

export class Nodes {
  /** By id, in the order in which they were added. */
  readonly #nodes = new Map<string, CloudNode>();

  /** A free node in state "available", unless given otherwise. */
  add(options: Partial<CloudNode> = {}): CloudNode {
    const { id = randomUUID(), serverId = null, provisionState = 'available' } = options;
    const name = options.name ?? `node-${this.#nodes.size + 1}`;
    const node = { id, name, serverId, provisionState };
    this.#nodes.set(id, node);
    return node;
  }

  update(id: string, changes: NodeChanges): CloudNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`the sandbox's cloud has no node ${id}`);
    const changed = { ...node, ...changes };
    this.#nodes.set(id, changed);
    return changed;
  }

  all(): readonly CloudNode[] {
    return [...this.#nodes.values()];
  }
}
