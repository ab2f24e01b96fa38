// The lists in OpenTelemetry's variables: "key=value,key=value", percent-encoded. They are read as leniently as Go's SDK
// reads them: an entry that is not readable does not spoil the others, and a value may hold equals signs.

interface KeyValuePair {
  /** Its number in the list, from 1. Problems name it by this: the entry itself may hold a secret. */
  readonly entry: number;
  readonly key: string;
  readonly value: string;
}

export interface KeyValuePairs {
  readonly pairs: readonly KeyValuePair[];
  /** Numbers of the entries that are not readable. */
  readonly unreadable: readonly number[];
}

export function keyValuePairs(text: string): KeyValuePairs {
  const pairs: KeyValuePair[] = [];
  const unreadable: number[] = [];
  for (const [index, part] of text.split(',').entries()) {
    if (part.trim() === '') continue;
    const entry = index + 1;
    const at = part.indexOf('=');
    const key = percentDecoded(part.slice(0, Math.max(at, 0)).trim());
    const value = percentDecoded(part.slice(at + 1).trim());
    if (key === null || key === '' || value === null) unreadable.push(entry);
    else pairs.push({ entry, key, value });
  }
  return { pairs, unreadable };
}

/** Null when what follows a percent sign is not an encoded character. */
export function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
