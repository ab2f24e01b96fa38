// Ironic of the sandbox: the list of nodes, as Ironic 21.4 answers it.

import type { Accounts, Token } from './accounts.ts';
import { type Answer, type CloudRequest, header, jsonAnswer, tokenRefused } from './answer.ts';
import type { Json } from './json.ts';
import type { CloudNode, Nodes } from './nodes.ts';
import { baremetalPath, type Match } from './routes.ts';

export interface IronicOptions {
  readonly accounts: Accounts;
  readonly nodes: Nodes;
  /** Of the whole cloud, without a trailing slash. */
  readonly endpoint: string;
  /** Nodes on a page, at most. */
  readonly maxLimit: number;
}

const newestMinor = 82;
/** Minor versions from which on there are provision states, and a choice of fields. */
const since = { provisionState: 2, fields: 8 } as const;
const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

export class Ironic {
  readonly #options: IronicOptions;

  constructor(options: IronicOptions) {
    this.#options = options;
  }

  answer(match: Match, request: CloudRequest): Answer {
    const minor = minorOf(request);
    if (match.route === 'GET /baremetal') return jsonAnswer(200, this.#versions());
    const token = this.#options.accounts.token(header(request, 'x-auth-token'));
    if (token === null) return this.unauthorized();
    if (minor === null || minor > newestMinor)
      return fault(
        406,
        `Version is not supported by this service. The supported range is: [1.1, 1.${newestMinor}].`,
      );
    if (match.route !== 'GET /v1/nodes') return fault(404, 'Not Found');
    return this.#list(request, token, minor);
  }

  unauthorized(): Answer {
    return tokenRefused(this.#options.endpoint);
  }

  #list(request: CloudRequest, token: Token, minor: number): Answer {
    if (token.scope.kind !== 'project')
      return fault(403, 'Access was denied to the following resource: baremetal:node:list_all');
    const { query } = request;
    const instance = query.get('instance_uuid');
    if (instance !== null && !uuid.test(instance))
      return fault(400, `Expected UUID for instance_uuid: ${instance}`);
    const fields = query.get('fields')?.split(',') ?? null;
    if (fields !== null && minor < since.fields) return fault(406, 'Request not acceptable.');
    // Everybody may ask, and all but administrators see nothing.
    const visible = token.roles.includes('admin') ? this.#options.nodes.all() : [];
    const associated = query.get('associated')?.toLowerCase();
    const found = visible.filter(
      ({ serverId }) =>
        (instance === null || serverId === instance) &&
        (associated === undefined || (serverId !== null) === (associated === 'true')),
    );
    return this.#page(found, request, fields ?? usualFields(minor));
  }

  #page(found: readonly CloudNode[], { query }: CloudRequest, fields: readonly string[]): Answer {
    const { maxLimit, endpoint } = this.#options;
    const limit = Math.min(Number(query.get('limit') ?? maxLimit), maxLimit);
    const marker = query.get('marker');
    const start = marker === null ? 0 : found.findIndex(({ id }) => id === marker) + 1;
    const page = found.slice(start, start + limit);
    const last = page.at(-1);
    const nodes = page.map((node) => record(node, fields, this.#root));
    if (page.length < limit || last === undefined) return jsonAnswer(200, { nodes });
    const next = new URLSearchParams(query);
    next.set('limit', String(limit));
    next.set('marker', last.id);
    return jsonAnswer(200, { nodes, next: `${endpoint}${baremetalPath}/v1/nodes?${next.toString()}` });
  }

  get #root(): string {
    return `${this.#options.endpoint}${baremetalPath}`;
  }

  #versions(): Json {
    const version = {
      id: 'v1',
      links: [{ href: `${this.#root}/v1/`, rel: 'self' }],
      status: 'CURRENT',
      min_version: '1.1',
      version: `1.${newestMinor}`,
    };
    return { name: 'OpenStack Ironic API', default_version: version, versions: [version] };
  }
}

function usualFields(minor: number): readonly string[] {
  const fields = ['uuid', 'instance_uuid', 'maintenance', 'power_state'];
  return minor < since.provisionState ? fields : [...fields, 'provision_state', 'name'];
}

function record(node: CloudNode, fields: readonly string[], root: string): Json {
  const values: Readonly<Record<string, Json>> = {
    uuid: node.id,
    instance_uuid: node.serverId,
    maintenance: false,
    power_state: node.serverId === null ? 'power off' : 'power on',
    provision_state: node.provisionState,
    name: node.name,
  };
  const shown = fields.flatMap((field): [string, Json][] => {
    const value = values[field];
    return value === undefined ? [] : [[field, value]];
  });
  const links = [
    { href: `${root}/v1/nodes/${node.id}`, rel: 'self' },
    { href: `${root}/nodes/${node.id}`, rel: 'bookmark' },
  ];
  return { ...Object.fromEntries<Json>(shown), links };
}

/** No header means 1.1; null for one that cannot be read. */
function minorOf(request: CloudRequest): number | null {
  const asked = header(request, 'x-openstack-ironic-api-version');
  if (asked === null) return 1;
  if (asked === 'latest') return newestMinor;
  const match = /^1\.(\d+)$/.exec(asked);
  return match === null ? null : Number(match[1]);
}

/** Ironic wraps its faults, as text, in an object of their own. */
function fault(status: number, message: string): Answer {
  const inner = { faultcode: 'Client', faultstring: message, debuginfo: null };
  return jsonAnswer(status, { error_message: JSON.stringify(inner) });
}
