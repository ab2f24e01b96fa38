// Remembers what became of every observation on its way through a writer: for a command that shows all objects.

import type { ObjectWriter, WriteRequest, Written } from '../main/projection/object-writer.ts';
import type { WatchedObject } from '../shared/watched-object.ts';

export interface Recorded<Watched> {
  readonly before: Watched;
  /** The same record when nothing changed. */
  readonly after: Watched;
}

export class RecordingWriter<Watched extends WatchedObject, Observation>
  implements ObjectWriter<Watched, Observation>
{
  readonly #writer: ObjectWriter<Watched, Observation>;
  readonly #recorded: Map<string, Recorded<Watched>>;

  /** `recorded` takes what stands, by uid of the object; not what was not observed or could not be written. */
  constructor(writer: ObjectWriter<Watched, Observation>, recorded: Map<string, Recorded<Watched>>) {
    this.#writer = writer;
    this.#recorded = recorded;
  }

  isIdle(object: Watched, observation: Observation): boolean {
    const idle = this.#writer.isIdle(object, observation);
    if (idle) this.#recorded.set(object.uid, { before: object, after: object });
    return idle;
  }

  async write(request: WriteRequest<Watched, Observation>): Promise<Written<Watched>> {
    const { object } = request;
    const written = await this.#writer.write(request);
    if (written.kind === 'stands') this.#recorded.set(object.uid, { before: object, after: written.object });
    return written;
  }
}
