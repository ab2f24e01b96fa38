// A Lease of Kubernetes, as client-go's leader election reads and writes it.

import { asFields, optionalFields, optionalText, text } from './object-fields.ts';
import type { StoredRecord } from './resource-store.ts';

export interface LeaseRecord extends StoredRecord {
  readonly uid: string;
  /** "" for nobody. */
  readonly holder: string;
  /** From a renewal until another may take it. */
  readonly durationMs: number;
  /** As the holder's clock had it; "" where there is none. */
  readonly acquireTime: string;
  readonly renewTime: string;
  /** How often it has had another holder. */
  readonly transitions: number;
  /** The replica that asks the holder for it; "" when none does. */
  readonly wantedBy: string;
}

/** A replica with fewer shards than the holder writes its identity here, and the holder hands the shard over. */
export const wantedByAnnotation = 'region-monitor/wanted-by';

export function parseLease(object: unknown): LeaseRecord {
  const root = asFields(object, 'object');
  const metadata = asFields(root['metadata'], 'metadata');
  const annotations = optionalFields(metadata, 'annotations', 'metadata');
  const spec = optionalFields(root, 'spec', 'object');
  return {
    name: text(metadata, 'name', 'metadata'),
    namespace: text(metadata, 'namespace', 'metadata'),
    uid: text(metadata, 'uid', 'metadata'),
    resourceVersion: text(metadata, 'resourceVersion', 'metadata'),
    holder: optionalText(spec, 'holderIdentity', 'spec') ?? '',
    durationMs: numberOf(spec?.['leaseDurationSeconds']) * 1000,
    acquireTime: optionalText(spec, 'acquireTime', 'spec') ?? '',
    renewTime: optionalText(spec, 'renewTime', 'spec') ?? '',
    transitions: numberOf(spec?.['leaseTransitions']),
    wantedBy: optionalText(annotations, wantedByAnnotation, 'metadata.annotations') ?? '',
  };
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}
