// Writes what was observed into the status of objects of one kind. It guarantees:
// - only what differs is written                     (projection is null otherwise)
// - another writer's change is never overwritten     (merge patch with the resourceVersion that was read; on conflict the
//                                                     object is read and projected again)
// - a transition is logged once, after its write     (logged here, after the answer; when the answer is lost, or is not the
//   stands                                            object that was written, the object is read back, now or at the next
//                                                     poll, whoever looks after it by then)
// - the API server is not overrun                    (429 and Retry-After pause all writes of all kinds; WriteQueue limits
//                                                     their number)

import type { Tracer } from '@opentelemetry/api';
import type { Clock } from '../../shared/clock.ts';
import { asError, toCheckError } from '../../shared/errors.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import { type KubernetesClient, resourcePath } from '../kubernetes/client.ts';
import { ApiError } from '../kubernetes/errors.ts';
import type { Definitions } from '../kubernetes/objects/profile.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { endSpan, startStatusWrite } from '../telemetry/tracing.ts';
import type { ObjectWriter, WriteRequest, Written } from './object-writer.ts';
import type { Projection } from './projection.ts';
import type { Annotations, StatusKind } from './status-kind.ts';
import { type Found, UnansweredWrites } from './unanswered-writes.ts';
import {
  isWithheld,
  mayBeOfOtherDefinitions,
  maybeApplied,
  mayRetry,
  unchangedReason,
} from './write-failures.ts';
import type { WritePause } from './write-pause.ts';

export interface StatusWriterOptions<
  Watched extends WatchedObject,
  Observation,
  Projected extends Projection<Watched>,
> {
  readonly kind: StatusKind<Watched, Observation, Projected>;
  readonly client: Pick<KubernetesClient, 'get' | 'patch' | 'stream'>;
  readonly objects: Pick<ResourceCache<Watched>, 'parse' | 'put' | 'onChange'>;
  readonly clock: Clock;
  /** The name that this process writes under. */
  readonly fieldManager: string;
  readonly definitions: Definitions;
  /** Asked right before each write is sent: another replica may have the object's region by then. */
  readonly mayWrite: (object: Watched) => boolean;
  readonly metrics: Pick<Metrics, 'statusWrite'>;
  readonly tracer: Tracer;
  /** Shared by the writers of all kinds. */
  readonly pause: WritePause;
  /** Aborts when a stop does not wait for writes any longer. */
  readonly ended: AbortSignal;
}

const attempts = 6;
/** A write that has taken longer is not tried again before the next poll: other writes wait for its place. */
const retryMs = 10_000;
const backoffMs = 200;

