// Which definition of Server is installed. It decides what may be written: a phase that the definition does not know
// is refused, and a field that it does not know is dropped without a word.
//
// Read from the OpenAPI document of the group, which every authenticated client may read; reading the definitions
// themselves would need rights across the cluster.

import type { Clock } from '../../../shared/clock.ts';
import { asError } from '../../../shared/errors.ts';
import { apiGroup, apiVersion } from '../../../shared/labels.ts';
import type { KubernetesClient } from '../client.ts';
import { ApiError } from '../errors.ts';
import { type Fields, isFields } from './object-fields.ts';

export type Profile = 'v1.16' | 'v1.19';

/** Between two looks while the definitions are not known, or may have changed. */
const soonMs = 2_000;
const suspiciousLooks = 5;

const groupPath = `apis/${apiGroup}/${apiVersion}`;
const documentPath = `/openapi/v3/${groupPath}`;

/** Rejects with an ApiError; its status is 404 when the definitions are not installed. */
export async function detectProfile(client: KubernetesClient, signal: AbortSignal): Promise<Profile> {
  let document: unknown;
  try {
    document = await client.get(documentPath, { signal });
  } catch (error) {
    throw error instanceof ApiError && error.status === 404 ? notServed('the group', error) : error;
  }
  const phases = phasesOf(document);
  if (phases === null) throw notServed('a Server with a phase');
  return phases.includes('Queued') ? 'v1.19' : 'v1.16';
}

function notServed(what: string, cause?: ApiError): ApiError {
  return new ApiError(
    `the API server does not serve ${what} of ${apiGroup}/${apiVersion}: install the region service's custom resource definitions`,
    { status: 404, verb: 'get', resource: documentPath, reason: 'NotFound', retryAfterMs: null },
    { cause },
  );
}

/** The values that a Server's status.phase may have; null where the document knows no such thing. */
function phasesOf(document: unknown): readonly string[] | null {
  const schemas = dig(document, ['components', 'schemas']);
  for (const schema of Object.values(schemas ?? {})) {
    const kinds = isFields(schema) ? schema['x-kubernetes-group-version-kind'] : undefined;
    if (!Array.isArray(kinds)) continue;
    if (!kinds.some((kind) => isFields(kind) && kind['group'] === apiGroup && kind['kind'] === 'Server'))
      continue;
    const phases = dig(schema, ['properties', 'status', 'properties', 'phase'])?.['enum'];
    if (Array.isArray(phases)) return phases.filter((phase) => typeof phase === 'string');
  }
  return null;
}

function dig(value: unknown, path: readonly string[]): Fields | undefined {
  let at: unknown = value;
  for (const key of path) at = isFields(at) ? at[key] : undefined;
  return isFields(at) ? at : undefined;
}

/** Which definitions are installed, as far as is known. */
export interface Definitions {
  /** v1.16 until it was found. */
  readonly profile: Profile;
  /** Looks again, as a write was not taken as it should be. Never rejects. */
  recheck(signal: AbortSignal): Promise<void>;
}

export interface ProfileWatchOptions {
  readonly client: KubernetesClient;
  readonly clock: Clock;
  readonly periodMs: number;
  /** Called when the profile becomes known and whenever it changes. */
  readonly onChange: (profile: Profile) => void;
  /** Each failure to find out; the profile that was known stays. */
  readonly onError?: (error: Error) => void;
  /** What was found before, if anything. */
  readonly initial?: Profile;
}

/** Notices when the definition is replaced, for the price of a small index each period. */
export class ProfileWatch implements Definitions {
  readonly #options: ProfileWatchOptions;
  #current: Profile | null;
  /** Of the document that `current` was read from; "" asks for it. */
  #hash = '';
  readonly #looked = Promise.withResolvers<void>();
  #looking: Promise<void> | null = null;
  /** Ends the present wait. */
  #woken = new AbortController();
  /** Looks that are still to come soon. */
  #suspicious = 0;
  /** Monotonic milliseconds: many writes can be refused at once. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProfileWatchOptions) {
    this.#options = options;
    this.#current = options.initial ?? null;
  }

  /** Null until it was found. */
  get current(): Profile | null {
    return this.#current;
  }

  get profile(): Profile {
    return this.#current ?? 'v1.16';
  }

  /** Resolves when it was looked for the first time, found or not. */
  get looked(): Promise<void> {
    return this.#looked.promise;
  }

  /** Looks at once, then every period, until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, periodMs } = this.#options;
    while (!signal.aborted) {
      await this.look(signal);
      const waitMs = this.#current === null || this.#suspicious > 0 ? Math.min(soonMs, periodMs) : periodMs;
      if (this.#suspicious > 0) this.#suspicious--;
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#woken.signal])).catch(() => {});
    }
  }

  /** Looks now. Never rejects. */
  async look(signal: AbortSignal): Promise<void> {
    this.#looking ??= this.#lookOnce(signal).finally(() => {
      this.#looking = null;
    });
    await this.#looking;
  }

  /** The document may come a little after the definitions: they are looked for more often for a while. */
  async recheck(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonicMs() < this.#notBeforeMs) return;
    const before = this.#current;
    await this.look(signal);
    this.#notBeforeMs = clock.monotonicMs() + soonMs;
    if (this.#current !== before || this.#suspicious > 0) return;
    this.#suspicious = suspiciousLooks;
    this.#woken.abort();
    this.#woken = new AbortController();
  }

  async #lookOnce(signal: AbortSignal): Promise<void> {
    try {
      await this.#look(signal);
    } catch (error) {
      if (!signal.aborted) this.#options.onError?.(asError(error));
    } finally {
      this.#looked.resolve();
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const index = await this.#options.client.get('/openapi/v3', { signal });
    // "…?hash=…": it changes with the document's content.
    const url = dig(index, ['paths', groupPath])?.['serverRelativeURL'];
    const hash = typeof url === 'string' ? url : '';
    if (hash !== '' && hash === this.#hash) return;
    const profile = await detectProfile(this.#options.client, signal);
    this.#hash = hash;
    if (profile === this.#current) return;
    this.#current = profile;
    this.#options.onChange(profile);
  }
}
