// Answers to list and watch, as the API server and what stands in front of it give them.

import test from 'ava';
import { ApiError } from '../../../../src/main/kubernetes/errors.ts';
import {
  endedAtOnce,
  historyLost,
  objectName,
  parseListPage,
  parseWatchEvent,
} from '../../../../src/main/kubernetes/objects/list-watch-messages.ts';

test('a page has its objects, its version and what asks for the next one', (t) => {
  const items = [{ a: 1 }];
  const page = { items, resourceVersion: '7', continue: '' };
  t.deepEqual(parseListPage({ metadata: { resourceVersion: '7' }, items }, 'servers'), page);
  t.deepEqual(parseListPage({ metadata: { resourceVersion: '7', continue: null }, items }, 'servers'), page);
  t.deepEqual(parseListPage({ metadata: { resourceVersion: '7', continue: 'token' }, items }, 'servers'), {
    ...page,
    continue: 'token',
  });
});

test('a list whose items are null is empty, as for client-go', (t) => {
  const page = { items: [], resourceVersion: '7', continue: '' };
  t.deepEqual(parseListPage({ metadata: { resourceVersion: '7' }, items: null }, 'servers'), page);
});

for (const [what, answer, message] of [
  ['a text', 'planted', 'list servers: the answer must be an object, not string'],
  [
    'nothing about the list',
    { items: [] },
    'list servers: the answer.metadata must be an object, not nothing',
  ],
  ...[undefined, {}, 'planted'].map(
    (items) =>
      [
        `items that are ${typeof items}`,
        { metadata: { resourceVersion: '7' }, items },
        'list servers: the answer.items must be a list',
      ] as const,
  ),
  [
    'no version',
    { metadata: {}, items: [] },
    'list servers: the answer.metadata.resourceVersion must be a string, not nothing',
  ],
  ...['', '0'].map(
    (resourceVersion) =>
      [
        `the version "${resourceVersion}"`,
        { metadata: { resourceVersion }, items: [] },
        'list servers: the answer.metadata.resourceVersion must be a version',
      ] as const,
  ),
] as const)
  test(`an answer to a list with ${what} is an error that names the field`, (t) => {
    t.throws(() => parseListPage(answer, 'servers'), { message });
  });

for (const type of ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])
  test(`an event says what happened to which object, and where the watch stands: ${type}`, (t) => {
    const object = { metadata: { namespace: 'shop', name: 'web', resourceVersion: '7' } };
    const seen: unknown = parseWatchEvent({ type, object }, 'servers');
    t.deepEqual(seen, { type, object, namespace: 'shop', name: 'web', version: '7' });
    const bare = { metadata: { resourceVersion: '8' } };
    const bookmark: unknown = parseWatchEvent({ type, object: bare }, 'servers');
    t.deepEqual(bookmark, { type, object: bare, namespace: '', name: '', version: '8' });
  });

for (const [what, event, message] of [
  ['no object', 'ADDED', 'watch servers: the event must be an object, not string'],
  ['another type', { type: 'added', object: {} }, 'watch servers: the event has an unknown type'],
  ['nothing in it', { type: 'ADDED' }, 'watch servers: the event.object must be an object, not nothing'],
  [
    'the version "0"',
    { type: 'BOOKMARK', object: { metadata: { resourceVersion: '0' } } },
    'watch servers: the event.object.metadata.resourceVersion must be a version',
  ],
] as const)
  test(`an event with ${what} is an error that names the field`, (t) => {
    t.throws(() => parseWatchEvent(event, 'servers'), { message });
  });

for (const [what, object, fields, message] of [
  [
    'all of it',
    { code: 429, reason: 'TooManyRequests', message: 'later', details: { retryAfterSeconds: 3 } },
    { status: 429, reason: 'TooManyRequests', retryAfterMs: 3_000 },
    'watch servers: 429: later',
  ],
  [
    'a code and no message',
    { code: 410, reason: 'Expired', message: '', details: null },
    { status: 410, reason: 'Expired', retryAfterMs: null },
    'watch servers: 410: an error without a message',
  ],
  [
    'a message of another type',
    { code: '410', message: 7, details: { retryAfterSeconds: '3' } },
    { status: 500, reason: '', retryAfterMs: null },
    'watch servers: 500: an error without a message',
  ],
  ['nothing', undefined, { status: 500, reason: '' }, 'watch servers: 500: an error without a message'],
] as const)
  test(`an error event is the error that it stands for, with ${what}`, (t) => {
    const error = t.throws(() => parseWatchEvent({ type: 'ERROR', object }, 'servers'), {
      instanceOf: ApiError,
      message,
    });
    t.like(error, { verb: 'watch', resource: 'servers', ...fields });
  });

test('our own errors of a watch are as if the API server had given them', (t) => {
  t.like(historyLost('servers'), { status: 410, reason: 'Expired', verb: 'watch', resource: 'servers' });
  t.like(endedAtOnce('servers'), {
    status: 0,
    reason: 'InvalidResponse',
    message: 'watch servers: ended at once',
  });
});

test('an object that cannot be read is named as far as its name can be', (t) => {
  t.is(objectName({ metadata: { namespace: 'shop', name: 'web' } }), 'shop/web');
  t.is(objectName({ metadata: { name: 'one' } }), '/one');
  for (const object of [null, 'text', {}, { metadata: null }, { metadata: { namespace: 7, name: 7 } }])
    t.is(objectName(object), '/(no name)');
});
