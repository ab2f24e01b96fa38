// Creating, replacing, patching and deleting objects, as the API server does it.

import type { Clock } from '../../shared/clock.ts';
import { kubernetesTime } from '../../shared/conditions.ts';
import { admit, checkUnknown, type FieldValidation, readBody, type Via } from './admission.ts';
import type { Definition } from './definitions.ts';
import { alreadyExists, badRequest, conflict, KubernetesFailure, notFound } from './failure.ts';
import { newMetadata, nextMetadata, unknownMetadata } from './metadata.ts';
import {
  canonical,
  isJsonObject,
  isKubernetesObject,
  type Json,
  type JsonObject,
  type KubernetesObject,
  mergePatch,
  type ObjectMeta,
  parseJson,
} from './object.ts';
import { groupVersion, namespaces, type Resource, resources } from './resources.ts';
import { type KubernetesStore, readStored, type Stored } from './store.ts';
import { checkVersion, withGeneration, withRevision } from './versions.ts';

export interface Target {
  readonly resource: Resource;
  /** "" where there are no namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: 'status';
}

export interface WriteOptions {
  /** Check everything, store nothing. */
  readonly dryRun?: boolean;
  readonly fieldValidation?: FieldValidation;
}

export interface Written {
  readonly json: string;
  readonly created: boolean;
  /** Unknown fields, when the client asked to be warned. */
  readonly warnings: readonly string[];
}

export interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export function keyOf(target: Pick<Target, 'namespace' | 'name'>): string {
  return target.namespace === '' ? target.name : `${target.namespace}/${target.name}`;
}

export interface WriterOptions {
  readonly store: KubernetesStore;
  readonly clock: Clock;
  /** The definitions that are installed now, by kind. */
  readonly definitions: () => ReadonlyMap<string, Definition>;
}

export class KubernetesWriter {
  readonly #store: KubernetesStore;
  readonly #clock: Clock;
  readonly #definitions: () => ReadonlyMap<string, Definition>;

  constructor(options: WriterOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#definitions = options.definitions;
  }

