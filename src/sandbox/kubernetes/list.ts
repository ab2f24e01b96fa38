// Lists: pages of one moment, continue tokens, and the text of the answer in pieces.

import { badRequest, expired, KubernetesFailure } from './failure.ts';
import { isJsonObject, type Json, parseJson } from './object.ts';
import { groupVersion, type Resource } from './resources.ts';
import { isSelected, type Selection } from './selectors.ts';
import type { KubernetesStore, Snapshot, Stored } from './store.ts';

interface Position {
  /** The moment that the list shows; -1 for whatever is there now. */
  readonly revision: number;
  /** The last key that was given out. */
  readonly after: string;
}

function encode(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function decode(token: string): Position {
  let value: Json = null;
  try {
    value = parseJson(Buffer.from(token, 'base64url').toString());
  } catch {
    // Falls through: it is reported as any other token that is not ours.
  }
  if (isJsonObject(value) && typeof value['revision'] === 'number' && typeof value['after'] === 'string')
    return { revision: value['revision'], after: value['after'] };
  throw badRequest('invalid continue token: continue key is not valid');
}

function parseVersion(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function parseLimit(text: string | null): number {
  if (text === null || text === '') return Number.POSITIVE_INFINITY;
  if (!/^-?\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text) > 0 ? Number(text) : Number.POSITIVE_INFINITY;
}

export interface Page {
  readonly items: readonly Stored[];
  readonly revision: number;
  /** "" when the list is complete. */
  readonly continueToken: string;
  /** Known only where nothing is filtered out. */
  readonly remaining: number | undefined;
}

interface Start {
  readonly position: Position;
  readonly limit: number;
}

function startOf(store: KubernetesStore, query: URLSearchParams): Start {
  const limit = parseLimit(query.get('limit'));
  const token = query.get('continue') ?? '';
  const version = query.get('resourceVersion') ?? '';
  if (token !== '') {
    if (version !== '' && version !== '0')
      throw badRequest('specifying resource version is not allowed when using continue');
    return { position: decode(token), limit };
  }
  const now = { revision: store.revision, after: '' };
  if (version === '') return { position: now, limit };
  const asked = parseVersion(version);
  if (asked > store.revision)
    throw new KubernetesFailure({
      code: 504,
      reason: 'Timeout',
      retryAfterSeconds: 1,
      message: `Timeout: Too large resource version: ${asked}, current: ${store.revision}`,
      details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
    });
  // "0" asks for whatever the cache has, and the cache knows no pages.
  if (asked === 0) return { position: now, limit: Number.POSITIVE_INFINITY };
  return {
    position: query.get('resourceVersionMatch') === 'Exact' ? { ...now, revision: asked } : now,
    limit,
  };
}

/** One page of a list; throws a KubernetesFailure for what cannot be listed. */
export function listPage(
  store: KubernetesStore,
  resource: Resource,
  request: { readonly selection: Selection; readonly query: URLSearchParams },
): Page {
  const { selection, query } = request;
  const { position, limit } = startOf(store, query);
  const revision = position.revision < 0 ? store.revision : position.revision;
  const prefix = selection.namespace === '' ? '' : `${selection.namespace}/`;
  const snapshot = store.snapshot(resource, { prefix, after: position.after, revision });
  if (snapshot === undefined) {
    if (position.after === '') throw expired('The resourceVersion for the provided list is too old.');
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. The token in this answer continues with what is there now.',
      encode({ revision: -1, after: position.after }),
    );
  }
  return pageOf(snapshot, { selection, limit, revision, marker: position.revision < 0 ? -1 : revision });
}

function pageOf(
  snapshot: Snapshot,
  options: {
    readonly selection: Selection;
    readonly limit: number;
    readonly revision: number;
    /** The revision for the next token. */
    readonly marker: number;
  },
): Page {
  const { selection, limit, revision, marker } = options;
  const items: Stored[] = [];
  let index = snapshot.start;
  let last = '';
  for (; index < snapshot.end && items.length < limit; index++) {
    const key = snapshot.keys[index] ?? '';
    const stored = snapshot.at(key);
    if (stored === undefined || !isSelected(selection, stored)) continue;
    items.push(stored);
    last = key;
  }
  const filtered = selection.matches !== undefined;
  // With a filter the real one does not count: it only knows whether there is more.
  const left = filtered ? Number(hasMore(snapshot, selection, index)) : snapshot.countFrom(index);
  return {
    items,
    revision,
    continueToken: left === 0 ? '' : encode({ revision: marker, after: last }),
    remaining: left === 0 || filtered ? undefined : left,
  };
}

function hasMore(snapshot: Snapshot, selection: Selection, from: number): boolean {
  return snapshot.keys.slice(from, snapshot.end).some((key) => {
    const stored = snapshot.at(key);
    return stored !== undefined && isSelected(selection, stored);
  });
}

/** Items of built-in kinds come without kind and apiVersion, as the real API server lists them. */
function itemText(resource: Resource, stored: Stored): string {
  if (resource.custom) return stored.json;
  const value = parseJson(stored.json);
  if (!isJsonObject(value)) return stored.json;
  const { apiVersion: _, kind: __, ...rest } = value;
  return JSON.stringify(rest);
}

const chunkLength = 1 << 20;

/** The list as JSON, in pieces of about a megabyte: 100,000 servers are never one string. */
export function* listText(resource: Resource, page: Page): Generator<string> {
  const metadata = {
    continue: page.continueToken,
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
    resourceVersion: String(page.revision),
  };
  const head = { apiVersion: groupVersion(resource), kind: `${resource.kind}List`, metadata };
  let text = `${JSON.stringify(head).slice(0, -1)},"items":[`;
  let first = true;
  for (const stored of page.items) {
    text += first ? itemText(resource, stored) : `,${itemText(resource, stored)}`;
    first = false;
    if (text.length >= chunkLength) {
      yield text;
      text = '';
    }
  }
  yield `${text}]}\n`;
}
