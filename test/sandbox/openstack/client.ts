// A bare client of Keystone and Nova: it sends what a test says and hands back all that came.

import { Agent, request } from 'undici';
import * as v from 'valibot';

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Parsed text; the text itself where it is no JSON. */
  readonly body: unknown;
}

export interface Sent {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly headers?: Record<string, string>;
  /** Sent as it is when it is a text, else as JSON. */
  readonly body?: unknown;
}

export type LoginScope = 'unscoped' | { project: { id: string } } | { domain: { id: string } };

const listSchema = v.object({
  servers: v.array(v.record(v.string(), v.unknown())),
  servers_links: v.optional(v.array(v.object({ rel: v.string(), href: v.string() }))),
});
const catalogSchema = v.object({
  token: v.object({
    catalog: v.array(
      v.object({
        type: v.string(),
        endpoints: v.array(v.object({ interface: v.string(), url: v.string() })),
      }),
    ),
  }),
});

export type ServerRecord = Record<string, unknown>;

export class BareClient {
  readonly #agent = new Agent({ headersTimeout: 20_000, bodyTimeout: 20_000, connect: { timeout: 5_000 } });

  async send(url: string, sent: Sent = {}): Promise<Received> {
    const { method = 'GET', headers = {}, body } = sent;
    const response = await request(url, {
      dispatcher: this.#agent,
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      signal: AbortSignal.timeout(20_000),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, text, body: parsed(text) };
  }

  login(keystone: string, user: { userId: string; password: string }, scope?: LoginScope): Promise<Received> {
    const password = { user: { id: user.userId, password: user.password } };
    const auth = { identity: { methods: ['password'], password }, ...(scope === undefined ? {} : { scope }) };
    return this.send(`${keystone}/v3/auth/tokens`, { method: 'POST', body: { auth } });
  }

  /** All pages from `url` on. */
  async pages(url: string, headers: Record<string, string>): Promise<ServerRecord[][]> {
    const pages: ServerRecord[][] = [];
    for (let next: string | undefined = url; next !== undefined; ) {
      const page: v.InferOutput<typeof listSchema> = serverList(await this.send(next, { headers }));
      pages.push(page.servers);
      next = page.servers_links?.find((link) => link.rel === 'next')?.href;
      if (pages.length > 1000) throw new Error('the list does not end');
    }
    return pages;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

export function tokenOf(login: Received): string {
  const token = login.headers['x-subject-token'];
  if (login.status !== 201 || typeof token !== 'string')
    throw new Error(`no token: ${login.status} ${login.text}`);
  return token;
}

export function computeUrlOf(login: Received): string {
  const { token } = v.parse(catalogSchema, login.body);
  const compute = token.catalog.find((service) => service.type === 'compute');
  const endpoint = compute?.endpoints.find((each) => each.interface === 'public');
  if (endpoint === undefined) throw new Error('no compute endpoint');
  return endpoint.url;
}

export function serverList(received: Received): v.InferOutput<typeof listSchema> {
  if (received.status !== 200) throw new Error(`no list: ${received.status} ${received.text}`);
  return v.parse(listSchema, received.body);
}

export function namesOf(servers: readonly ServerRecord[]): string[] {
  return servers.map((server) => String(server['name']));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
