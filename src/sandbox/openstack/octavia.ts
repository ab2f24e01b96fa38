// Octavia of the sandbox: the list of load balancers and the status of one, as Octavia 11.0 (Zed) answers them.

import type { Accounts, Token } from './accounts.ts';
import { type Answer, type CloudRequest, header, htmlAnswer, jsonAnswer, tokenRefused } from './answer.ts';
import type { Json } from './json.ts';
import type { CloudLoadBalancer, LoadBalancers } from './load-balancers.ts';
import { loadBalancerPath, type Match } from './routes.ts';

export interface OctaviaOptions {
  readonly accounts: Accounts;
  readonly loadBalancers: LoadBalancers;
  /** Of the whole cloud, without a trailing slash. */
  readonly endpoint: string;
  /** Load balancers on a page, at most. */
  readonly maxLimit: number;
}

const readers = ['load-balancer_member', 'load-balancer_observer'];
const paging = ['limit', 'marker', 'fields', 'sort', 'sort_key', 'sort_dir'];
/** Fields by which a list is filtered, exact matches only. */
const filters: Readonly<Record<string, (balancer: CloudLoadBalancer) => string>> = {
  project_id: ({ projectId }) => projectId,
  id: ({ id }) => id,
  name: ({ name }) => name,
  operating_status: ({ operatingStatus }) => operatingStatus,
  provisioning_status: ({ provisioningStatus }) => provisioningStatus,
};

export class Octavia {
  readonly #options: OctaviaOptions;

  constructor(options: OctaviaOptions) {
    this.#options = options;
  }

  answer(match: Match, request: CloudRequest): Answer {
    if (match.route === 'GET /load-balancer') return jsonAnswer(200, this.#versions());
    const token = this.#options.accounts.token(header(request, 'x-auth-token'));
    if (token === null) return this.unauthorized();
    if (match.route === 'GET /lbaas/loadbalancers') return this.#list(request, token);
    if (match.route === 'GET /lbaas/loadbalancers/{id}/status') return this.#status(match.id ?? '', token);
    return htmlAnswer(404, '<html><body><h1>404 Not Found</h1></body></html>\n');
  }

  unauthorized(): Answer {
    return tokenRefused(this.#options.endpoint);
  }

  #list({ query }: CloudRequest, token: Token): Answer {
    const { maxLimit, loadBalancers } = this.#options;
    const own = ownProject(token);
    const admin = token.roles.includes('admin');
    const asked = query.get('project_id');
    if (!admin && (!mayRead(token) || (asked !== null && asked !== own))) return forbidden();
    for (const name of query.keys())
      if (!paging.includes(name) && filters[name] === undefined)
        return fault(400, `Unknown parameter ${name}.`);
    const limit = query.get('limit') ?? String(maxLimit);
    if (!/^\d+$/.test(limit)) return htmlAnswer(400, '<html><body><h1>400 Bad Request</h1></body></html>\n');
    if (limit === '0') return fault(500, 'Internal error.');
    const found = loadBalancers
      .all()
      .filter((balancer) => admin || balancer.projectId === own)
      .filter((balancer) =>
        Object.entries(filters).every(([name, value]) => {
          const wanted = query.get(name);
          return wanted === null || wanted.toLowerCase() === value(balancer).toLowerCase();
        }),
      );
    return this.#page(found, query, Math.min(Number(limit), maxLimit));
  }

  /** The link to the next page loses filters and fields. */
  #page(found: readonly CloudLoadBalancer[], query: URLSearchParams, limit: number): Answer {
    const marker = query.get('marker');
    const at = marker === null ? -1 : found.findIndex(({ id }) => id === marker);
    if (marker !== null && at < 0) return fault(400, `marker ${marker} not found.`);
    const page = found.slice(at + 1, at + 1 + limit);
    const fields = query.getAll('fields');
    const last = page.at(-1);
    const href = `${this.#root}/v2.0/lbaas/loadbalancers?limit=${limit}&marker=${last?.id ?? ''}`;
    return jsonAnswer(200, {
      loadbalancers: page.map((balancer) => record(balancer, fields)),
      loadbalancers_links: last !== undefined && page.length === limit ? [{ rel: 'next', href }] : [],
    });
  }

  #status(id: string, token: Token): Answer {
    const balancer = this.#options.loadBalancers.get(id);
    if (balancer === undefined) return fault(404, `Load Balancer ${id} not found.`);
    const visible =
      token.roles.includes('admin') || (mayRead(token) && balancer.projectId === ownProject(token));
    return visible ? jsonAnswer(200, { statuses: { loadbalancer: tree(balancer) } }) : forbidden();
  }

  get #root(): string {
    return `${this.#options.endpoint}${loadBalancerPath}`;
  }

  #versions(): Json {
    const links = [{ href: `${this.#root}/v2`, rel: 'self' }];
    return {
      versions: [
        { id: 'v2.0', status: 'SUPPORTED', updated: '2016-12-11T00:00:00Z', links },
        { id: 'v2.26', status: 'CURRENT', updated: '2022-08-29T00:00:00Z', links },
      ],
    };
  }
}

function ownProject({ scope }: Token): string | null {
  return scope.kind === 'project' ? scope.projectId : null;
}

function mayRead({ roles }: Token): boolean {
  return roles.some((role) => readers.includes(role));
}

function forbidden(): Answer {
  return fault(403, 'Policy does not allow this request to be performed.');
}

function fault(status: number, message: string): Answer {
  const faultcode = status < 500 ? 'Client' : 'Server';
  return jsonAnswer(status, { faultcode, faultstring: message, debuginfo: null });
}

/** Unknown fields are left out without a word, and so may be all of them. */
function record(balancer: CloudLoadBalancer, fields: readonly string[]): Json {
  const { id, name, projectId, provisioningStatus, operatingStatus, createdMs, updatedMs } = balancer;
  const all: Readonly<Record<string, Json>> = {
    id,
    name,
    description: '',
    provisioning_status: provisioningStatus,
    operating_status: operatingStatus,
    admin_state_up: true,
    project_id: projectId,
    created_at: timeText(createdMs),
    updated_at: updatedMs === null ? null : timeText(updatedMs),
    listeners: [{ id: partId(id, 'a') }],
    pools: [{ id: partId(id, 'b') }],
    provider: 'amphora',
    tenant_id: projectId,
  };
  if (fields.length === 0) return all;
  return Object.fromEntries(Object.entries(all).filter(([field]) => fields.includes(field)));
}

function tree({ id, name, provisioningStatus, operatingStatus, members }: CloudLoadBalancer): Json {
  const both = { provisioning_status: provisioningStatus, operating_status: operatingStatus };
  const pool = {
    id: partId(id, 'b'),
    name: 'pool',
    ...both,
    members: members.map((member, index) => ({
      id: member.id,
      name: `member-${index + 1}`,
      provisioning_status: 'ACTIVE',
      operating_status: member.operatingStatus,
      address: `10.0.0.${index + 1}`,
      protocol_port: 8080,
    })),
  };
  const listeners = [{ id: partId(id, 'a'), name: 'listener', ...both, pools: [pool] }];
  return { id, name, ...both, listeners };
}

/** Of a part of a load balancer, from its id. */
function partId(id: string, letter: 'a' | 'b'): string {
  return letter + id.slice(1);
}

function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 19);
}
