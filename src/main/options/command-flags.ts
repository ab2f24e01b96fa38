// What the flags of single commands share. The flags of all commands are in flags.ts.

import { names } from './flag-values.ts';
import { type FixedFlag, ownGroup } from './flags.ts';

export const regionFlag: FixedFlag<readonly string[]> = {
  name: 'region',
  group: ownGroup,
  kind: 'region',
  parse: names,
  repeatable: true,
  default: '',
  description: 'only this region, by name or id; may be given several times; empty for all regions',
};
