// Nova of the sandbox: version documents, server lists and records, actions, flavors.

import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import type { Accounts, Token } from './accounts.ts';
import { type ActionName, actions, isActionName, refusal } from './actions.ts';
import {
  type Answer,
  bodyAnswer,
  type CloudRequest,
  emptyAnswer,
  header,
  jsonAnswer,
  novaFault,
  tokenRefused,
} from './answer.ts';
import { type CloudFlavor, flavorRecord } from './flavors.ts';
import type { Fleet } from './fleet.ts';
import { type Json, toJson } from './json.ts';
import { parseLimit, parseListQuery } from './list-query.ts';
import { negotiate, versionHeaders } from './microversion.ts';
import { computePath, type Match } from './routes.ts';
import type { CloudServer, ServerChanges } from './server.ts';
import { listShape, partialRecord, type RecordOptions, serverRecord } from './server-record.ts';

export interface NovaOptions {
  readonly accounts: Accounts;
  readonly fleet: Fleet;
  readonly flavors: ReadonlyMap<string, CloudFlavor>;
  /** Of the whole cloud, without a trailing slash. */
  readonly endpoint: string;
  readonly maxLimit: number;
  readonly microversionMax: string;
  readonly faultsInLists: boolean;
  /** What a request changes goes through the cloud, which knows the time. */
  readonly perform: (server: CloudServer, action: ActionName) => void;
  readonly rebuild: (server: CloudServer, imageId: string) => void;
  readonly reset: (server: CloudServer, changes: ServerChanges) => void;
  readonly delete: (server: CloudServer) => void;
}

interface Context {
  readonly request: CloudRequest;
  readonly token: Token;
  readonly minor: number;
  readonly admin: boolean;
  /** Null for a token without a project. */
  readonly projectId: string | null;
}

const actionSchema = v.record(v.string(), v.unknown());
const rebuildSchema = v.object({ imageRef: v.string() });
const resetStateSchema = v.object({ state: v.picklist(['active', 'error']) });

export class Nova {
  readonly #options: NovaOptions;
  readonly #root: string;

  constructor(options: NovaOptions) {
    this.#options = options;
    this.#root = `${options.endpoint}${computePath}`;
  }

