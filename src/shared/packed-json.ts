// JSON whose long arrays are cut into pieces, so that the other side can read a large answer in turns.

/** Elements of a piece: some milliseconds to parse. */
const pieceLength = 1_000;
/** Arrays lie this deep at most; nothing below is looked at. */
const maxDepth = 6;
/** No result of a check has a field of this name. */
const marker = '$pieces';

export interface PackedJson {
  readonly text: string;
  /** Arrays of up to `pieceLength` elements each, as JSON. */
  readonly pieces: readonly string[];
}

/** Throws what JSON.stringify throws. */
export function pack(value: unknown): PackedJson {
  const pieces: string[] = [];
  const text = JSON.stringify(withoutLongArrays(value, pieces, maxDepth));
  return { text, pieces };
}

function withoutLongArrays(value: unknown, pieces: string[], depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  if (Array.isArray(value)) {
    if (value.length <= pieceLength)
      return value.map((element) => withoutLongArrays(element, pieces, depth - 1));
    const first = pieces.length;
    for (let from = 0; from < value.length; from += pieceLength)
      pieces.push(JSON.stringify(value.slice(from, from + pieceLength)));
    return { [marker]: [first, pieces.length - first] };
  }
  // What is more than its fields, a Date say, knows itself how it becomes JSON.
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, withoutLongArrays(field, pieces, depth - 1)]),
  );
}

/** Reads a packed value; each piece in a turn of its own. Rejects with a SyntaxError when it is not JSON. */
export async function unpack(
  { text, pieces }: PackedJson,
  takeTurn: <T>(slice: () => T) => Promise<T>,
): Promise<unknown> {
  const value = await takeTurn((): unknown => JSON.parse(text));
  return pieces.length === 0 ? value : withLongArrays(value, { pieces, takeTurn, depth: maxDepth });
}

interface Unpacking {
  readonly pieces: readonly string[];
  readonly takeTurn: <T>(slice: () => T) => Promise<T>;
  readonly depth: number;
}

async function withLongArrays(value: unknown, unpacking: Unpacking): Promise<unknown> {
  const { pieces, takeTurn, depth } = unpacking;
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  const below = { ...unpacking, depth: depth - 1 };
  if (Array.isArray(value)) {
    const elements: unknown[] = [];
    for (const element of value) elements.push(await withLongArrays(element, below));
    return elements;
  }
  const range = rangeOf(value);
  if (range === null) {
    const fields: [string, unknown][] = [];
    for (const [key, field] of Object.entries(value)) fields.push([key, await withLongArrays(field, below)]);
    return Object.fromEntries(fields);
  }
  const elements: unknown[] = [];
  for (const piece of pieces.slice(range.first, range.first + range.count)) {
    const parsed = await takeTurn((): unknown => JSON.parse(piece));
    if (Array.isArray(parsed)) for (const element of parsed) elements.push(element);
  }
  return elements;
}

function rangeOf(value: object): { readonly first: number; readonly count: number } | null {
  if (!(marker in value) || !Array.isArray(value[marker])) return null;
  const range: readonly unknown[] = value[marker];
  const [first, count] = range;
  return typeof first === 'number' && typeof count === 'number' ? { first, count } : null;
}
