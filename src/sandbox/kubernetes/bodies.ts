// What a request carries: its body and the options of its query.

import { badRequest, unsupportedMediaType } from './failure.ts';
import { isJsonObject, type Json, parseJson } from './object.ts';
import type { Resource } from './resources.ts';
import type { Route } from './route.ts';
import type { Preconditions, WriteOptions } from './writes.ts';

export interface Incoming {
  readonly method: string;
  readonly route: Route;
  /** Media type in lower case, without parameters. */
  readonly contentType: string;
  readonly body: string;
}

const json = 'application/json';
/** A Secret or Lease may be patched in kubectl's own way; for maps and scalars that is the same as a merge patch. */
const strategic = 'application/strategic-merge-patch+json';
const merge = 'application/merge-patch+json';

function withoutDirectives(patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const entries = Object.entries(patch).filter(([field]) => !field.startsWith('$'));
  return Object.fromEntries(entries.map(([field, value]) => [field, withoutDirectives(value ?? null)]));
}

export function writeOptions(query: URLSearchParams): WriteOptions {
  const validation = query.get('fieldValidation');
  return {
    dryRun: query.get('dryRun') === 'All',
    fieldValidation: validation === 'Strict' || validation === 'Ignore' ? validation : 'Warn',
  };
}

export function preconditionsOf(body: string): Preconditions {
  if (body === '') return {};
  const options = parseBody(body, 'DeleteOptions');
  const given = isJsonObject(options) ? options['preconditions'] : undefined;
  if (!isJsonObject(given)) return {};
  const { uid, resourceVersion } = given;
  return {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}

function parseBody(body: string, kind: string): Json {
  try {
    return parseJson(body);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${problem}`,
    );
  }
}

export function objectBody(incoming: Incoming, kind: string): Json {
  if (incoming.contentType !== json && incoming.contentType !== '') throw unsupportedMediaType([json]);
  return parseBody(incoming.body, kind);
}

/** The patch that a request carries, as a merge patch. */
export function patchBody(incoming: Incoming, resource: Resource): Json {
  const accepted = resource.custom ? [merge] : [merge, strategic];
  if (!accepted.includes(incoming.contentType)) throw unsupportedMediaType(accepted);
  try {
    const patch = parseJson(incoming.body);
    return incoming.contentType === strategic ? withoutDirectives(patch) : patch;
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : String(error)}`);
  }
}
