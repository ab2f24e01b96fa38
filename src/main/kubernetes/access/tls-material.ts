// Certificates and keys of the connection to the API server, from data, from files that are replaced now and then, or
// from a credential plugin.

import { readFile } from 'node:fs/promises';
import type { Clock } from '../../../shared/clock.ts';
import { messageOf } from '../../../shared/errors.ts';
import { secureContextOf } from '../../../shared/network/accepted-tls.ts';
import { anchorsIn } from '../../../shared/network/anchors.ts';
import type { TlsMaterial } from './cluster-access.ts';

/** Where the parts that stand in files stand. */
export type TlsFiles = { readonly [Part in 'ca' | 'cert' | 'key']?: string };

/** As often as token files. client-go does it every five minutes. */
const rereadAfterMs = 60_000;

export class TlsSource {
  readonly #files: TlsFiles;
  readonly #clock: Clock;
  #current: TlsMaterial;
  #readAtMs: number;

  /** `first` has the parts of the files, too. */
  constructor(first: TlsMaterial, files: TlsFiles, clock: Clock) {
    this.#current = first;
    this.#files = files;
    this.#clock = clock;
    this.#readAtMs = clock.monotonicMs();
  }

  /** The same object while nothing changes. */
  get current(): TlsMaterial {
    return this.#current;
  }

  /** Reads the files again when that is due, or at once. What cannot be used, being half replaced maybe, is left. */
  async refresh(atOnce: boolean): Promise<void> {
    const files = Object.entries(this.#files);
    const nowMs = this.#clock.monotonicMs();
    if (files.length === 0 || (!atOnce && nowMs - this.#readAtMs < rereadAfterMs)) return;
    this.#readAtMs = nowMs;
    try {
      const read = await Promise.all(
        files.map(async ([part, path]) => [part, await readFile(path)] as const),
      );
      this.take(Object.fromEntries(read));
    } catch {
      // A file that is missing leaves what was read before.
    }
  }

  /** Replaces the parts that are given. */
  take(parts: TlsMaterial): void {
    const next = { ...this.#current, ...parts };
    if (!same(next, this.#current) && whyUnusable(next) === '') this.#current = next;
  }
}

/** "" for what TLS can work with. */
export function whyUnusable({ ca, cert, key }: TlsMaterial): string {
  // OpenSSL takes anything for an authority, and then trusts nothing.
  if (ca !== undefined && anchorsIn(ca.toString('latin1')).length === 0)
    return 'the authority is not a PEM certificate';
  try {
    secureContextOf({ ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) });
    return '';
  } catch (error) {
    return messageOf(error);
  }
}

function same(a: TlsMaterial, b: TlsMaterial): boolean {
  return (['ca', 'cert', 'key'] as const).every((part) => String(a[part]) === String(b[part]));
}
