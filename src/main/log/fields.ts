// What a log line may hold: bounded in size, without credentials, and nothing that cannot be written as JSON.

import { errorText } from './error-text.ts';

/** Characters of all values of a line, of one value, and of a message: a line stays below 16 KiB of ordinary text. */
const lineBudget = 11_000;
const valueLimit = 4_000;
export const messageLimit = 1_000;
const maxDepth = 5;
/** What a number, a name's quotes or a bracket costs, about. */
const smallCost = 8;

const credentialName = /(?:password|passwd|adminpass|token|secret|authorization|credential)s?$/i;

/** True for names whose last word says that the value is a credential: `password`, `X-Auth-Token`, `clientSecret`. */
export function namesCredential(name: string): boolean {
  return credentialName.test(name);
}

export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit).toWellFormed()}…(${text.length - limit} more)`;
}

export const unreadable = '[unreadable]';

/** A getter or a proxy of a foreign object may throw: its value is not worth a lost line. */
export function readable<Value, Otherwise>(read: () => Value, otherwise: Otherwise): Value | Otherwise {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** Cuts the values of one line; the first ones have the room. */
export class FieldCutter {
  #left = lineBudget;

  /** The value as JSON can hold it; undefined for what has no form in it. */
  cut(name: string, value: unknown): unknown {
    this.#left -= name.length + smallCost;
    return this.#cut(name, value, 0);
  }

  /** All fields but one. */
  cutAll(fields: Readonly<Record<string, unknown>>, except: string): Record<string, unknown> {
    const kept: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields))
      if (name !== except) kept[name] = this.cut(name, value);
    return kept;
  }

  #cut(name: string, value: unknown, depth: number): unknown {
    if (typeof value === 'string')
      return namesCredential(name) && value !== '' ? '[redacted]' : this.#text(value);
    if (typeof value === 'bigint') return this.#text(String(value));
    if (value === null) return null;
    if (typeof value === 'object') return readable(() => this.#object(name, value, depth), unreadable);
    if (typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    this.#left -= smallCost;
    return value;
  }

  #text(text: string): string {
    const cut = cutText(text, Math.max(0, Math.min(valueLimit, this.#left)));
    this.#left -= cut.length + smallCost;
    return cut;
  }

  #object(name: string, value: object, depth: number): unknown {
    if (namesCredential(name)) return '[redacted]';
    if (value instanceof Error) return this.#text(errorText(value));
    if (value instanceof Date)
      return Number.isNaN(value.getTime()) ? 'invalid date' : this.#text(value.toISOString());
    if (value instanceof URL) return this.#text(`${value.origin}${value.pathname}`);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (depth >= maxDepth || this.#left <= 0) return '…';
    if (Array.isArray(value)) return this.#list(value, depth);
    if (value instanceof Set) return this.#list([...value], depth);
    return this.#record(value instanceof Map ? [...value.entries()] : Object.entries(value), depth);
  }

  #list(values: readonly unknown[], depth: number): unknown[] {
    const kept: unknown[] = [];
    for (const value of values) {
      if (this.#left <= 0) {
        kept.push(`…(${values.length - kept.length} more)`);
        break;
      }
      kept.push(this.#cut('', value, depth + 1) ?? null);
    }
    return kept;
  }

  #record(entries: readonly (readonly [unknown, unknown])[], depth: number): Record<string, unknown> {
    const kept: Record<string, unknown> = {};
    let count = 0;
    for (const [name, value] of entries) {
      if (this.#left <= 0) {
        kept['…'] = `${entries.length - count} more`;
        break;
      }
      count += 1;
      const key = this.#text(String(name));
      kept[key] = this.#cut(key, value, depth + 1);
    }
    return kept;
  }
}
