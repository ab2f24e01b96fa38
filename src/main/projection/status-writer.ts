// Writes what was observed into Server objects. It guarantees:
// - only what differs is written                     (projection is null otherwise)
// - another writer's change is never overwritten     (merge patch with the resourceVersion that was read; on conflict the
//                                                     object is read and projected again)
// - a transition is logged once, after its write     (logged here, after the answer; when the answer is lost, or is not the
//   stands                                            object that was written, the object is read back, now or at the next poll)
// - the API server is not overrun                    (429 and Retry-After pause all writes; WriteQueue limits their number)

import type { Tracer } from '@opentelemetry/api';
import type { Clock } from '../../shared/clock.ts';
import { kubernetesTime } from '../../shared/conditions.ts';
import { asError, toCheckError } from '../../shared/errors.ts';
import { pendingEntryAnnotation } from '../../shared/labels.ts';
import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import { type KubernetesClient, resourcePath } from '../kubernetes/client.ts';
import { ApiError } from '../kubernetes/errors.ts';
import type { Definitions } from '../kubernetes/objects/profile.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { FlavorAttributes, Metrics } from '../telemetry/metrics.ts';
import { endSpan, startStatusWrite } from '../telemetry/tracing.ts';
import { type AnnouncementTargets, announce } from './announcement.ts';
import { writtenByAnother } from './field-manager.ts';
import { type AnnotationChange, annotationChange } from './pending-time.ts';
import { type Projection, projectServer } from './projection.ts';
import type { ServerWriter, WriteRequest, Written } from './server-writer.ts';
import { shows } from './status-change.ts';
import {
  isWithheld,
  mayBeOfOtherDefinitions,
  maybeApplied,
  mayRetry,
  unchangedReason,
} from './write-failures.ts';

export interface StatusWriterOptions {
  readonly client: Pick<KubernetesClient, 'get' | 'patch'>;
  readonly servers: Pick<ResourceCache<ServerRecord>, 'parse' | 'put' | 'onChange'>;
  readonly clock: Clock;
  /** The name that this process writes under. */
  readonly fieldManager: string;
  readonly definitions: Definitions;
  /** Asked right before each write is sent: another replica may have the server's region by then. */
  readonly mayWrite?: ((server: ServerRecord) => boolean) | undefined;
  readonly log: AnnouncementTargets['log'];
  readonly metrics: AnnouncementTargets['metrics'] & Pick<Metrics, 'statusWrite'>;
  readonly tracer: Tracer;
}

const attempts = 6;
/** A write that has taken longer is not tried again before the next poll: other writes wait for its place. */
const retryMs = 10_000;
const backoffMs = 200;
const pauseMs = { default: 1_000, most: 30_000 };

/** Patches of one version of an object that got no answer. Each names that version, so at most one was applied. */
interface Unanswered {
  readonly before: ServerRecord;
  readonly projections: Projection[];
}

interface Read {
  readonly record: ServerRecord;
  /** The object as the API server sent it. */
  readonly object: unknown;
}

