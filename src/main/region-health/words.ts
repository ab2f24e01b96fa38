// How logs and traces speak of regions.

import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { KindWords } from '../projection/status-kind.ts';

export const regionWords: KindWords<RegionRecord> = {
  resource: 'regions',
  title: 'Region',
  singular: 'region',
  healthTransition: 'region state transition',
  fields: ({ name }) => ({ region_id: name }),
  nameField: 'region_name',
};
