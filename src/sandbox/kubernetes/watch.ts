// Watches: what a client is told as it happens, bookmarks, and how a watch ends.

import type { ServerResponse } from 'node:http';
import type { Clock } from '../../shared/clock.ts';
import { expired, KubernetesFailure } from './failure.ts';
import { groupVersion, type Resource } from './resources.ts';
import { isSelected, type Selection } from './selectors.ts';
import type { Change, KubernetesStore, Stored } from './store.ts';

export interface WatchRequest {
  readonly resource: Resource;
  readonly selection: Selection;
  readonly query: URLSearchParams;
}

function eventLine(type: string, json: string): string {
  return `{"type":"${type}","object":${json}}\n`;
}

/** A reader this far behind is cut off, as the API server does. */
const maxBacklogBytes = 256 * 1024 * 1024;
/** How long a watch lasts whose client names no time, and how long at most. */
const defaultTimeoutSeconds = 45 * 60;
const maxTimeoutSeconds = 24 * 60 * 60;
/** How long before the end of a watch its last bookmark is sent. */
const beforeEndMs = 2_000;

/** One open watch. */
class Watch {
  readonly request: WatchRequest;
  readonly #response: ServerResponse;
  /** Changes up to here are not for this watch. */
  readonly #since: number;

  constructor(request: WatchRequest, response: ServerResponse, since: number) {
    this.request = request;
    this.#response = response;
    this.#since = since;
  }

  get wantsBookmarks(): boolean {
    return ['true', '1'].includes(this.request.query.get('allowWatchBookmarks') ?? '');
  }

  write(line: string): void {
    this.#response.write(line);
    if (this.#response.writableLength > maxBacklogBytes) this.#response.destroy();
  }

  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): void {
    const { resource } = this.request;
    const metadata = {
      ...(annotations === undefined ? {} : { annotations }),
      resourceVersion: String(revision),
    };
    const object = { apiVersion: groupVersion(resource), kind: resource.kind, metadata };
    this.write(eventLine('BOOKMARK', JSON.stringify(object)));
  }

  /** `shared` is the line of the change as most watches see it. */
  deliver(change: Change, shared: () => string): void {
    if (change.resource !== this.request.resource || change.revision <= this.#since) return;
    const { selection } = this.request;
    if (selection.matches === undefined) {
      if (isSelected(selection, change.object)) this.write(shared());
      return;
    }
    // An object that comes to match, or no longer does, appears or disappears for this watch.
    const is = change.type !== 'DELETED' && isSelected(selection, change.object);
    const was = change.previous !== undefined && isSelected(selection, change.previous);
    if (is && was) this.write(eventLine('MODIFIED', change.object.json));
    else if (is) this.write(eventLine('ADDED', change.object.json));
    else if (was) this.write(eventLine('DELETED', lastState(change)));
  }

  end(): void {
    this.#response.end();
  }

  destroy(): void {
    this.#response.destroy();
  }
}

/** The state before an object left a selection, with the revision of the leaving. */
function lastState(change: Change): string {
  if (change.type === 'DELETED' || change.previous === undefined) return change.object.json;
  return change.previous.json.replace(
    `"resourceVersion":"${change.previous.revision}"`,
    `"resourceVersion":"${change.revision}"`,
  );
}

export class KubernetesWatches {
  readonly #store: KubernetesStore;
  readonly #clock: Clock;
  readonly #open = new Set<Watch>();
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;

