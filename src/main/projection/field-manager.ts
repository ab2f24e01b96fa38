// Which monitor wrote a status. Two replicas write the same change of the same object at the same time, and one of the
// answers is lost: what stands in the object is then one replica's write, and Kubernetes knows whose. Each process writes
// under a name of its own, which the API server keeps in metadata.managedFields.

import { hostname } from 'node:os';

const prefix = 'region-monitor-';
/** The API server's bound. */
const maxLength = 128;

/** The name that this process writes under. */
export function fieldManager(): string {
  return `${prefix}${hostname()}-${process.pid}`.slice(0, maxLength);
}

/**
 * Whether another monitor made the change that an object shows. False where that is not known: the API server may keep no
 * managedFields, or another writer has changed the same fields since.
 */
export function writtenByAnother(object: unknown, change: object, manager: string): boolean {
  const wanted = Object.keys(change).map((field) => `f:${field}`);
  return managedFields(object).some((entry) => {
    const name = field(entry, 'manager');
    if (typeof name !== 'string' || !name.startsWith(prefix) || name === manager) return false;
    const owned = field(field(entry, 'fieldsV1'), 'f:status');
    return wanted.some((key) => field(owned, key) !== undefined);
  });
}

function managedFields(object: unknown): readonly unknown[] {
  const entries = field(field(object, 'metadata'), 'managedFields');
  return Array.isArray(entries) ? entries : [];
}

function field(object: unknown, key: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, key) : undefined;
}
