// The chart's files, as far as they follow from the code or from each other.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { load } from 'js-yaml';
import * as v from 'valibot';
import { derivedFiles } from '../../build/derived-files.ts';
import { allValues, chartFolder } from '../fixtures/chart.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readText = (path: string): string => readFileSync(join(root, path), 'utf8');
const readYaml = (path: string): unknown => load(readFileSync(path, 'utf8'));

for (const [path, text] of derivedFiles(readText))
  test(`${path} is what \`npm run docs\` writes`, (t) => {
    t.is(readText(path), text);
  });

const fields = v.record(v.string(), v.unknown());

/** "a.b" for each value, of fields in fields. What is free in the schema is one value. */
function paths(values: unknown, schema: unknown, path: readonly string[] = []): readonly string[] {
  const closed = v.safeParse(
    v.object({ additionalProperties: v.literal(false), properties: fields }),
    schema,
  );
  if (!closed.success || !v.is(fields, values)) return [path.join('.')];
  return Object.entries(values).flatMap(([name, value]) =>
    paths(value, closed.output.properties[name], [...path, name]),
  );
}

const schema: unknown = JSON.parse(readFileSync(join(chartFolder, 'values.schema.json'), 'utf8'));
const defaults = readYaml(join(chartFolder, 'values.yaml'));

test('the schema has a place for every value, and values.yaml shows every value', (t) => {
  const { properties } = v.parse(v.object({ properties: fields }), schema);
  const shown = Object.keys(v.parse(fields, defaults));
  t.deepEqual([...shown, 'global'].toSorted(), Object.keys(properties).toSorted());
});

test('"everything set" sets everything, and to something else', (t) => {
  const all = paths(readYaml(allValues), schema);
  t.deepEqual(
    paths(defaults, schema).filter((path) => !all.includes(path)),
    [],
  );
});

test("the chart's README explains every value", (t) => {
  const page = readFileSync(join(chartFolder, 'README.md'), 'utf8');
  for (const name of Object.keys(v.parse(fields, defaults)))
    t.regex(page, new RegExp(`\`${name}[\`.]`), name);
});

test('the chart has the version of what it installs', (t) => {
  const chart = v.parse(fields, readYaml(join(chartFolder, 'Chart.yaml')));
  const { version } = v.parse(v.object({ version: v.string() }), JSON.parse(readText('package.json')));
  t.is(chart['appVersion'], version);
  t.is(chart['version'], version);
});
