// The flags of `region-monitor check` alone.

import { regionFlag } from '../main/options/command-flags.ts';
import { boolean, oneOf } from '../main/options/flag-values.ts';
import { type FixedFlag, ownGroup } from '../main/options/flags.ts';

export const tableOutputs = ['table', 'wide', 'json', 'yaml'] as const;

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
  region: regionFlag,
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
