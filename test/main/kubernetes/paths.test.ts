// Names come from labels and specs that people write: whatever they hold, a path leads to the object of that name in that
// namespace, or there is none.

import test from 'ava';
import * as fc from 'fast-check';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { meaningOf, resourcePath, secretPath } from '../../../src/main/kubernetes/paths.ts';

const names = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[./%\\?#;:@&=+ \r\n\t\0\u202e-]*$/),
  fc.constantFrom(
    '..',
    '%2e%2e',
    '..%2f',
    '../../secrets/x',
    'a?watch=true',
    'a#b',
    'a\r\nHost: evil',
    'a\\..\\b',
  ),
);

/** The path, or null where the name was refused. */
function pathOf(make: () => string): string | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'InvalidName') return null;
    throw error;
  }
}

for (const [what, make, segments] of [
  ['a Secret', secretPath, 6],
  ['an object', (namespace: string, name: string) => resourcePath('servers', namespace, name), 7],
  [
    'a subresource',
    (namespace: string, name: string) => resourcePath('servers', namespace, name, 'status'),
    8,
  ],
] as const)
  test(`the path of ${what} is one of its own, whatever the names`, (t) => {
    fc.assert(
      fc.property(names, names, (namespace, name) => {
        const path = pathOf(() => make(namespace, name));
        if (path === null) return;
        // What a client or a proxy makes of it is the same path: no dots, no query, no host, no second line.
        const url = new URL(`https://api.example${path}`);
        t.is(url.pathname + url.search + url.hash, path);
        t.is(url.host, 'api.example');
        t.is(path.split('/').length - 1, segments);
        t.regex(path, /^[\x21-\x7e]+$/);
        const meaning = meaningOf(path);
        t.is(meaning.namespace, namespace);
        t.is(meaning.name, name);
      }),
      { numRuns: 1_000 },
    );
  });