  create(target: Omit<Target, 'name' | 'subresource'>, body: Json, options: WriteOptions = {}): Written {
    const { resource, namespace } = target;
    const given = readBody(resource, body, 'create', '');
    const metadata = newMetadata(given.metadata, { resource, namespace, nowMs: this.#clock.now() });
    if (given.metadata.namespace !== undefined && given.metadata.namespace !== namespace)
      throw otherNamespace();
    if (namespace !== '' && this.#store.get(namespaces, namespace) === undefined)
      throw notFound(namespaces, namespace);
    if (given.metadata.resourceVersion !== undefined)
      throw new KubernetesFailure({
        code: 500,
        message: 'resourceVersion should not be set on objects to be created',
      });
    const key = keyOf({ namespace, name: metadata.name });
    if (this.#store.get(resource, key) !== undefined) throw alreadyExists(resource, metadata.name);
    const { status: _, ...rest } = given;
    const object = { ...(resource.custom && resource.statusSubresource ? rest : given), metadata };
    const { admitted, unknown } = this.#admit(resource, object, undefined);
    const all = [...unknown, ...unknownMetadata(isJsonObject(body) ? body['metadata'] : undefined)];
    const warnings = checkUnknown(resource, all, 'create', options.fieldValidation);
    return { ...this.#commit(resource, key, admitted, options), created: true, warnings };
  }

  replace(target: Target, body: Json, options: WriteOptions = {}): Written {
    const given = readBody(target.resource, body, 'replace', target.name);
    const current = this.#store.get(target.resource, keyOf(target));
    if (given.metadata.name !== '' && given.metadata.name !== target.name)
      throw otherName(given.metadata.name, target.name);
    if (current === undefined) {
      if (target.resource.createOnUpdate) return this.create(target, body, options);
      throw notFound(target.resource, target.name);
    }
    return this.#update(target, current, { old: readStored(current), given, via: 'replace', body, options });
  }

  patch(target: Target, patch: Json, options: WriteOptions = {}): Written {
    const current = this.#store.get(target.resource, keyOf(target));
    if (current === undefined) throw notFound(target.resource, target.name);
    if (!isJsonObject(patch))
      throw badRequest(
        'error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}',
      );
    const old = readStored(current);
    const body = mergePatch(old, patch);
    const given = readBody(target.resource, body, 'patch', target.name);
    return this.#update(target, current, { old, given, via: 'patch', body, options });
  }

  /** Returns the object's last state, or the object itself while finalizers hold it. */
  remove(
    target: Target,
    options: { readonly preconditions?: Preconditions; readonly dryRun?: boolean } = {},
  ): { readonly object: KubernetesObject; readonly gone: boolean } {
    const { resource, name } = target;
    const key = keyOf(target);
    const current = this.#store.get(resource, key);
    if (current === undefined) throw notFound(resource, name);
    const object = readStored(current);
    const { uid, resourceVersion } = options.preconditions ?? {};
    const { metadata } = object;
    if (uid !== undefined && uid !== metadata.uid)
      throw conflict(
        resource,
        name,
        `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
      );
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
      throw conflict(
        resource,
        name,
        `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
      );
    if ((metadata.finalizers ?? []).length > 0) {
      if (metadata.deletionTimestamp !== undefined || options.dryRun === true) return { object, gone: false };
      const deleting: ObjectMeta = {
        ...metadata,
        ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
        deletionTimestamp: kubernetesTime(this.#clock.now()),
        deletionGracePeriodSeconds: 0,
      };
      const { json } = this.#commit(resource, key, { ...object, metadata: deleting }, {});
      const next = parseJson(json);
      return { object: isKubernetesObject(next) ? next : object, gone: false };
    }
    if (options.dryRun !== true) {
      if (resource === namespaces) this.#empty(name);
      this.#store.remove(resource, key, (revision) => withRevision(object, revision));
    }
    return { object, gone: true };
  }

  /**
   * Creates or replaces an object with everything in it, status too, as an administrator could who may do anything.
   * A status that is not given stays; so do uid and creationTimestamp. The namespace is made when it is missing.
   */
  apply(object: KubernetesObject): KubernetesObject {
    const resource = resources.find(
      (entry) => entry.kind === object.kind && groupVersion(entry) === object.apiVersion,
    );
    if (resource === undefined) throw badRequest(`no resource serves ${object.apiVersion} ${object.kind}`);
    const namespace = resource.namespaced ? (object.metadata.namespace ?? 'default') : '';
    if (namespace !== '' && this.#store.get(namespaces, namespace) === undefined)
      this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const given = readBody(resource, object, 'create', object.metadata.name);
    const key = keyOf({ namespace, name: object.metadata.name });
    const stored = this.#store.get(resource, key);
    const old = stored === undefined ? undefined : readStored(stored);
    const { resourceVersion: _, ...metadata } = given.metadata;
    const { uid, creationTimestamp, generation } = old?.metadata ?? {};
    const kept: JsonObject = { uid, creationTimestamp, generation };
    const status = given.status ?? old?.status;
    const next: KubernetesObject = {
      ...given,
      ...(status === undefined ? {} : { status }),
      metadata: newMetadata(
        { ...(old === undefined ? {} : kept), ...metadata },
        { resource, namespace, nowMs: this.#clock.now(), asAdministrator: true },
      ),
    };
    const { admitted } = this.#admit(resource, next, old);
    const bumped = old === undefined ? admitted : withGeneration(resource, admitted, old);
    const { json } = this.#commit(resource, key, bumped, {}, stored);
    const result = parseJson(json);
    if (!isKubernetesObject(result)) throw new TypeError(`the text of ${key} is no object`);
    return result;
  }

  #update(
    target: Target,
    current: Stored,
    change: {
      readonly old: KubernetesObject;
      readonly given: KubernetesObject;
      readonly via: Via;
      readonly body: Json;
      readonly options: WriteOptions;
    },
  ): Written {
    const { resource, name } = target;
    const { old, given, options, via } = change;
    if (given.metadata.name !== name) throw otherName(given.metadata.name, name);
    if (given.metadata.namespace !== undefined && given.metadata.namespace !== old.metadata.namespace)
      throw otherNamespace();
    checkVersion(resource, given, old, via);
    const onStatus = target.subresource === 'status';
    const { status, ...rest } = given;
    const object: KubernetesObject = onStatus
      ? { ...old, status }
      : {
          ...(resource.statusSubresource ? { ...rest, status: old.status } : given),
          metadata: nextMetadata(given.metadata, old.metadata),
        };
    const { admitted, unknown } = this.#admit(resource, object, old);
    const body = isJsonObject(change.body) ? change.body : {};
    const all = onStatus ? unknown : [...unknown, ...unknownMetadata(body['metadata'])];
    const warnings = checkUnknown(resource, all, via, options.fieldValidation);
    const next = withGeneration(resource, admitted, old);
    const released = old.metadata.deletionTimestamp !== undefined && next.metadata.finalizers === undefined;
    if (released && options.dryRun !== true) {
      this.#store.remove(resource, current.key, (revision) => withRevision(old, revision));
      return { json: withRevision(next, current.revision), created: false, warnings };
    }
    return { ...this.#commit(resource, current.key, next, options, current), created: false, warnings };
  }

  #admit(resource: Resource, object: KubernetesObject, old: KubernetesObject | undefined) {
    return admit({ resource, definition: this.#definitions().get(resource.kind), object, old });
  }

  /** Stores the object, unless nothing of it differs from `current`. */
  #commit(
    resource: Resource,
    key: string,
    object: KubernetesObject,
    options: WriteOptions,
    current?: Stored,
  ): { readonly json: string } {
    if (current !== undefined) {
      const same = withRevision(object, current.revision);
      if (same === current.json || options.dryRun === true) return { json: same };
    } else if (options.dryRun === true) {
      return { json: JSON.stringify(canonical(object)) };
    }
    return this.#store.put(resource, key, (revision) => withRevision(object, revision));
  }

  #empty(namespace: string): void {
    for (const resource of resources) {
      if (!resource.namespaced) continue;
      const store = this.#store;
      const range = { prefix: `${namespace}/`, after: '', revision: store.revision };
      const found = store.snapshot(resource, range);
      for (const key of found?.keys.slice(found.start, found.end) ?? []) {
        const stored = store.get(resource, key);
        if (stored !== undefined)
          store.remove(resource, key, (revision) => withRevision(readStored(stored), revision));
      }
    }
  }
}

function otherName(given: string, name: string): KubernetesFailure {
  return badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}

function otherNamespace(): KubernetesFailure {
  return badRequest('the namespace of the provided object does not match the namespace sent on the request');
}
