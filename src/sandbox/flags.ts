// The flags of the sandbox alone.

import { oneOf } from '../main/options/flag-values.ts';
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
};
