// Remembers what became of every observation on its way through a writer: for a command that shows all servers.

import type { ServerWriter, WriteRequest, Written } from '../main/projection/server-writer.ts';
import type { Observation } from '../shared/observation.ts';
import type { ServerRecord } from '../shared/server-record.ts';

export interface Recorded {
  readonly before: ServerRecord;
  /** The same record when nothing changed. */
  readonly after: ServerRecord;
}

export class RecordingWriter implements ServerWriter {
  readonly #writer: ServerWriter;
  readonly #recorded: Map<string, Recorded>;

  /** `recorded` takes what stands, by uid of the object; not servers that were not observed or could not be written. */
  constructor(writer: ServerWriter, recorded: Map<string, Recorded>) {
    this.#writer = writer;
    this.#recorded = recorded;
  }

  isIdle(server: ServerRecord, observation: Observation): boolean {
    const idle = this.#writer.isIdle(server, observation);
    if (idle) this.#recorded.set(server.uid, { before: server, after: server });
    return idle;
  }

  async write(request: WriteRequest): Promise<Written> {
    const { server } = request;
    const written = await this.#writer.write(request);
    if (written.kind === 'stands') this.#recorded.set(server.uid, { before: server, after: written.server });
    return written;
  }
}
