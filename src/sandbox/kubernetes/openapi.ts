// The OpenAPI v3 documents: the index, and one document a group, by which clients tell the profiles apart.

import { createHash } from 'node:crypto';
import type { Definition } from './definitions.ts';
import { type Json, type JsonObject, parseJson } from './object.ts';
import { groupVersion, type Resource, resources } from './resources.ts';

export interface OpenApiDocument {
  readonly text: string;
  /** Changes when the text does. */
  readonly hash: string;
}

export interface OpenApi {
  /** The index, at /openapi/v3. */
  readonly index: string;
  /** By path: "/openapi/v3/apis/<group>/<version>". */
  readonly documents: ReadonlyMap<string, OpenApiDocument>;
}

/** As the real one names schemas: the group's labels in reverse. */
function schemaName(resource: Resource): string {
  return `${resource.group.split('.').toReversed().join('.')}.${resource.version}.${resource.kind}`;
}

const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const text = { type: 'string' };

function groupVersionKind({ group, version, kind }: Resource): JsonObject {
  return { group, version, kind };
}

function kindSchema(resource: Resource, definition: Definition): JsonObject {
  const spec = parseJson(JSON.stringify(definition.spec));
  const status = parseJson(JSON.stringify(definition.status));
  const metadata = { allOf: [{ $ref: `#/components/schemas/${metaName}` }] };
  return {
    type: 'object',
    required: ['spec'],
    properties: { apiVersion: text, kind: text, metadata, spec, status },
    'x-kubernetes-group-version-kind': [groupVersionKind(resource)],
  };
}

function rootOf(resource: Resource): string {
  return `${resource.group === '' ? 'api' : 'apis'}/${groupVersion(resource)}`;
}

/** kubectl asks here whether the server checks fields itself. */
function paths(resource: Resource): readonly [string, Json][] {
  const names = ['dryRun', 'fieldManager', 'fieldValidation'];
  const parameters = names.map((name) => ({ name, in: 'query', schema: text }));
  const operation = (action: string) => ({
    parameters,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': groupVersionKind(resource),
  });
  const within = resource.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `/${rootOf(resource)}${within}/${resource.plural}`;
  return [
    [collection, { post: operation('post') }],
    [`${collection}/{name}`, { put: operation('put'), patch: operation('patch') }],
  ];
}

function document(
  members: readonly Resource[],
  definitions: ReadonlyMap<string, Definition>,
): OpenApiDocument {
  const schemas: Record<string, Json> = { [metaName]: { type: 'object' } };
  for (const resource of members) {
    const definition = definitions.get(resource.kind);
    if (definition !== undefined) schemas[schemaName(resource)] = kindSchema(resource, definition);
  }
  const body = JSON.stringify({
    openapi: '3.0.0',
    info: { title: 'Kubernetes stand-in', version: 'v0.1.0' },
    paths: Object.fromEntries(members.flatMap(paths)),
    components: { schemas },
  });
  return { text: body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
}

/** The documents of a profile's definitions. */
export function openApi(definitions: ReadonlyMap<string, Definition>): OpenApi {
  const documents = new Map<string, OpenApiDocument>();
  const index: Record<string, Json> = {};
  for (const root of new Set(resources.map(rootOf))) {
    const members = resources.filter((resource) => rootOf(resource) === root);
    const path = `/openapi/v3/${root}`;
    const made = document(members, definitions);
    documents.set(path, made);
    index[root] = { serverRelativeURL: `${path}?hash=${made.hash}` };
  }
  return { index: JSON.stringify({ paths: index }), documents };
}
