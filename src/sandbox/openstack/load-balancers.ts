// The load balancers of the sandbox's cloud.

import { randomUUID } from 'node:crypto';

interface CloudMember {
  readonly id: string;
  readonly operatingStatus: string;
}

/** Never changed in place: a change makes a new one. */
export interface CloudLoadBalancer {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  /** As Octavia has it: "ACTIVE", "ERROR", "PENDING_CREATE", … */
  readonly provisioningStatus: string;
  /** "ONLINE", "DEGRADED", … */
  readonly operatingStatus: string;
  /** Of its one pool. */
  readonly members: readonly CloudMember[];
  /** Epoch milliseconds; Octavia shows whole seconds. */
  readonly createdMs: number;
  readonly updatedMs: number | null;
}

export interface NewLoadBalancer {
  readonly id?: string;
  readonly name: string;
  /** ACTIVE unless given. */
  readonly provisioningStatus?: string;
  /** ONLINE unless given. */
  readonly operatingStatus?: string;
  /** Operating statuses of its members: three that are ONLINE unless given. */
  readonly members?: readonly string[];
}

export type LoadBalancerChanges = Partial<
  Pick<NewLoadBalancer, 'name' | 'provisioningStatus' | 'operatingStatus' | 'members'>
>;

export class LoadBalancers {
  /** By id, oldest first: the order in which Octavia lists them. */
  readonly #loadBalancers = new Map<string, CloudLoadBalancer>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(projectId: string, options: NewLoadBalancer): CloudLoadBalancer {
    const { id = randomUUID(), name, provisioningStatus = 'ACTIVE', operatingStatus = 'ONLINE' } = options;
    const { members = ['ONLINE', 'ONLINE', 'ONLINE'] } = options;
    const added = {
      id,
      projectId,
      name,
      provisioningStatus,
      operatingStatus,
      members: members.map(memberOf),
      createdMs: this.#now(),
      updatedMs: null,
    };
    this.#loadBalancers.set(id, added);
    return added;
  }

  update(id: string, { members, ...changes }: LoadBalancerChanges): CloudLoadBalancer {
    const known = this.get(id);
    if (known === undefined) throw new Error(`the sandbox's cloud has no load balancer ${id}`);
    const changed = {
      ...known,
      ...changes,
      members:
        members?.map((status, index) => ({
          ...memberOf(status),
          id: known.members[index]?.id ?? randomUUID(),
        })) ?? known.members,
      updatedMs: this.#now(),
    };
    this.#loadBalancers.set(id, changed);
    return changed;
  }

  get(id: string): CloudLoadBalancer | undefined {
    return this.#loadBalancers.get(id);
  }

  /** It is in no list any more. */
  delete(id: string): void {
    this.#loadBalancers.delete(id);
  }

  all(): readonly CloudLoadBalancer[] {
    return [...this.#loadBalancers.values()];
  }
}

function memberOf(operatingStatus: string): CloudMember {
  return { id: randomUUID(), operatingStatus };
}
