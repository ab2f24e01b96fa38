// The flags of the sandbox alone.

import { integerFrom, oneOf } from '../main/options/flag-values.ts';
import { type FixedFlag, ownGroup } from '../main/options/flags.ts';

export const releases = ['v1.16', 'v1.19'] as const;

export const sandboxFlags = {
  definitions: {
    name: 'definitions',
    group: ownGroup,
    kind: 'release',
    parse: oneOf('release', releases),
    values: releases,
    default: 'v1.19',
    description: 'release of the region service whose custom resource definitions are installed',
  } satisfies FixedFlag<(typeof releases)[number]>,
  replicas: {
    name: 'replicas',
    group: ownGroup,
    kind: 'number',
    parse: integerFrom(1, 20),
    default: '1',
    description:
      'monitors, in processes of their own when there are several: they divide the regions, into as many shards unless --shards says how many; each listens on a port of its own',
  } satisfies FixedFlag<number>,
};
