// The connections of all clients: only so many. A new one always gets in, and one that waits for a request gives way to
// it, the one that has waited longest first; if none waits, the one that has been answered for longest. So neither idle
// connections, nor half requests, nor slow readers keep a probe out.

import type { Socket } from 'node:net';
import { Connection } from './connection.ts';

const maxConnections = 256;

export class Connections {
  /** Oldest first. */
  readonly #waiting = new Set<Connection>();
  /** Oldest first. */
  readonly #answering = new Set<Connection>();

  accept(socket: Socket): Connection {
    if (this.#waiting.size + this.#answering.size >= maxConnections) this.#giveWay();
    const connection = new Connection(socket, (changed, answering) => this.#move(changed, answering));
    this.#waiting.add(connection);
    connection.on('close', () => this.#forget(connection));
    return connection;
  }

  /** By the end of what we send: what a client sends at this moment is not answered by a reset. */
  closeIdle(): void {
    for (const connection of this.#waiting) if (connection.idle) connection.end();
  }

  closeAll(): void {
    for (const connection of [...this.#waiting, ...this.#answering]) connection.destroy();
  }

  #move(connection: Connection, answering: boolean): void {
    this.#forget(connection);
    (answering ? this.#answering : this.#waiting).add(connection);
  }

  #giveWay(): void {
    const [oldest] = this.#waiting.size > 0 ? this.#waiting : this.#answering;
    if (oldest === undefined) return;
    // Forgotten at once: its close event comes later, and others may be accepted before.
    this.#forget(oldest);
    oldest.destroy();
  }

  #forget(connection: Connection): void {
    this.#waiting.delete(connection);
    this.#answering.delete(connection);
  }
}
