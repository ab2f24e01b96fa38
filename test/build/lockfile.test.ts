// The lockfile: what `npm ci` installs is what was chosen, whoever serves it.

import { readFileSync } from 'node:fs';
import test from 'ava';
import * as v from 'valibot';

const entry = v.object({ integrity: v.optional(v.string()), resolved: v.optional(v.string()) });
const schema = v.object({ packages: v.record(v.string(), entry) });
const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
/** All but the project itself. */
const packages = Object.entries(v.parse(schema, JSON.parse(text)).packages).filter(([path]) => path !== '');

test('every package has an integrity, also those of other platforms', (t) => {
  const without = packages.filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''));
  t.deepEqual(
    without.map(([path]) => path),
    [],
    'npm omits it where the registry did not offer a package: npm view NAME@VERSION dist.integrity has it',
  );
});

test('no package is bound to one registry', (t) => {
  t.deepEqual(
    packages.filter(([, { resolved }]) => resolved !== undefined),
    [],
  );
});
