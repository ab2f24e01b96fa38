// Records of a list that came before, byte for byte: they are found by their digests, and not parsed again.

import { hash } from 'node:crypto';
import type { ArrayOutline, JsonOutline } from '../../shared/network/json-outline.ts';

/** Where a record of the known list has its place, by the digest of its bytes. */
export type KnownRecords = ReadonlyMap<number, number>;

/** An element of the list as it came. */
export interface ListedRecord {
  /** The first 52 bits of its SHA-256, as many as an integer holds exactly: enough to tell the records of one list apart. */
  readonly digest: number;
  /** Its place in the known list; null when it is not known. */
  readonly place: number | null;
}

export interface CutText {
  /** A known record is `null` in it. */
  readonly text: string;
  /** In order. None when the list is not only of objects, or of too many: then nothing was cut. */
  readonly records: readonly ListedRecord[];
}

/** In hexadecimal digits. */
const digestLength = 13;
const betweenElements = new Set(Buffer.from(' \t\r\n,'));
const endOfArray = ']'.charCodeAt(0);

/** `field` names the array of the records. */
export function cutKnown(
  body: Buffer,
  {
    outline,
    field,
    known,
  }: { readonly outline: JsonOutline; readonly field: string; readonly known: KnownRecords },
): CutText {
  const [array, ...others] = outline.arrays.filter(({ start }) => isFieldOf(body, start, field));
  // Of two, the parser would take the last.
  if (array === undefined || others.length > 0 || !holdsOnlyObjects(body, array))
    return { text: body.toString(), records: [] };
  const records: ListedRecord[] = [];
  const parts: string[] = [];
  let from = 0;
  for (const { start, end } of array.objects) {
    const digest = Number.parseInt(hash('sha256', body.subarray(start, end)).slice(0, digestLength), 16);
    const place = known.get(digest) ?? null;
    records.push({ digest, place });
    if (place === null) continue;
    parts.push(body.toString('utf8', from, start), 'null');
    from = end;
  }
  parts.push(body.toString('utf8', from));
  return { text: parts.join(''), records };
}

/** Whether the bracket at `start` opens the value of that field. */
function isFieldOf(body: Buffer, start: number, field: string): boolean {
  const key = JSON.stringify(field);
  const before = body.toString('latin1', Math.max(0, start - key.length - 16), start);
  return before.replaceAll(/\s/g, '').endsWith(`${key}:`);
}

/** Else the place of a record in the outline would not be its index in the array. */
function holdsOnlyObjects(body: Buffer, { start, objects }: ArrayOutline): boolean {
  let at = start + 1;
  for (const object of objects) {
    for (; at < object.start; at++) if (!betweenElements.has(body[at] ?? 0)) return false;
    at = object.end;
  }
  while (betweenElements.has(body[at] ?? 0)) at++;
  return body[at] === endOfArray;
}
