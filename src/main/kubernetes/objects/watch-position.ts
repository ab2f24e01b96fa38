// The version that the next watch begins at, and whether the API server still knows it.
//
// A version is given up, so that all is listed again, when
// - the API server says that it is too old (410) or newer than all it has ("Too large resource version", 504),
// - versions run backwards, or two watches in a row were silent: the signs of a restored backup,
// - watches from it failed several times in a row in a way that may be about the version. Nothing else would end that.

import { ApiError } from '../errors.ts';
import { historyLost } from './list-watch-messages.ts';
import { compareVersions } from './resource-store.ts';

/** Failures that say nothing about the version: no answer, no rights, or too much work. */
const notAboutTheVersion: ReadonlySet<number> = new Set([0, 401, 403, 429, 502, 503]);
const maxFailures = 3;
/** After a restored backup the API server may accept a watch and be silent until it has caught up, maybe for ever. */
const maxSilentWatches = 2;

export class WatchPosition {
  #version: string | null = null;
  #newest = '';
  #failures = 0;
  #silentWatches = 0;

  /** Null asks for a list. */
  get version(): string | null {
    return this.#version;
  }

  /** Whether the API server's history is older than what we saw already. */
  isBehind(version: string): boolean {
    return compareVersions(version, this.#newest) < 0;
  }

  listed(version: string): void {
    this.#stand(version);
  }

  /** Throws an ApiError when the version is not the continuation of what we know: within one history they only grow. */
  moved(version: string, resource: string): void {
    if (this.isBehind(version)) throw historyLost(resource);
    this.#stand(version);
  }

  /** A watch that lasted, but brought nothing. */
  silent(): void {
    this.#failures = 0;
    this.#silentWatches += 1;
    if (this.#silentWatches >= maxSilentWatches) this.#version = null;
  }

  failed(error: Error): void {
    if (!isVersionGone(error)) {
      if (error instanceof ApiError && notAboutTheVersion.has(error.status)) return;
      this.#failures += 1;
      if (this.#failures < maxFailures) return;
    }
    this.#version = null;
  }

  #stand(version: string): void {
    this.#version = version;
    this.#newest = version;
    this.#failures = 0;
    this.#silentWatches = 0;
  }
}

/** Whether the API server cannot go on from the version, or with the list, that it was asked for. */
export function isVersionGone(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  const { status, reason } = error;
  return status === 410 || reason === 'Expired' || reason === 'Gone' || reason === 'ResourceVersionTooLarge';
}
