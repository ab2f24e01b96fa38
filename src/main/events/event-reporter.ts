// Reports each transition also as an Event of its object, for `kubectl describe` and `kubectl get events` (--events). An
// object that flaps is one Event that counts, and at most a few requests a minute. Nobody waits for an Event.

import { hostname } from 'node:os';
import type { Clock } from '../../shared/clock.ts';
import type { WatchedObject, WatchedResource } from '../../shared/watched-object.ts';
import type { HealthTransition, PhaseTransition } from '../projection/projection.ts';
import type { TransitionListener } from '../projection/transition-log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Happening, healthHappening, phaseHappening, type Regarding } from './event.ts';
import { EventSender, type EventSenderOptions } from './event-sender.ts';
import { RecentSeries } from './event-series.ts';
import { TokenBucket } from './token-bucket.ts';

export interface EventReporterOptions {
  readonly sender: Pick<EventSender, 'submit'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'event'>;
}

/** Of one object. */
const objectRate = { burst: 10, everyMs: 60_000 };
/** Objects whose rate is remembered. */
const objectLimit = 4_000;

export class EventReporter implements TransitionListener {
  readonly #options: EventReporterOptions;
  readonly #recent = new RecentSeries();
  /** By uid; the object that was last in transition comes last. */
  readonly #objects = new Map<string, TokenBucket>();

  constructor(options: EventReporterOptions) {
    this.#options = options;
  }

  phase(resource: WatchedResource, object: WatchedObject, transition: PhaseTransition): void {
    this.#report(phaseHappening(regarding(resource, object), transition));
  }

  health(resource: WatchedResource, object: WatchedObject, transition: HealthTransition): void {
    this.#report(healthHappening(regarding(resource, object), transition));
  }

  #report(happening: Happening): void {
    const { clock, sender, metrics } = this.#options;
    const series = this.#recent.counted(happening, clock.now());
    // The one that waits says the new count.
    if (series.waiting) return;
    if (!this.#allowed(happening.regarding.uid) || !sender.submit(series)) metrics.event('dropped');
  }

  #allowed(uid: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const bucket = this.#objects.get(uid) ?? new TokenBucket(objectRate, nowMs);
    this.#objects.delete(uid);
    this.#objects.set(uid, bucket);
    const [oldest] = this.#objects.keys();
    if (this.#objects.size > objectLimit && oldest !== undefined) this.#objects.delete(oldest);
    return bucket.take(nowMs);
  }
}

/** `resources` takes the end of it. */
export function reportEvents({
  resources,
  ...options
}: Omit<EventSenderOptions, 'instance'> & { readonly resources: AsyncDisposableStack }): EventReporter {
  const sender = new EventSender({ ...options, instance: hostname() });
  resources.defer(async () => sender.close());
  return new EventReporter({ ...options, sender });
}

const kinds = { servers: 'Server', regions: 'Region', loadbalancers: 'LoadBalancer' } as const;

function regarding(resource: WatchedResource, { namespace, name, uid }: WatchedObject): Regarding {
  return { kind: kinds[resource], namespace, name, uid };
}
