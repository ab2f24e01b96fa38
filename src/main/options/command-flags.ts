// What the flags of single commands share. The flags of all commands are in flags.ts.

import { FlagValueError } from './flag-values.ts';
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

/** Names separated by commas. */
function names(text: string): readonly string[] {
  if (text === '') return [];
  const list = text.split(',');
  if (list.includes('')) throw new FlagValueError('has an empty name: separate names by single commas');
  return list;
}
