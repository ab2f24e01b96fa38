// Versions and generations: what a write must know of the object, and what it changes.

import type { Via } from './admission.ts';
import { conflict, invalid, KubernetesFailure } from './failure.ts';
import { canonical, equal, type KubernetesObject } from './object.ts';
import type { Resource } from './resources.ts';

/** The object's text as stored at a revision. */
export function withRevision(object: KubernetesObject, revision: number): string {
  const metadata = { ...object.metadata, resourceVersion: String(revision) };
  return JSON.stringify(canonical({ ...object, metadata }));
}

/** Throws when a write is not about the version that is stored, or changes what cannot change. */
export function checkVersion(
  resource: Resource,
  given: KubernetesObject,
  old: KubernetesObject,
  via: Via,
): void {
  const { name, resourceVersion } = given.metadata;
  if (resourceVersion === undefined) {
    if (resource.unconditionalUpdate) return;
    throw invalid({ kind: resource.plural, group: resource.group, name }, [
      {
        reason: 'FieldValueInvalid',
        field: 'metadata.resourceVersion',
        message: 'Invalid value: 0: must be specified for an update',
      },
    ]);
  }
  if (!/^\d+$/.test(resourceVersion))
    throw new KubernetesFailure({
      code: 500,
      message: `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
    });
  if (resourceVersion !== old.metadata.resourceVersion) throw conflict(resource, name);
  for (const field of ['uid', 'deletionTimestamp'] as const) {
    const value = given.metadata[field];
    if (value === undefined || value === old.metadata[field]) continue;
    if (via === 'replace' && field === 'uid')
      throw conflict(
        resource,
        name,
        `Precondition failed: UID in precondition: ${value}, UID in object meta: ${old.metadata.uid}`,
      );
    throw invalid({ kind: resource.kind, group: resource.group, name }, [
      {
        reason: 'FieldValueInvalid',
        field: `metadata.${field}`,
        message: `Invalid value: ${JSON.stringify(value)}: field is immutable`,
      },
    ]);
  }
}

/** A custom resource's generation counts the changes of what is wanted, not of what is seen. */
export function withGeneration(
  resource: Resource,
  next: KubernetesObject,
  old: KubernetesObject,
): KubernetesObject {
  if (!resource.custom) return next;
  const same = equal(next.spec, old.spec) && (resource.statusSubresource || equal(next.status, old.status));
  const generation = (old.metadata.generation ?? 1) + (same ? 0 : 1);
  return { ...next, metadata: { ...next.metadata, generation } };
}
