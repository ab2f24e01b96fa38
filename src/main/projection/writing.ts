// Makes the writes of a kind of object: into Kubernetes, or in shadow mode into the log alone.

import type { Tracer } from '@opentelemetry/api';
import type { Clock } from '../../shared/clock.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import type { KubernetesClient } from '../kubernetes/client.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { Definitions } from '../kubernetes/objects/profile.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { Fields, Logger } from '../log/logger.ts';
import { formatMs } from '../options/durations.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { fieldManager } from './field-manager.ts';
import type { ObjectWriter } from './object-writer.ts';
import { ObjectWrites } from './object-writes.ts';
import type { Projection } from './projection.ts';
import type { RecentTransitions } from './recent-transitions.ts';
import { ShadowWriter } from './shadow-writer.ts';
import type { KindWords, StatusKind } from './status-kind.ts';
import { StatusWriter } from './status-writer.ts';
import { type TransitionListener, TransitionLog } from './transition-log.ts';
import { WritePause } from './write-pause.ts';
import type { WriteQueue } from './write-queue.ts';

/** Looks on: what it returns is used in place of the writer. */
export type Onlooker<Watched> = <Observation>(
  writer: ObjectWriter<Watched, Observation>,
) => ObjectWriter<Watched, Observation>;

export interface WritingOptions {
  /** Writes nothing. */
  readonly shadow: boolean;
  /** Whether lines about objects name their namespaces: where all are watched, a name alone says too little. */
  readonly namesNamespaces: boolean;
  readonly client: Pick<KubernetesClient, 'get' | 'patch' | 'stream'>;
  readonly definitions: Definitions;
  readonly queue: WriteQueue;
  readonly transitions: RecentTransitions;
  /** Others who want to know of transitions. */
  readonly listeners: readonly TransitionListener[];
  /** Asked right before each write is sent. */
  readonly mayWrite: (object: WatchedObject) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'statusWrite' | 'shadowWrite'>;
  readonly tracer: Tracer;
}

/** Where objects of a kind are: all of them, and those that the check looks after. */
export interface KindObjects<Watched extends WatchedObject> {
  readonly cache: Pick<ResourceCache<Watched>, 'parse' | 'put' | 'onChange'>;
  readonly view: Pick<ObjectView<Watched>, 'get'>;
  readonly onlooker?: Onlooker<Watched> | undefined;
}

/** A writer with writes of which no answer came. */
interface Settling {
  settle(signal: AbortSignal): Promise<void>;
  /** Before the process ends. Returns the fields of the objects of which it is not known, by uid. */
  settleLast(isWanted: (uid: string) => boolean, signal: AbortSignal): Promise<ReadonlyMap<string, Fields>>;
}

export class Writing {
  readonly #options: WritingOptions;
  readonly #pause: WritePause;
  readonly #fieldManager = fieldManager();
  readonly #writers: Settling[] = [];
  readonly #ended = new AbortController();

  constructor(options: WritingOptions) {
    this.#options = options;
    this.#pause = new WritePause(options.clock);
  }

  /** The log of a kind's transitions. */
  log<Watched extends WatchedObject>(words: KindWords<Watched>): TransitionLog<Watched> {
    const { logger, transitions, listeners, clock } = this.#options;
    const fields = this.fields(words);
    return new TransitionLog({
      words: { ...words, fields },
      logger,
      listeners: [transitions, ...listeners],
      clock,
    });
  }

  /** The keys that every line about an object of a kind carries. */
  fields<Watched extends WatchedObject>({ fields }: KindWords<Watched>): KindWords<Watched>['fields'] {
    if (!this.#options.namesNamespaces) return fields;
    return (object) => ({ ...fields(object), namespace: object.namespace });
  }

  of<Watched extends WatchedObject, Observation, Projected extends Projection<Watched>>(
    kind: StatusKind<Watched, Observation, Projected>,
    { cache, view, onlooker }: KindObjects<Watched>,
  ): ObjectWrites<Watched, Observation> {
    const { queue } = this.#options;
    const writer = this.#writer(kind, cache);
    return new ObjectWrites({
      queue,
      writer: onlooker?.(writer) ?? writer,
      objects: view,
      fields: this.fields(kind.words),
    });
  }

  /** Finds out what became of writes without an answer, of objects that another replica looks after. Never rejects. */
  async settle(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#writers.map(async (writer) => writer.settle(signal)));
  }

  /**
   * At a stop: waits for the writes in flight, and finds out what became of those without an answer, so that all that
   * stands is in the log. What is not known in time may stand without its line, so its object is named.
   */
  async drain(timeoutMs: number): Promise<void> {
    const { queue, clock, logger } = this.#options;
    const { signal } = this.#ended;
    const done = new AbortController();
    const late = clock.sleep(timeoutMs, done.signal).then(
      () => this.#ended.abort(),
      () => {},
    );
    // A write in flight finds out by itself about its earlier attempts.
    const others = this.#settleLast((uid) => !queue.has(uid), signal);
    await Promise.race([Promise.all([queue.whenIdle(), others]), late]);
    const left = await this.#settleLast(() => true, signal);
    for (const { uid, fields } of queue.inFlight) left.set(uid, fields());
    done.abort();
    this.#ended.abort();
    for (const fields of left.values())
      logger.error('status write did not end before the stop, its transition may not be logged', null, {
        ...fields,
        drain_timeout: formatMs(timeoutMs),
      });
  }

  async #settleLast(isWanted: (uid: string) => boolean, signal: AbortSignal): Promise<Map<string, Fields>> {
    const left = await Promise.all(this.#writers.map(async (writer) => writer.settleLast(isWanted, signal)));
    return new Map(left.flatMap((each) => [...each]));
  }

  #writer<Watched extends WatchedObject, Observation, Projected extends Projection<Watched>>(
    kind: StatusKind<Watched, Observation, Projected>,
    objects: KindObjects<Watched>['cache'],
  ): ObjectWriter<Watched, Observation> {
    const { shadow, transitions, ...rest } = this.#options;
    if (shadow)
      return new ShadowWriter({ ...rest, kind, objects, transitions, fields: this.fields(kind.words) });
    const writer = new StatusWriter({
      ...rest,
      kind,
      objects,
      pause: this.#pause,
      fieldManager: this.#fieldManager,
      ended: this.#ended.signal,
    });
    const fields = this.fields(kind.words);
    this.#writers.push({
      settle: async (signal) => writer.settle(signal),
      settleLast: async (isWanted, signal) => {
        const left = await writer.settleLast(isWanted, signal);
        return new Map(left.map((object) => [object.uid, fields(object)]));
      },
    });
    return writer;
  }
}
