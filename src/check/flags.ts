// The flags that belong to one command alone. Those of all commands are in flags.ts.

import { boolean, FlagValueError, oneOf } from '../main/options/flag-values.ts';
import { type FixedFlag, ownGroup } from '../main/options/flags.ts';

export const tableOutputs = ['table', 'wide', 'json', 'yaml'] as const;
export const reportOutputs = ['text', 'json'] as const;

const region: FixedFlag<readonly string[]> = {
  name: 'region',
  group: ownGroup,
  kind: 'region',
  parse: names,
  repeatable: true,
  default: '',
  description: 'only this region, by name or id; may be given several times; empty for all',
};

export const checkFlags = {
  dryRun: {
    name: 'dry-run',
    group: ownGroup,
    kind: 'bool',
    parse: boolean,
    values: ['true', 'false'],
    default: 'false',
    description: 'write nothing, and show what would change',
  } satisfies FixedFlag<boolean>,
  region,
  output: {
    name: 'output',
    group: ownGroup,
    kind: 'format',
    parse: oneOf('output', tableOutputs),
    values: tableOutputs,
    default: 'table',
    description: 'table, wide (more columns, nothing cut), json or yaml',
  } satisfies FixedFlag<(typeof tableOutputs)[number]>,
};

export const doctorFlags = {
  region,
  output: {
    name: 'output',
    group: ownGroup,
    kind: 'format',
    parse: oneOf('output', reportOutputs),
    values: reportOutputs,
    default: 'text',
    description: 'text or json',
  } satisfies FixedFlag<(typeof reportOutputs)[number]>,
};

/** Names with commas between them. */
function names(text: string): readonly string[] {
  if (text === '') return [];
  const list = text.split(',');
  if (list.includes('')) throw new FlagValueError('has an empty name: put one comma between two names');
  return list;
}
