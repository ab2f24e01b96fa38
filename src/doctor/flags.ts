// The flags of `region-monitor doctor` alone.

import { regionFlag } from '../main/options/command-flags.ts';
import { oneOf } from '../main/options/flag-values.ts';
import { type FixedFlag, ownGroup } from '../main/options/flags.ts';

const reportOutputs = ['text', 'json'] as const;

export const doctorFlags = {
  region: regionFlag,
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
