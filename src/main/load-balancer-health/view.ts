// What is known of one project's load balancers between polls. The cloud knows nothing of the platform's objects but the
// name that its load balancers have.

import type {
  LoadBalancerList,
  LoadBalancerObservation,
  MalformedLoadBalancer,
} from '../../shared/load-balancer-health.ts';

export type LoadBalancerAnswer = Extract<LoadBalancerList['outcome'], { ok: true }>;

export type Finding =
  | { readonly kind: 'observed'; readonly observation: LoadBalancerObservation }
  /** The region answered, and the load balancer is not there. */
  | { readonly kind: 'missing' }
  /** The region's record of it cannot be read, or may be one of those that cannot. */
  | { readonly kind: 'unreadable' }
  /** Several have the name: which of them is meant cannot be known. */
  | { readonly kind: 'ambiguous'; readonly count: number };

/** The name that the platform gives the load balancer of an object. */
function providerName(objectName: string): string {
  return `lb-${objectName}`;
}

export class LoadBalancerView {
  #byName: ReadonlyMap<string, readonly LoadBalancerObservation[]> = new Map();
  #ids: ReadonlySet<string> = new Set();
  #malformed: readonly MalformedLoadBalancer[] = [];
  #digest: string | null = null;
  #confirming = false;

  /** A list with this digest would change nothing; null when any list must be read. */
  get digest(): string | null {
    return this.#confirming ? null : this.#digest;
  }

  /** Records that could not be read. */
  get malformed(): readonly MalformedLoadBalancer[] {
    return this.#malformed;
  }

  /**
   * Takes a list. False when it is not believed yet: most load balancers that were there are gone at once, which a wrongly
   * scoped token looks like too. The view then stays as it is, and the next list is taken as it comes.
   */
  take({ observations, malformed, digest, unchanged }: LoadBalancerAnswer): boolean {
    if (unchanged) return true;
    const ids = new Set(observations.map(({ providerId }) => providerId));
    if (!this.#confirming && this.#mostVanished(ids, malformed.length)) {
      this.#confirming = true;
      return false;
    }
    this.#confirming = false;
    this.#ids = ids;
    this.#byName = Map.groupBy(observations, ({ name }) => name);
    this.#malformed = malformed;
    this.#digest = digest;
    return true;
  }

  find(objectName: string): Finding {
    const name = providerName(objectName);
    const [observation, ...others] = this.#byName.get(name) ?? [];
    if (observation !== undefined)
      return others.length === 0
        ? { kind: 'observed', observation }
        : { kind: 'ambiguous', count: others.length + 1 };
    const unreadable = this.#malformed.some((record) => record.name === null || record.name === name);
    return { kind: unreadable ? 'unreadable' : 'missing' };
  }

  #mostVanished(ids: ReadonlySet<string>, malformed: number): boolean {
    const vanished = [...this.#ids].filter((id) => !ids.has(id)).length;
    return (vanished - malformed) * 2 > this.#ids.size;
  }
}