export class StatusWriter<Watched extends WatchedObject, Observation, Projected extends Projection<Watched>>
  implements ObjectWriter<Watched, Observation>
{
  readonly #options: StatusWriterOptions<Watched, Observation, Projected>;
  readonly #unanswered: UnansweredWrites<Watched, Observation, Projected>;

  constructor(options: StatusWriterOptions<Watched, Observation, Projected>) {
    this.#options = options;
    this.#unanswered = new UnansweredWrites(options);
    options.objects.onChange(({ type, record, previous }) => {
      const gone = type === 'delete' ? record : previous;
      if (gone !== undefined && (type === 'delete' || gone.uid !== record.uid))
        this.#unanswered.forget(gone.uid);
    });
  }

  isIdle(object: Watched, observation: Observation): boolean {
    return (
      !this.#unanswered.has(object.uid) &&
      this.#options.kind.project(object, observation).change === null &&
      this.#annotations(object) === null
    );
  }

  async write(request: WriteRequest<Watched, Observation>): Promise<Written<Watched>> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      request.signal.throwIfAborted();
      const written = await this.#writeStatus(request, startMs);
      return written.kind === 'stands'
        ? await this.#writeAnnotations(written.object, request.signal)
        : written;
    } catch (error) {
      if (!request.signal.aborted) metrics.statusWrite('failed', (clock.monotonicMs() - startMs) / 1000);
      return { kind: 'failed', error: asError(error) };
    }
  }

  /** Finds out what became of writes without an answer, of objects that another replica looks after. Never rejects. */
  async settle(signal: AbortSignal): Promise<void> {
    const { mayWrite } = this.#options;
    // Of all others, the next write does.
    await this.#unanswered.settleThose((object) => !mayWrite(object), signal);
  }

  /**
   * Before the process ends: finds out what became of writes without an answer, of objects without a write in flight.
   * Returns the objects of which that is not known when the signal aborts.
   */
  async settleLast(isWanted: (uid: string) => boolean, signal: AbortSignal): Promise<readonly Watched[]> {
    return this.#unanswered.settleLast(isWanted, signal);
  }

  async #writeStatus(
    request: WriteRequest<Watched, Observation>,
    startMs: number,
  ): Promise<Written<Watched>> {
    const { object, observation } = request;
    const { kind, clock, metrics, definitions, pause, ended } = this.#options;
    let { signal } = request;
    let current = await this.#upToDate(request);
    for (let attempt = 1; current !== null && current.uid === object.uid; attempt++) {
      await pause.over(signal);
      const { profile } = definitions;
      const projection = kind.project(current, observation);
      if (projection.change === null) {
        this.#unanswered.forget(object.uid);
        return { kind: 'stands', object: current };
      }
      try {
        return { kind: 'stands', object: await this.#patchStatus(current, projection, request) };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 404) {
          if (await this.#isThere(object, signal)) throw withoutStatus(error, kind.words.title);
          break;
        }
        // It is another's to write, and to count.
        if (isWithheld(error)) return { kind: 'gone' };
        if (mayBeOfOtherDefinitions(error)) {
          await definitions.recheck(signal);
          if (definitions.profile !== profile) continue;
        }
        // What may have been applied must not be left without its line in the log.
        signal = this.#unanswered.has(object.uid) ? ended : request.signal;
        if (attempt >= attempts || !mayRetry(error) || clock.monotonicMs() - startMs > retryMs) throw error;
        if (error.status === 429 || error.retryAfterMs !== null) pause.begin(error.retryAfterMs);
        else if (error.status !== 409)
          await clock.sleep(backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random()), signal);
        current = await this.#readBack({ ...request, signal });
      }
    }
    metrics.statusWrite('gone', null);
    this.#unanswered.forget(object.uid);
    return { kind: 'gone' };
  }

  async #patchStatus(
    before: Watched,
    projection: Projected,
    { span: parent }: WriteRequest<Watched, Observation>,
  ): Promise<Watched> {
    const { kind, client, clock, metrics, tracer, objects } = this.#options;
    const written = { [kind.words.singular]: before.name };
    const span = parent === undefined ? undefined : startStatusWrite(tracer, parent, written);
    const startMs = clock.monotonicMs();
    const seconds = () => (clock.monotonicMs() - startMs) / 1000;
    try {
      // Without the signal: a write that has begun must finish, so that its transition is logged.
      const body = patch(before, { status: projection.change });
      const answer = await client.patch(this.#path(before, 'status'), body, this.#sending(before));
      const after = this.#written(answer, before, projection);
      metrics.statusWrite('applied', seconds());
      if (span !== undefined) endSpan(span);
      // The patch matched the version that was read, so no earlier attempt without an answer was applied.
      this.#unanswered.forget(before.uid);
      kind.announce(before, projection);
      objects.put(after);
      return after;
    } catch (error) {
      if (span !== undefined) endSpan(span, toCheckError(error));
      if (error instanceof ApiError && error.status === 409) metrics.statusWrite('conflict', seconds());
      if (error instanceof ApiError && maybeApplied(error)) this.#unanswered.add(before, projection);
      throw error;
    }
  }

  /** A failure costs what the annotations are for, not the status. */
  async #writeAnnotations(object: Watched, signal: AbortSignal): Promise<Written<Watched>> {
    const { client, pause } = this.#options;
    let current: Watched | null = object;
    try {
      for (let attempt = 1; current !== null; attempt++) {
        const annotations = this.#annotations(current);
        if (annotations === null) break;
        try {
          await pause.over(signal);
          const body = patch(current, {}, { annotations });
          current = this.#store(await client.patch(this.#path(current), body, this.#sending(current)));
          break;
        } catch (error) {
          if (!(error instanceof ApiError) || attempt >= attempts) throw error;
          // Another's to write, or gone.
          if (isWithheld(error) || error.status === 404) break;
          if (error.status === 429) pause.begin(error.retryAfterMs);
          else if (error.status === 409) current = (await this.#read(object, signal))?.record ?? null;
          else throw error;
        }
      }
    } catch (error) {
      const annotationError = asError(error);
      return { kind: 'stands', object: current ?? object, ...(signal.aborted ? {} : { annotationError }) };
    }
    return { kind: 'stands', object: current ?? object };
  }

  #sending(object: Watched) {
    const { fieldManager, mayWrite } = this.#options;
    return { query: { fieldManager }, mayBeSent: () => mayWrite(object) };
  }

  #annotations(object: Watched): Annotations | null {
    return this.#options.kind.annotations?.(object) ?? null;
  }

  /** The object in the answer to a patch. Anything else comes from something between us and the API server. */
  #written(answer: unknown, before: Watched, { change }: Projected): Watched {
    const { kind, objects } = this.#options;
    const { title, resource } = kind.words;
    let after: Watched | null = null;
    try {
      after = objects.parse(answer);
    } catch {
      // Not even an object: it says nothing of what was written.
    }
    const isSame = after?.uid === before.uid;
    if (after !== null && isSame) {
      if (after.resourceVersion !== before.resourceVersion) return after;
      if (change !== null && kind.shows(after, change)) return after;
    }
    throw new ApiError(
      `the answer to the status patch is not the ${title} that was patched: what answered?`,
      {
        status: 200,
        verb: 'patch',
        resource: `${resource}/status`,
        reason: isSame ? unchangedReason : 'InvalidResponse',
        retryAfterMs: null,
      },
    );
  }

  /** The object as it is now, also as it came; null when it is gone. */
  async #read(object: Watched, signal: AbortSignal): Promise<Found<Watched> | null> {
    try {
      const answer = await this.#options.client.get(this.#path(object), { signal });
      const record = this.#store(answer);
      return record.deleting ? null : { record, answer };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /** Whether an object is there whose status was said not to be. */
  async #isThere(object: Watched, signal: AbortSignal): Promise<boolean> {
    const found = await this.#read(object, signal).catch(() => null);
    return found?.record.uid === object.uid;
  }

  /** The next poll sees our own write, even when the watch has not brought it yet. */
  #store(answer: unknown): Watched {
    const record = this.#options.objects.parse(answer);
    this.#options.objects.put(record);
    return record;
  }

  /** The object to begin with: while an answer is missing, the cached one does not show who wrote it. */
  async #upToDate(request: WriteRequest<Watched, Observation>): Promise<Watched | null> {
    return this.#unanswered.has(request.object.uid) ? this.#readBack(request) : request.object;
  }

  async #readBack({ object, signal }: WriteRequest<Watched, Observation>): Promise<Watched | null> {
    const found = await this.#read(object, signal);
    if (found !== null) await this.#unanswered.settle(found, signal);
    return found?.record ?? null;
  }

  #path({ namespace, name }: Watched, subresource?: string): string {
    return resourcePath(this.#options.kind.words.resource, namespace, name, subresource);
  }
}

/** Not the object is missing, but what holds its status. */
function withoutStatus(error: ApiError, title: string): ApiError {
  const hint = `the ${title} is there: does its definition have the subresource status?`;
  return new ApiError(`${error.message} (${hint})`, error);
}

/** A merge patch that applies only to the version that was read. */
function patch({ resourceVersion }: WatchedObject, fields: object, metadata: object = {}): object {
  return { metadata: { ...metadata, resourceVersion }, ...fields };
}
