// The part of the chart's values.schema.json that is derived from the table of flags; the rest of it is written by hand.

import * as v from 'valibot';
import { allFlags, type Flag } from '../src/main/options/flags.ts';

const schemaFile = v.looseObject({
  properties: v.looseObject({ flags: v.looseObject({ properties: v.looseObject({}) }) }),
});

/** The text of the schema with every flag in it, from the text that is there. */
export function valuesSchema(current: string): string {
  const schema = v.parse(schemaFile, JSON.parse(current));
  schema.properties.flags.properties = Object.fromEntries(
    allFlags.map((flag) => [flag.name, flagSchema(flag)]),
  );
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/**
 * What can be said of a flag's values by its kind. Helm refuses what is of the wrong type or form; a number that is out
 * of range is refused by the monitor.
 */
const kinds: Readonly<Record<string, object>> = {
  bool: { type: 'boolean' },
  duration: { type: 'string', pattern: '^[+]?(0|([0-9]*[.]?[0-9]+[.]?(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$' },
  polls: { type: 'integer', minimum: 1 },
  threads: { type: 'integer', minimum: 1 },
  servers: { type: 'integer', minimum: 1 },
  requests: { type: 'integer', minimum: 1 },
  logins: { type: 'integer', minimum: 1 },
  // "--set" takes a number with a point for a text.
  ratio: { type: ['number', 'string'], pattern: '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?$' },
  address: { type: 'string', pattern: '^(.*:[0-9]{1,5})?$' },
  'host:port or URL': { type: 'string', pattern: '^(https?://[^/].*|[^/]*)$' },
};

function flagSchema({ kind, description, default: fixed, follows }: Flag<unknown>): object {
  const otherwise = fixed ?? follows ?? '';
  const suffix = otherwise === '' ? '' : ` (default: ${otherwise})`;
  return { description: description + suffix, ...(kinds[kind] ?? { type: ['string', 'integer'] }) };
}