  constructor(options: {
    readonly store: KubernetesStore;
    readonly clock: Clock;
    readonly bookmarkIntervalMs: number;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#unsubscribe = this.#store.subscribe((change) => this.#deliver(change));
    void this.#sendBookmarks(options.bookmarkIntervalMs);
  }

  get count(): number {
    return this.#open.size;
  }

  /** Answers a watch request; it stays open until its time, its client or this server ends it. */
  start(request: WatchRequest, response: ServerResponse): void {
    const { resource, selection, query } = request;
    const version = query.get('resourceVersion') ?? '';
    if (!/^\d*$/.test(version))
      throw new KubernetesFailure({
        code: 500,
        message: `resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`,
      });
    const fromNow = version === '' || version === '0';
    const since = fromNow ? this.#store.revision : Number(version);
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    response.flushHeaders();
    const watch = new Watch(request, response, since);
    const initial =
      query.get('sendInitialEvents') === 'true' || (fromNow && query.get('sendInitialEvents') === null);
    if (initial)
      for (const stored of this.#present(resource, selection)) watch.write(eventLine('ADDED', stored.json));
    if (query.get('sendInitialEvents') === 'true' && watch.wantsBookmarks)
      watch.bookmark(this.#store.revision, { 'k8s.io/initial-events-end': 'true' });
    if (!initial) {
      const missed = this.#store.changesSince(resource, since);
      if (missed === undefined) {
        const failure = expired(`too old resource version: ${since} (${this.#store.floor})`);
        watch.write(eventLine('ERROR', JSON.stringify(failure.status)));
        watch.end();
        return;
      }
      for (const change of missed) watch.deliver(change, () => eventLine(change.type, change.object.json));
    }
    this.#keep(watch, response, Number(query.get('timeoutSeconds') ?? '') || defaultTimeoutSeconds);
  }

  /** Ends all open watches: as the API server does now and then, or, abruptly, as a broken connection does. */
  closeAll(how: 'end' | 'destroy' = 'end'): number {
    const { size } = this.#open;
    for (const watch of this.#open) watch[how]();
    // Not only when their connections are gone: what is ended is no longer open.
    this.#open.clear();
    return size;
  }

  /** Sends a bookmark now to all watches that want them. */
  #bookmark(): void {
    for (const watch of this.#open) if (watch.wantsBookmarks) watch.bookmark(this.#store.revision);
  }

  /** Tells all open watches that their version is too old, and ends them. */
  expireAll(): void {
    const failure = expired(`too old resource version: ${this.#store.revision} (${this.#store.revision})`);
    for (const watch of this.#open) {
      watch.write(eventLine('ERROR', JSON.stringify(failure.status)));
    }
    this.closeAll();
  }

  close(): void {
    this.#unsubscribe();
    this.#stop.abort();
    this.closeAll('destroy');
  }

  *#present(resource: Resource, selection: Selection): Generator<Stored> {
    const prefix = selection.namespace === '' ? '' : `${selection.namespace}/`;
    const snapshot = this.#store.snapshot(resource, { prefix, after: '', revision: this.#store.revision });
    for (const key of snapshot?.keys.slice(snapshot.start, snapshot.end) ?? []) {
      const stored = snapshot?.at(key);
      if (stored !== undefined && isSelected(selection, stored)) yield stored;
    }
  }

  #keep(watch: Watch, response: ServerResponse, timeoutSeconds: number): void {
    this.#open.add(watch);
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, this.#stop.signal]);
    response.once('close', () => {
      this.#open.delete(watch);
      done.abort();
    });
    void this.#endAfter(watch, Math.min(timeoutSeconds, maxTimeoutSeconds) * 1000, signal);
  }

  async #endAfter(watch: Watch, timeoutMs: number, signal: AbortSignal): Promise<void> {
    // Shortly before the end, so that the next watch resumes from here even if nothing happened in this one.
    const lastWordsMs = timeoutMs > 2 * beforeEndMs ? beforeEndMs : 0;
    try {
      await this.#clock.sleep(timeoutMs - lastWordsMs, signal);
      if (lastWordsMs > 0) {
        if (watch.wantsBookmarks) watch.bookmark(this.#store.revision);
        await this.#clock.sleep(lastWordsMs, signal);
      }
      watch.end();
    } catch {
      // The sleep was aborted: the watch ended otherwise.
    }
  }

  #deliver(change: Change): void {
    let line: string | undefined;
    const shared = () => {
      line ??= eventLine(change.type, change.object.json);
      return line;
    };
    for (const watch of this.#open) watch.deliver(change, shared);
  }

  async #sendBookmarks(intervalMs: number): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        await this.#clock.sleep(intervalMs, this.#stop.signal);
        this.#bookmark();
      }
    } catch {
      // The sleep was aborted: the server closes.
    }
  }
}
