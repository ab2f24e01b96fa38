// The state as server-sent events, to people who look at the status page. Each section of it is one event, sent to all
// clients when it has changed. A client costs a bounded amount of memory and time: there are only so many, one that does
// not take what it is sent is dropped, and each is ended after a while, so that none that is long gone keeps its place.
// Browsers come back by themselves, and are sent everything again.

import type { ServerResponse } from 'node:http';
import { SharedRendering } from './shared-rendering.ts';

/** By name, each as JSON in one line. The time is one of them, so that a client hears something at every look. */
export type Sections = ReadonlyMap<string, string>;

const maxClients = 32;
const lookEveryMs = 1_000;
/** A client that has not taken more than that of what it was sent before is dropped. */
const maxWaitingBytes = 262_144;
const longestStayMs = 600_000;
const browserRetryMs = 2_000;

export class EventStream {
  readonly #look: SharedRendering<Sections>;
  /** With the looks that each has left. */
  readonly #clients = new Map<ServerResponse, number>();
  #seen: Sections = new Map();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(look: () => Sections) {
    this.#look = new SharedRendering(look);
  }

  /** Begins to send. False when there are as many clients as there may be; rejects with what a look throws. */
  async open(response: ServerResponse, headers: Readonly<Record<string, string>>): Promise<boolean> {
    const sections = await this.#look.get();
    if (this.#clients.size >= maxClients || this.#closed) return false;
    if (response.destroyed) return true;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      connection: 'close',
      // Proxies that buffer would hold events back.
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${browserRetryMs}\n\n${eventsOf(sections)}`);
    this.#clients.set(response, Math.round(longestStayMs / lookEveryMs));
    response.on('close', () => this.#forget(response));
    // Its end is all that matters of a connection that fails.
    response.on('error', () => {});
    this.#timer ??= setInterval(() => void this.#send(), lookEveryMs);
    return true;
  }

  /** Ends all streams, and begins none. */
  close(): void {
    this.#closed = true;
    this.#endAll();
  }

  #endAll(): void {
    for (const client of this.#clients.keys()) client.end();
    this.#clients.clear();
    this.#stopLooking();
  }

  async #send(): Promise<void> {
    let sections: Sections;
    try {
      sections = await this.#look.get();
    } catch {
      // Clients that come back are answered with the reason.
      this.#endAll();
      return;
    }
    const changed = new Map([...sections].filter(([name, json]) => json !== this.#seen.get(name)));
    this.#seen = sections;
    const bytes = Buffer.from(eventsOf(changed));
    for (const [client, looksLeft] of this.#clients) {
      if (client.writableLength > maxWaitingBytes) client.destroy();
      else if (looksLeft === 0) client.end();
      else client.write(bytes);
      this.#clients.set(client, looksLeft - 1);
    }
  }

  #forget(client: ServerResponse): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#stopLooking();
  }

  #stopLooking(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#seen = new Map();
  }
}

function eventsOf(sections: Sections): string {
  return [...sections].map(([name, json]) => `event: ${name}\ndata: ${json}\n\n`).join('');
}