export class StatusWriter implements ServerWriter {
  readonly #options: StatusWriterOptions;
  /** By uid of the object. */
  readonly #unanswered = new Map<string, Unanswered>();
  #pausedUntilMs = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    options.servers.onChange(({ type, record, previous }) => {
      const gone = type === 'delete' ? record : previous;
      if (gone !== undefined && (type === 'delete' || gone.uid !== record.uid))
        this.#unanswered.delete(gone.uid);
    });
  }

  isIdle(server: ServerRecord, observation: Observation): boolean {
    return (
      !this.#unanswered.has(server.uid) &&
      this.#project(server, observation).change === null &&
      this.#annotationChange(server) === null
    );
  }

  async write(request: WriteRequest): Promise<Written> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      request.signal.throwIfAborted();
      const written = await this.#writeStatus(request, startMs);
      return written.kind === 'stands'
        ? await this.#writeAnnotation(written.server, request.signal)
        : written;
    } catch (error) {
      if (!request.signal.aborted) metrics.statusWrite('failed', (clock.monotonicMs() - startMs) / 1000);
      return { kind: 'failed', error: asError(error) };
    }
  }

  async #writeStatus(request: WriteRequest, startMs: number): Promise<Written> {
    const { server, observation, signal } = request;
    const { clock, metrics, definitions } = this.#options;
    let current = await this.#upToDate(request);
    for (let attempt = 1; current !== null && current.uid === server.uid; attempt++) {
      await this.#untilResumed(signal);
      const { profile } = definitions;
      const projection = this.#project(current, observation);
      if (projection.change === null) {
        this.#unanswered.delete(server.uid);
        return { kind: 'stands', server: current };
      }
      try {
        return { kind: 'stands', server: await this.#patchStatus(current, projection, request) };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 404) break;
        // It is another's to write, and to count.
        if (isWithheld(error)) return { kind: 'gone' };
        if (mayBeOfOtherDefinitions(error)) {
          await definitions.recheck(signal);
          if (definitions.profile !== profile) continue;
        }
        if (attempt >= attempts || !mayRetry(error) || clock.monotonicMs() - startMs > retryMs) throw error;
        if (error.status === 429 || error.retryAfterMs !== null) this.#pause(error.retryAfterMs);
        else if (error.status !== 409)
          await clock.sleep(backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random()), signal);
        current = await this.#readBack(request);
      }
    }
    metrics.statusWrite('gone', null);
    this.#unanswered.delete(server.uid);
    return { kind: 'gone' };
  }

  async #patchStatus(
    before: ServerRecord,
    projection: Projection,
    request: WriteRequest,
  ): Promise<ServerRecord> {
    const { client, clock, metrics, tracer } = this.#options;
    const { span: parent, attributes } = request;
    const span = parent === undefined ? undefined : startStatusWrite(tracer, parent, before.name);
    const startMs = clock.monotonicMs();
    const seconds = () => (clock.monotonicMs() - startMs) / 1000;
    try {
      // Without the signal: a write that has begun must finish, so that its transition is logged.
      const body = patch(before, { status: projection.change });
      const answer = await client.patch(path(before, 'status'), body, this.#sending(before));
      const after = this.#written(answer, before, projection);
      metrics.statusWrite('applied', seconds());
      if (span !== undefined) endSpan(span);
      // The patch matched the version that was read, so no earlier attempt without an answer was applied.
      this.#unanswered.delete(before.uid);
      this.#announce(before, projection, attributes);
      this.#options.servers.put(after);
      return after;
    } catch (error) {
      if (span !== undefined) endSpan(span, toCheckError(error));
      if (error instanceof ApiError && error.status === 409) metrics.statusWrite('conflict', seconds());
      if (error instanceof ApiError && maybeApplied(error)) this.#lost(before, projection);
      throw error;
    }
  }

  /** Stamps or removes the pending-entry annotation. A failure costs the measurement of one duration, not the status. */
  async #writeAnnotation(server: ServerRecord, signal: AbortSignal): Promise<Written> {
    const { client, clock } = this.#options;
    let current: ServerRecord | null = server;
    try {
      for (let attempt = 1; current !== null; attempt++) {
        const change = this.#annotationChange(current);
        if (change === null) break;
        const value = change === 'stamp' ? kubernetesTime(clock.now()) : null;
        const metadata = { annotations: { [pendingEntryAnnotation]: value } };
        try {
          await this.#untilResumed(signal);
          const body = patch(current, {}, metadata);
          current = this.#store(await client.patch(path(current), body, this.#sending(current)));
          break;
        } catch (error) {
          if (!(error instanceof ApiError) || attempt >= attempts) throw error;
          if (isWithheld(error)) break;
          if (error.status === 429) this.#pause(error.retryAfterMs);
          else if (error.status === 409) current = (await this.#read(server, signal))?.record ?? null;
          else throw error;
        }
      }
    } catch (error) {
      const annotationError = asError(error);
      return { kind: 'stands', server: current ?? server, ...(signal.aborted ? {} : { annotationError }) };
    }
    return { kind: 'stands', server: current ?? server };
  }

  #sending(server: ServerRecord) {
    const { fieldManager, mayWrite } = this.#options;
    return { query: { fieldManager }, mayBeSent: () => mayWrite?.(server) ?? true };
  }

  #project(server: ServerRecord, observation: Observation): Projection {
    const { clock, definitions } = this.#options;
    return projectServer(server, observation, { profile: definitions.profile, nowMs: clock.now() });
  }

  /** With the definitions of v1.19, existing annotations are left alone. */
  #annotationChange(server: ServerRecord): AnnotationChange {
    return this.#options.definitions.profile === 'v1.16' ? annotationChange(server) : null;
  }

  /** The object in the answer to a patch. Anything else comes from something between us and the API server. */
  #written(answer: unknown, before: ServerRecord, { change }: Projection): ServerRecord {
    let after: ServerRecord | null = null;
    try {
      after = this.#options.servers.parse(answer);
    } catch {
      // Not even an object: it says nothing of what was written.
    }
    const written = after?.uid === before.uid && after.resourceVersion !== before.resourceVersion;
    if (after !== null && (written || (change !== null && shows(after, change)))) return after;
    throw new ApiError('the answer to the status patch is not the Server that was patched: what answered?', {
      status: 200,
      verb: 'patch',
      resource: 'servers/status',
      reason: after?.uid === before.uid ? unchangedReason : 'InvalidResponse',
      retryAfterMs: null,
    });
  }

  /** The object as it is now, also as it came; null when it is gone. */
  async #read(server: ServerRecord, signal: AbortSignal): Promise<Read | null> {
    try {
      const object = await this.#options.client.get(path(server), { signal });
      const record = this.#store(object);
      return record.deleting ? null : { record, object };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /** The next poll sees our own write, even when the watch has not brought it yet. */
  #store(answer: unknown): ServerRecord {
    const record = this.#options.servers.parse(answer);
    this.#options.servers.put(record);
    return record;
  }

  #lost(before: ServerRecord, projection: Projection): void {
    const lost = this.#unanswered.get(before.uid);
    // What was sent to an older version was settled when the newer one came.
    if (lost?.before.resourceVersion === before.resourceVersion) lost.projections.push(projection);
    else this.#unanswered.set(before.uid, { before, projections: [projection] });
  }

  /** The object to begin with: while an answer is missing, the cached one does not show who wrote it. */
  async #upToDate(request: WriteRequest): Promise<ServerRecord | null> {
    return this.#unanswered.has(request.server.uid) ? this.#readBack(request) : request.server;
  }

  async #readBack({ server, attributes, signal }: WriteRequest): Promise<ServerRecord | null> {
    const found = await this.#read(server, signal);
    if (found !== null) this.#settle(found, attributes);
    return found?.record ?? null;
  }

  /** If a change whose answer was lost stands in the object, its transitions are logged now; either way it is settled. */
  #settle({ record, object }: Read, attributes: FlavorAttributes): void {
    const lost = this.#unanswered.get(record.uid);
    // It may yet be applied: the API server is only slow.
    if (lost === undefined || lost.before.resourceVersion === record.resourceVersion) return;
    this.#unanswered.delete(record.uid);
    const stands = standing(record, lost.projections);
    if (stands === undefined || stands.change === null) return;
    // Another replica wrote the same, and logs it.
    if (writtenByAnother(object, stands.change, this.#options.fieldManager)) return;
    this.#announce(lost.before, stands, attributes);
  }

  #announce(before: ServerRecord, projection: Projection, attributes: FlavorAttributes): void {
    announce(before, projection, { ...this.#options, attributes, nowMs: this.#options.clock.now() });
  }

  #pause(retryAfterMs: number | null): void {
    const wait = Math.min(retryAfterMs ?? pauseMs.default, pauseMs.most);
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#options.clock.monotonicMs() + wait);
  }

  async #untilResumed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const wait = this.#pausedUntilMs - this.#options.clock.monotonicMs();
    if (wait > 0) await this.#options.clock.sleep(wait, signal);
  }
}

function path(server: ServerRecord, subresource?: string): string {
  return resourcePath('servers', server.namespace, server.name, subresource);
}

/** A merge patch that applies only to the version that was read. */
function patch(server: ServerRecord, fields: object, metadata: object = {}): object {
  return { metadata: { ...metadata, resourceVersion: server.resourceVersion }, ...fields };
}

/** The projection that was applied: the object shows all its changes. Of several, the one with the most changes. */
function standing(server: ServerRecord, projections: readonly Projection[]): Projection | undefined {
  return projections
    .filter(({ change }) => change !== null && shows(server, change))
    .toSorted((a, b) => changedFields(b) - changedFields(a))[0];
}

function changedFields({ change }: Projection): number {
  return Object.keys(change ?? {}).length;
}
