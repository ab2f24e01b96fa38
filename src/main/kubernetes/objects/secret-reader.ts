// The Secrets that Regions name. Each poll reads them again, so that changes count from then on. But while the API
// server is slow or away, polls use what was read last: it is one thing to wait for Kubernetes, another to stop
// looking at the clouds.

import type { Outcome } from '../../../shared/checker.ts';
import type { Clock } from '../../../shared/clock.ts';
import { messageOf } from '../../../shared/errors.ts';
import { type KubernetesClient, secretPath } from '../client.ts';
import { ApiError } from '../errors.ts';
import { parseSecret } from './resource-records.ts';

export type SecretData = ReadonlyMap<string, string>;

export interface SecretRef {
  readonly namespace: string;
  readonly name: string;
}

export interface SecretReaderOptions {
  readonly client: Pick<KubernetesClient, 'get'>;
  readonly clock: Clock;
  /** How long to wait for a fresh read before using the previous one, or reporting that there is none. */
  readonly patienceMs: number;
}

/**
 * How long a refusal must last to count against data that were read before: an API server that has just started knows
 * no roles yet, and refuses everything for a moment.
 */
const doubtMs = 5_000;

interface Entry {
  /** What the API server said last: the data, or a refusal. Null before it said anything. */
  last: Outcome<SecretData> | null;
  /** Monotonic milliseconds since when it refuses what it gave before; null while it does not. */
  refusedSinceMs: number | null;
  /** The read under way, if any. */
  reading: Promise<Outcome<SecretData>> | null;
}

export class SecretReader {
  readonly #options: SecretReaderOptions;
  /** By `secretName`. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: SecretReaderOptions) {
    this.#options = options;
  }

  /** The data, or why there is none; the error never quotes any. */
  async read(ref: SecretRef, signal: AbortSignal): Promise<Outcome<SecretData>> {
    const entry = this.#entryOf(secretName(ref));
    entry.reading ??= this.#fetch(ref, entry, signal).finally(() => {
      entry.reading = null;
    });
    return entry.last === null ? entry.reading : this.#inTime(entry.reading, entry.last);
  }

  /** Drops all other Secrets. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#entries.keys()) if (!names.has(name)) this.#entries.delete(name);
  }

  async #inTime(
    reading: Promise<Outcome<SecretData>>,
    last: Outcome<SecretData>,
  ): Promise<Outcome<SecretData>> {
    const { clock, patienceMs } = this.#options;
    const done = new AbortController();
    const late = clock.sleep(patienceMs, done.signal).then(
      () => last,
      () => last,
    );
    try {
      return await Promise.race([reading, late]);
    } finally {
      done.abort();
    }
  }

  async #fetch(ref: SecretRef, entry: Entry, signal: AbortSignal): Promise<Outcome<SecretData>> {
    const name = secretName(ref);
    let answer: unknown;
    try {
      answer = await this.#options.client.get(secretPath(ref.namespace, ref.name), { signal });
    } catch (error) {
      const failed = failure(`Secret ${name} cannot be read: ${messageOf(error)}`);
      if (error instanceof ApiError && this.#counts(error, entry)) entry.last = failed;
      return entry.last ?? failed;
    }
    entry.refusedSinceMs = null;
    entry.last = dataOf(name, answer);
    return entry.last;
  }

  /** Whether it is the API server's own word on the Secret; not that it is away, or wants fewer requests. */
  #counts({ status }: ApiError, entry: Entry): boolean {
    if (status < 400 || status >= 500 || status === 429) return false;
    if (entry.last?.ok !== true || (status !== 401 && status !== 403)) return true;
    const nowMs = this.#options.clock.monotonicMs();
    entry.refusedSinceMs ??= nowMs;
    return nowMs - entry.refusedSinceMs >= doubtMs;
  }

  #entryOf(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { last: null, refusedSinceMs: null, reading: null };
      this.#entries.set(name, entry);
    }
    return entry;
  }
}

export function secretName({ namespace, name }: SecretRef): string {
  return `${namespace}/${name}`;
}

function dataOf(name: string, answer: unknown): Outcome<SecretData> {
  try {
    return { ok: true, result: parseSecret(answer).data };
  } catch (error) {
    return failure(`Secret ${name}: ${messageOf(error)}`);
  }
}

function failure(message: string): Outcome<never> {
  return { ok: false, error: { code: 'invalid-config', message } };
}
