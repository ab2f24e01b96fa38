// What each request is answered: no sockets here, only routes in and answers out.

import type { KubernetesAccess } from './access.ts';
import { type Answer, jsonText, plain, type TextAnswer } from './answer.ts';
import { type Incoming, objectBody, patchBody, preconditionsOf, writeOptions } from './bodies.ts';
import { discovery } from './discovery.ts';
import { badRequest, KubernetesFailure, methodNotAllowed, notFound } from './failure.ts';
import { listPage, listText } from './list.ts';
import type { JsonObject } from './object.ts';
import type { OpenApi, OpenApiDocument } from './openapi.ts';
import type { ResourceRoute } from './route.ts';
import { parseSelection } from './selectors.ts';
import type { KubernetesStore } from './store.ts';
import { type KubernetesWriter, keyOf, type Target } from './writes.ts';

export class KubernetesHandler {
  readonly #store: KubernetesStore;
  readonly #writer: KubernetesWriter;
  readonly #access: KubernetesAccess;
  readonly #openApi: () => OpenApi;
  readonly #discovery = discovery();

  constructor(options: {
    readonly store: KubernetesStore;
    readonly writer: KubernetesWriter;
    readonly access: KubernetesAccess;
    /** The documents of the definitions that are installed now. */
    readonly openApi: () => OpenApi;
  }) {
    this.#store = options.store;
    this.#writer = options.writer;
    this.#access = options.access;
    this.#openApi = options.openApi;
  }

  /** Throws a KubernetesFailure for what is refused. */
  answer(incoming: Incoming): Answer {
    const { route } = incoming;
    return route.type === 'path'
      ? this.#path(incoming, route.path, route.query)
      : this.#resource(incoming, route);
  }

  #path(incoming: Incoming, path: string, query: URLSearchParams): Answer {
    if (path === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews' && incoming.method === 'POST') {
      const body = objectBody(incoming, 'SelfSubjectAccessReview');
      return jsonText(201, JSON.stringify(this.#access.review(body)));
    }
    const known = this.#discovery.get(path);
    const health = ['/readyz', '/healthz', '/livez'].includes(path);
    const openApi = this.#openApi();
    const document = openApi.documents.get(path);
    const documented = path === '/openapi/v3' || document !== undefined;
    if (known === undefined && !health && !documented) return plain(404, '404 page not found\n');
    if (incoming.method !== 'GET')
      throw new KubernetesFailure({
        code: 405,
        reason: 'MethodNotAllowed',
        message: 'the server does not allow this method on the requested resource',
      });
    if (known !== undefined) return jsonText(200, JSON.stringify(known));
    if (health) return plain(200, 'ok');
    if (document === undefined) return plain(200, openApi.index);
    return openApiAnswer(path, document, query);
  }

  #resource(incoming: Incoming, route: ResourceRoute): Answer {
    const { resource, verb, namespace, name, subresource } = route;
    if (subresource !== '' && !(subresource === 'status' && resource.statusSubresource))
      throw notFound(resource, name);
    const path = subresource === '' ? resource.plural : `${resource.plural}/${subresource}`;
    // A single Namespace is asked for at the cluster scope in its own name.
    const scope = resource.namespaced ? namespace : name;
    this.#access.check({ verb, group: resource.group, resource: path, namespace: scope, name });
    if (verb === 'list' || verb === 'watch') return this.#collection(route);
    if (subresource === 'status' && (verb === 'create' || verb === 'delete'))
      throw methodNotAllowed(resource, verb);
    if (verb === 'create' && name !== '') throw methodNotAllowed(resource, 'create');
    if (verb === 'deletecollection') return this.#deleteCollection(route);
    if (verb === 'create') return this.#create(incoming, route);
    if (name === '') throw badRequest('name must be provided');
    const target: Target = {
      resource,
      namespace,
      name,
      ...(subresource === 'status' ? { subresource } : {}),
    };
    if (verb === 'get') {
      const stored = this.#store.get(resource, keyOf(target));
      if (stored === undefined) throw notFound(resource, name);
      return jsonText(200, stored.json);
    }
    if (verb === 'delete') return this.#delete(incoming, target, route.query);
    return this.#write(incoming, target, route.query);
  }

  #collection(route: ResourceRoute): Answer {
    const { resource, namespace, query } = route;
    // An object's own path can be watched too.
    const named =
      route.name === ''
        ? query
        : new URLSearchParams([...query, ['fieldSelector', `metadata.name=${route.name}`]]);
    const selection = parseSelection(namespace, named);
    if (route.verb === 'watch') return { kind: 'watch', request: { resource, selection, query } };
    return {
      kind: 'stream',
      chunks: listText(resource, listPage(this.#store, resource, { selection, query })),
    };
  }

  #create(incoming: Incoming, route: ResourceRoute): Answer {
    const { resource, namespace, query } = route;
    const body = objectBody(incoming, resource.kind);
    return this.#written(this.#writer.create({ resource, namespace }, body, writeOptions(query)));
  }

  #write(incoming: Incoming, target: Target, query: URLSearchParams): Answer {
    const options = writeOptions(query);
    if (incoming.method === 'PUT')
      return this.#written(this.#writer.replace(target, objectBody(incoming, target.resource.kind), options));
    return this.#written(this.#writer.patch(target, patchBody(incoming, target.resource), options));
  }

  #written(written: {
    readonly json: string;
    readonly created: boolean;
    readonly warnings: readonly string[];
  }): Answer {
    const warnings = written.warnings.map((text) => `299 - ${JSON.stringify(text)}`);
    const headers = warnings.length === 0 ? undefined : { warning: warnings };
    return jsonText(written.created ? 201 : 200, written.json, headers);
  }

  #delete(incoming: Incoming, target: Target, query: URLSearchParams): Answer {
    const preconditions = preconditionsOf(incoming.body);
    const { object, gone } = this.#writer.remove(target, {
      preconditions,
      dryRun: query.get('dryRun') === 'All',
    });
    if (!gone) return jsonText(200, JSON.stringify(object));
    const { group, plural } = target.resource;
    const status: JsonObject = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: {
        name: target.name,
        ...(group === '' ? {} : { group }),
        kind: plural,
        uid: object.metadata.uid,
      },
    };
    return jsonText(200, JSON.stringify(status));
  }

  #deleteCollection(route: ResourceRoute): Answer {
    const { resource, namespace, query } = route;
    if (!resource.namespaced) throw methodNotAllowed(resource, 'deletecollection');
    const selection = parseSelection(namespace, query);
    const page = listPage(this.#store, resource, { selection, query: new URLSearchParams() });
    for (const stored of page.items)
      this.#writer.remove({ resource, namespace, name: stored.key.slice(namespace.length + 1) });
    return { kind: 'stream', chunks: listText(resource, page) };
  }
}

function openApiAnswer(path: string, document: OpenApiDocument, query: URLSearchParams): TextAnswer {
  const etag = { etag: `"${document.hash}"` };
  const asked = query.get('hash');
  // A client with an old hash is sent to the new one, which it may keep for good.
  if (asked !== null && asked !== document.hash)
    return jsonText(301, '', { ...etag, location: `${path}?hash=${document.hash}` });
  const keep = asked === null ? 'no-cache, private' : 'public, immutable';
  return jsonText(200, document.text, { ...etag, 'cache-control': keep });
}
