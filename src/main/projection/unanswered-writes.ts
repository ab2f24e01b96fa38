// Writes of which no answer came. Whether one was applied is found out later, and its transitions are logged then, by the
// process that wrote them: also if another replica looks after the object by then, which sees no transition in what it
// finds, and before the process ends. So over all replicas and restarts each transition is logged once.
//
// A patch applies only to the version that it names. So it was applied if, and only if, the next version shows its change
// and was not written by another monitor.

import type { Clock } from '../../shared/clock.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import { type KubernetesClient, resourcePath } from '../kubernetes/client.ts';
import { ApiError } from '../kubernetes/errors.ts';
import { parseWatchEvent } from '../kubernetes/objects/list-watch-messages.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import { writtenByAnother } from './field-manager.ts';
import type { Projection } from './projection.ts';
import type { StatusKind } from './status-kind.ts';

export interface UnansweredWritesOptions<
  Watched extends WatchedObject,
  Observation,
  Projected extends Projection<Watched>,
> {
  readonly kind: StatusKind<Watched, Observation, Projected>;
  readonly client: Pick<KubernetesClient, 'get' | 'stream'>;
  readonly objects: Pick<ResourceCache<Watched>, 'parse'>;
  readonly clock: Pick<Clock, 'sleep'>;
  /** The name that this process writes under. */
  readonly fieldManager: string;
}

export interface Found<Watched> {
  readonly record: Watched;
  /** The object as the API server sent it. */
  readonly answer: unknown;
}

/** Patches of one version of an object. Each names that version, so at most one was applied. */
interface Unanswered<Watched, Projected> {
  readonly before: Watched;
  readonly projections: Projected[];
}

/** A version that is there comes at once. */
const historySeconds = 2;
const historyTimeoutMs = 4_000;
/** Before an object is read again that could not be read. */
const readAgainMs = 250;

export class UnansweredWrites<
  Watched extends WatchedObject,
  Observation,
  Projected extends Projection<Watched>,
> {
  readonly #options: UnansweredWritesOptions<Watched, Observation, Projected>;
  /** By uid of the object. */
  readonly #writes = new Map<string, Unanswered<Watched, Projected>>();
  #settling = false;

  constructor(options: UnansweredWritesOptions<Watched, Observation, Projected>) {
    this.#options = options;
  }

  has(uid: string): boolean {
    return this.#writes.has(uid);
  }

  add(before: Watched, projection: Projected): void {
    const lost = this.#writes.get(before.uid);
    // What was sent to an older version was settled when the newer one came.
    if (lost?.before.resourceVersion === before.resourceVersion) lost.projections.push(projection);
    else this.#writes.set(before.uid, { before, projections: [projection] });
  }

  forget(uid: string): void {
    this.#writes.delete(uid);
  }

  /** If one was applied, its transitions are logged now; either way it is settled. Rejects with an ApiError. */
  async settle({ record, answer }: Found<Watched>, signal: AbortSignal): Promise<void> {
    const lost = this.#writes.get(record.uid);
    // It may yet be applied: the API server is only slow.
    if (lost === undefined || lost.before.resourceVersion === record.resourceVersion) return;
    let applied = this.#applied({ record, answer }, lost);
    if (applied === undefined) {
      // Others may have written since.
      const next = await this.#next(lost.before, signal);
      if (next !== null) applied = this.#applied(next, lost);
    }
    if (this.#writes.get(record.uid) !== lost) return;
    this.#writes.delete(record.uid);
    if (applied !== undefined) this.#options.kind.announce(lost.before, applied);
  }

  /** Settles those of some objects, as no write will read them. Never rejects: what cannot be read is left. */
  async settleThose(which: (object: Watched) => boolean, signal: AbortSignal): Promise<void> {
    if (this.#settling) return;
    this.#settling = true;
    try {
      for (const { before } of this.#writes.values()) if (which(before)) await this.#read(before, signal);
    } catch {
      // The API server is away; the next call tries again.
    } finally {
      this.#settling = false;
    }
  }

  /** Settles those of some objects, or tries to until the signal aborts. Returns the objects that could not be read. */
  async settleLast(isWanted: (uid: string) => boolean, signal: AbortSignal): Promise<readonly Watched[]> {
    const { clock } = this.#options;
    const wanted = [...this.#writes.values()].map(({ before }) => before).filter(({ uid }) => isWanted(uid));
    const unread = new Set(wanted);
    await Promise.all(
      wanted.map(async (before) => {
        while (!signal.aborted && unread.has(before)) {
          try {
            await this.#read(before, signal);
            unread.delete(before);
          } catch {
            await clock.sleep(readAgainMs, signal).catch(() => {});
          }
        }
      }),
    );
    return [...unread];
  }

  async #read(before: Watched, signal: AbortSignal): Promise<void> {
    const { client, objects, kind } = this.#options;
    try {
      const path = resourcePath(kind.words.resource, before.namespace, before.name);
      const answer = await client.get(path, { signal });
      const record = objects.parse(answer);
      if (record.uid === before.uid) await this.settle({ record, answer }, signal);
      else this.forget(before.uid);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.forget(before.uid);
    }
  }

  /** The projection that the version shows. Of several, the one with the most changes. */
  #applied(
    { record, answer }: Found<Watched>,
    { projections }: Unanswered<Watched, Projected>,
  ): Projected | undefined {
    const { kind, fieldManager } = this.#options;
    return projections
      .filter(
        ({ change }) =>
          change !== null &&
          kind.shows(record, change) &&
          // Another replica wrote the same, and logs it.
          !writtenByAnother(answer, change, fieldManager),
      )
      .toSorted((a, b) => changedFields(b) - changedFields(a))[0];
  }

  /** The version that followed; null where the API server does not have it any more. */
  async #next(
    { namespace, name, resourceVersion }: Watched,
    signal: AbortSignal,
  ): Promise<Found<Watched> | null> {
    const { client, objects, kind } = this.#options;
    const { resource } = kind.words;
    const query = {
      watch: '1',
      fieldSelector: `metadata.name=${name}`,
      resourceVersion,
      timeoutSeconds: String(historySeconds),
    };
    try {
      const path = resourcePath(resource, namespace);
      const events = client.stream(path, { query, signal, idleTimeoutMs: historyTimeoutMs });
      for await (const event of events) {
        const { type, object } = parseWatchEvent(event, resource);
        return type === 'MODIFIED' ? { record: objects.parse(object), answer: object } : null;
      }
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 410) throw error;
    }
    return null;
  }
}

function changedFields({ change }: Projection<unknown>): number {
  return Object.keys(change ?? {}).length;
}
