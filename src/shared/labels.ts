// Label, annotation and metadata keys. Source: the region service's and its core library's constants.

export const apiGroup = 'region.unikorn-cloud.org';
export const apiVersion = 'v1alpha1';

export const nameLabel = 'unikorn-cloud.org/name';
export const organizationLabel = 'unikorn-cloud.org/organization';
export const regionLabel = 'regions.unikorn-cloud.org/region-id';
export const identityLabel = 'regions.unikorn-cloud.org/identity-id';

/** When a Server entered phase Pending, RFC 3339, seconds. Written by the monitor (profile v1.16). */
export const pendingEntryAnnotation = 'regions.unikorn-cloud.org/pending-entry-time';

/** Nova metadata keys that hold the Server object's name, newest first. */
export const ownerMetadataKeys = ['region:server_id', 'serverID'] as const;
