// The writes of one kind of object, in the queue of all kinds.

import type { RegionRef } from '../../shared/region-ref.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { ObjectWriter, WriteRequest, Written } from './object-writer.ts';
import type { KindWords } from './status-kind.ts';
import type { WriteQueue } from './write-queue.ts';

export interface ObjectWrite<Watched, Observation> extends WriteRequest<Watched, Observation> {
  readonly region: RegionRef;
  /** Called once, unless a newer write of the same object takes its place. */
  readonly settled: (written: Written<Watched>) => void;
}

export interface ObjectWritesOptions<Watched, Observation> {
  readonly queue: Pick<WriteQueue, 'has' | 'submit'>;
  readonly writer: ObjectWriter<Watched, Observation>;
  readonly objects: Pick<ObjectView<Watched>, 'get'>;
  /** The keys of a line about an object. */
  readonly fields: KindWords<Watched>['fields'];
}

export class ObjectWrites<Watched extends WatchedObject, Observation> {
  readonly #options: ObjectWritesOptions<Watched, Observation>;

  constructor(options: ObjectWritesOptions<Watched, Observation>) {
    this.#options = options;
  }

  /**
   * True when there is nothing to write: the object shows the observation. A write that is under way will change the
   * object: only its end shows whether there is something left to do.
   */
  isIdle(object: Watched, observation: Observation): boolean {
    const { queue, writer } = this.#options;
    return !queue.has(object.uid) && writer.isIdle(object, observation);
  }

  /** False when the backlog is full: the write is not taken. */
  submit(write: ObjectWrite<Watched, Observation>): boolean {
    const { queue, fields } = this.#options;
    const { object, region } = write;
    return queue.submit({
      region,
      uid: object.uid,
      write: async () => {
        const written = await this.#write(write);
        return () => write.settled(written);
      },
      fields: () => fields(object),
    });
  }

  async #write(write: ObjectWrite<Watched, Observation>): Promise<Written<Watched>> {
    const { objects, writer } = this.#options;
    const { uid, namespace, name } = write.object;
    const object = objects.get(namespace, name);
    if (object === undefined || object.uid !== uid || object.deleting) return { kind: 'gone' };
    if (writer.isIdle(object, write.observation)) return { kind: 'stands', object };
    return writer.write({ ...write, object });
  }
}
