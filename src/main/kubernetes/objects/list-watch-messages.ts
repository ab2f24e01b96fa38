// The answers to list and watch, checked once.

import { ApiError, reasonOf } from '../errors.ts';
import { asFields, type Fields, isFields, optionalText, text } from './object-fields.ts';

export interface ListPage {
  readonly items: readonly unknown[];
  /** The same on all pages of a list: they show one moment. */
  readonly resourceVersion: string;
  /** Asks for the next page; "" on the last one. */
  readonly continue: string;
}

export function parseListPage(answer: unknown, resource: string): ListPage {
  const path = `list ${resource}: the answer`;
  const list = asFields(answer, path);
  const metadata = asFields(list['metadata'], `${path}.metadata`);
  // An API server in Go writes an empty list as null.
  const items = list['items'] === null ? [] : list['items'];
  if (!Array.isArray(items)) throw new Error(`${path}.items must be a list`);
  return {
    items,
    resourceVersion: versionOf(metadata, `${path}.metadata`),
    continue: optionalText(metadata, 'continue', `${path}.metadata`) ?? '',
  };
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
  /** Of the object, or "" for a bookmark. */
  readonly namespace: string;
  readonly name: string;
  /** Where the watch stands after this event. */
  readonly version: string;
}

/** Throws the ApiError that an ERROR event stands for, and an Error for anything that is not an event. */
export function parseWatchEvent(value: unknown, resource: string): WatchEvent {
  const path = `watch ${resource}: the event`;
  const event = asFields(value, path);
  const { type, object } = event;
  if (type === 'ERROR') throw errorOf(object, resource);
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK')
    throw new Error(`${path} has an unknown type`);
  const metadata = asFields(asFields(object, `${path}.object`)['metadata'], `${path}.object.metadata`);
  return {
    type,
    object,
    namespace: optionalText(metadata, 'namespace', path) ?? '',
    name: optionalText(metadata, 'name', path) ?? '',
    version: versionOf(metadata, `${path}.object.metadata`),
  };
}

/** "" and "0" mean "any" where they are asked for: what is answered must be a version that a watch can go on from. */
function versionOf(metadata: Fields, path: string): string {
  const version = text(metadata, 'resourceVersion', path);
  if (version === '' || version === '0') throw new Error(`${path}.resourceVersion must be a version`);
  return version;
}

/** An accepted watch that had no time to say anything. */
export function endedAtOnce(resource: string): ApiError {
  const fields = { status: 0, verb: 'watch', resource, reason: 'InvalidResponse', retryAfterMs: null };
  return new ApiError(`watch ${resource}: ended at once`, fields);
}

/** As if the API server had said 410: what it holds is not the continuation of what we know. */
export function historyLost(resource: string): ApiError {
  return new ApiError(`watch ${resource}: versions run backwards, as after a restored backup`, {
    status: 410,
    verb: 'watch',
    resource,
    reason: 'Expired',
    retryAfterMs: null,
  });
}

function errorOf(object: unknown, resource: string): ApiError {
  const status: Fields = isFields(object) ? object : {};
  const details: Fields = isFields(status['details']) ? status['details'] : {};
  const { code, message } = status;
  const seconds = details['retryAfterSeconds'];
  // An error without a code is one of the API server's own.
  const number = typeof code === 'number' ? code : 500;
  const detail = typeof message === 'string' && message !== '' ? message : 'an error without a message';
  return new ApiError(`watch ${resource}: ${number}: ${detail}`, {
    status: number,
    verb: 'watch',
    resource,
    reason: reasonOf(status),
    retryAfterMs: typeof seconds === 'number' ? seconds * 1000 : null,
  });
}

/** "namespace/name", as far as it is known. */
export function objectName(object: unknown): string {
  const metadata: Fields = isFields(object) && isFields(object['metadata']) ? object['metadata'] : {};
  const { namespace, name } = metadata;
  return `${typeof namespace === 'string' ? namespace : ''}/${typeof name === 'string' ? name : '(no name)'}`;
}