  answer(match: Match, request: CloudRequest): Answer {
    if (match.route === 'GET /compute') return this.#versions(request);
    const token = this.#options.accounts.token(header(request, 'x-auth-token'));
    if (token === null) return this.unauthorized();
    const minor = negotiate(request, this.#options.microversionMax);
    if (typeof minor !== 'number') return minor;
    if (match.route === 'other') return novaFault(404, 'The resource could not be found.');
    const answer = this.#authorized(match, {
      request,
      token,
      minor,
      admin: token.roles.includes('admin'),
      projectId: token.scope.kind === 'project' ? token.scope.projectId : null,
    });
    return { ...answer, headers: { ...answer.headers, ...requestId(), ...versionHeaders(`2.${minor}`) } };
  }

  /** Writes the list records of all servers at microversion 2.`minor`. */
  warm(minor: number): void {
    for (const server of this.#options.fleet.servers()) this.#listRecord(server, minor);
  }

  unauthorized(): Answer {
    return tokenRefused(this.#options.endpoint, requestId());
  }

  #authorized(match: Match, context: Context): Answer {
    const { route } = match;
    if (route === 'GET /servers/detail') return this.#list(context);
    if (route === 'GET /flavors/detail') return this.#flavors(context);
    const server = match.id === null ? undefined : this.#options.fleet.get(match.id);
    const visible = context.admin || server?.projectId === context.projectId;
    if (server === undefined || server.status === 'DELETED' || !visible)
      return novaFault(404, `Instance ${match.id} could not be found.`);
    if (route === 'GET /servers/{id}') return this.#show(server, context);
    if (route === 'POST /servers/{id}/action') return this.#act(server, context);
    this.#options.delete(server);
    return emptyAnswer(204);
  }

  #list(context: Context): Answer {
    const { request, minor } = context;
    const { fleet, maxLimit } = this.#options;
    const query = parseListQuery(request.query, { minor, admin: context.admin, maxLimit });
    if ('body' in query) return query;
    // A token without a project is not refused. Its queries fail in every cell, so it sees nothing, or the partial
    // records of all projects.
    const blind = context.projectId === null;
    if (blind && query.marker !== null) return jsonAnswer(200, { servers: [] });
    const page = fleet.page(query, query.allTenants ? query.projectId : context.projectId, blind);
    if (page === null) return novaFault(400, `marker [${query.marker}] not found`);
    const parts: Buffer[] = [Buffer.from('{"servers": [')];
    const add = (record: Buffer): void => {
      if (parts.length > 1) parts.push(separator);
      parts.push(record);
    };
    for (const server of page.partial)
      add(encoded(partialRecord(server, this.#recordOptions(server, minor, 'list'))));
    for (const server of page.servers) add(this.#listRecord(server, minor));
    parts.push(Buffer.from(`]${this.#nextLink('servers', request, page.next)}}`));
    return bodyAnswer(200, Buffer.concat(parts));
  }

  #listRecord(server: CloudServer, minor: number): Buffer {
    return this.#options.fleet.record(server, listShape(minor), () =>
      encoded(serverRecord(server, this.#recordOptions(server, minor, 'list'))),
    );
  }

  #show(server: CloudServer, { minor }: Context): Answer {
    const options = this.#recordOptions(server, minor, 'show');
    if (!server.cellDown) return jsonAnswer(200, { server: serverRecord(server, options) });
    if (minor < 69)
      return novaFault(500, 'Unexpected API Error. Please report this to the operator of the cloud.');
    return jsonAnswer(200, { server: partialRecord(server, options) });
  }

  #act(server: CloudServer, context: Context): Answer {
    const body = parseBody(context.request.body);
    const name = body === null ? undefined : Object.keys(body)[0];
    if (body === null || name === undefined) return novaFault(400, 'Malformed request body');
    if (name === 'os-resetState') {
      if (!context.admin)
        return novaFault(
          403,
          "Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.",
        );
      const reset = v.safeParse(resetStateSchema, body[name]);
      if (!reset.success) return novaFault(400, 'Invalid input for field/attribute os-resetState.');
      // As in Nova, the power state stays what it was: only the record is changed.
      const { powerState } = server;
      this.#options.reset(server, { status: reset.output.state.toUpperCase(), powerState });
      return emptyAnswer(202);
    }
    if (name === 'rebuild') return this.#rebuild(server, body[name], context);
    if (!isActionName(name)) return novaFault(400, `There is no such action: ${name}`);
    const refused = refusal(server, actions[name]);
    if (refused !== null) return novaFault(409, refused);
    this.#options.perform(server, name);
    return emptyAnswer(202);
  }

  #rebuild(server: CloudServer, arguments_: unknown, context: Context): Answer {
    const parsed = v.safeParse(rebuildSchema, arguments_);
    if (!parsed.success) return novaFault(400, 'Invalid input for field/attribute rebuild.');
    const refused = refusal(server, { verb: 'rebuild', from: ['active', 'stopped', 'error'] });
    if (refused !== null) return novaFault(409, refused);
    this.#options.rebuild(server, parsed.output.imageRef);
    const { body } = this.#show(this.#options.fleet.get(server.id) ?? server, context);
    return bodyAnswer(202, body);
  }

  #flavors(context: Context): Answer {
    const { request, minor } = context;
    const limit = parseLimit(request.query, this.#options.maxLimit);
    if (typeof limit !== 'number') return limit;
    for (const name of request.query.keys())
      if (minor >= 75 && !flavorParameters.has(name))
        return novaFault(400, `Additional properties are not allowed ('${name}' was unexpected)`);
    const isPublic = context.admin ? request.query.get('is_public')?.toLowerCase() : undefined;
    const key = request.query.get('sort_key') === 'name' ? 'name' : 'id';
    const flavors = [...this.#options.flavors.values()]
      .filter((flavor) => isPublic === 'none' || flavor.public === (isPublic !== 'false'))
      .toSorted((a, b) => (a[key] < b[key] ? -1 : 1));
    const marker = request.query.get('marker');
    const start = marker === null ? 0 : flavors.findIndex((flavor) => flavor.id === marker) + 1;
    if (marker !== null && start === 0) return novaFault(400, `marker [${marker}] not found`);
    const page = flavors.slice(start, start + limit);
    const next = limit > 0 && page.length === limit ? (page.at(-1)?.id ?? null) : null;
    const records = page.map((flavor) => toJson(flavorRecord(flavor, minor, this.#root)));
    const link = this.#nextLink('flavors', request, next);
    return bodyAnswer(200, Buffer.from(`{"flavors": [${records.join(', ')}]${link}}`, 'latin1'));
  }

  /** As in Nova: the query's parameters by name, the marker in the place of the one before or at the end. */
  #nextLink(collection: 'servers' | 'flavors', request: CloudRequest, next: string | null): string {
    if (next === null) return '';
    const parameters = new URLSearchParams([...request.query].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    parameters.set('marker', next);
    const href = `${this.#options.endpoint}${request.path}?${parameters.toString()}`;
    return `, "${collection}_links": ${toJson([{ rel: 'next', href }])}`;
  }

  #recordOptions(server: CloudServer, minor: number, view: 'list' | 'show'): RecordOptions {
    const flavor = this.#options.flavors.get(server.flavorId);
    if (flavor === undefined) throw new Error(`the sandbox's cloud has no flavor ${server.flavorId}`);
    return { minor, view, flavor, computeRoot: this.#root, faultInList: this.#options.faultsInLists };
  }

  #versions(request: CloudRequest): Answer {
    const newest = this.#options.microversionMax;
    const version = {
      id: 'v2.1',
      status: 'CURRENT',
      version: newest,
      min_version: '2.1',
      updated: '2013-07-23T11:33:21Z',
      links: [{ rel: 'self', href: `${this.#root}/v2.1/` }],
    };
    if (!request.path.startsWith(`${computePath}/v2.1`)) {
      const links = [{ rel: 'self', href: `${this.#root}/v2/` }];
      const older = { ...version, id: 'v2.0', status: 'SUPPORTED', version: '', min_version: '', links };
      return jsonAnswer(200, { versions: [older, version] });
    }
    const minor = negotiate(request, newest);
    if (typeof minor !== 'number') return minor;
    return jsonAnswer(
      200,
      {
        version: {
          ...version,
          links: [
            ...version.links,
            { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
          ],
          'media-types': [
            { base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' },
          ],
        },
      },
      { ...requestId(), ...versionHeaders(`2.${minor}`) },
    );
  }
}

const separator = Buffer.from(', ');
const flavorParameters = new Set([
  'limit',
  'marker',
  'is_public',
  'minRam',
  'minDisk',
  'sort_key',
  'sort_dir',
]);

function encoded(value: Json): Buffer {
  return Buffer.from(toJson(value), 'latin1');
}

function parseBody(body: Buffer): Record<string, unknown> | null {
  try {
    const parsed = v.safeParse(actionSchema, JSON.parse(body.toString()));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

function requestId(): Record<string, string> {
  const id = `req-${randomUUID()}`;
  return { 'x-openstack-request-id': id, 'x-compute-request-id': id };
}
