// The metadata that ties a server in the cloud to its Server object.

import { ownerMetadataKeys } from '../../shared/labels.ts';

export type OwnerMetadata = { readonly [Key in (typeof ownerMetadataKeys)[number]]?: string | undefined };

/** Name of the Server object; the newest key that holds one wins, null when none does. */
export function ownerId(metadata: OwnerMetadata | null | undefined): string | null {
  for (const key of ownerMetadataKeys) {
    const name = metadata?.[key];
    if (name !== undefined && name !== '') return name;
  }
  return null;
}
