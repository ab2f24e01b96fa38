// The floor: a bare client, in a process of its own, that does only what no monitor can leave out. It downloads and
// parses the same pages with the same concurrency, and sends the same patches.

import { createInterface } from 'node:readline';
import pLimit from 'p-limit';
import { Pool } from 'undici';
import * as v from 'valibot';
import { loadClusterAccess } from '../src/main/kubernetes/access/config.ts';
import { resourcePath } from '../src/main/kubernetes/client.ts';

const projectSchema = v.object({
  domainId: v.string(),
  userId: v.string(),
  password: v.string(),
  projectId: v.string(),
});
const commandSchema = v.variant('command', [
  /** Logs in everywhere. */
  v.object({
    command: v.literal('login'),
    concurrency: v.number(),
    clouds: v.array(v.object({ endpoint: v.string(), projects: v.array(projectSchema) })),
  }),
  /** Lists all servers of all projects of the first `clouds` clouds. */
  v.object({ command: v.literal('list'), clouds: v.number() }),
  /** Writes this status to all Server objects of a namespace. */
  v.object({
    command: v.literal('patch'),
    kubeconfig: v.string(),
    namespace: v.string(),
    concurrency: v.number(),
    status: v.record(v.string(), v.unknown()),
  }),
]);
type Command = v.InferOutput<typeof commandSchema>;
type CloudLogin = Extract<Command, { command: 'login' }>['clouds'][number];

const pageSchema = v.object({
  servers: v.array(v.unknown()),
  servers_links: v.optional(v.array(v.object({ href: v.string() }))),
});
const microversion = '2.90';

interface Project {
  readonly token: string;
  /** Path of the first page. */
  readonly path: string;
}

interface Page {
  readonly servers: number;
  /** Query of the next page; null on the last. */
  readonly next: string | null;
}

class Cloud {
  readonly #pool: Pool;
  readonly #concurrency: number;
  #projects: readonly Project[] = [];

  constructor(endpoint: string, concurrency: number) {
    this.#pool = new Pool(endpoint, { connections: concurrency, keepAliveTimeout: 600_000 });
    this.#concurrency = concurrency;
  }

  async login(projects: CloudLogin['projects']): Promise<void> {
    const limit = pLimit(this.#concurrency);
    this.#projects = await Promise.all(
      projects.map(async (project) => limit(async () => this.#session(project))),
    );
  }

  async list(): Promise<{ requests: number; servers: number }> {
    const limit = pLimit(this.#concurrency);
    const total = { requests: 0, servers: 0 };
    const all = async (project: Project): Promise<void> => {
      for (let query: string | null = ''; query !== null; ) {
        const page: Page = await this.#page(project, query);
        total.requests += 1;
        total.servers += page.servers;
        query = page.next;
      }
    };
    await Promise.all(this.#projects.map(async (project) => limit(async () => all(project))));
    return total;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #page({ token, path }: Project, query: string): Promise<Page> {
    const headers = { 'x-auth-token': token, 'x-openstack-nova-api-version': microversion };
    const { statusCode, body } = await this.#pool.request({ method: 'GET', path: path + query, headers });
    if (statusCode !== 200) throw new Error(`a list was answered ${statusCode}`);
    const page = v.parse(pageSchema, await body.json());
    const [link] = page.servers_links ?? [];
    return { servers: page.servers.length, next: link === undefined ? null : new URL(link.href).search };
  }

  async #session({ userId, password, projectId }: CloudLogin['projects'][number]): Promise<Project> {
    const { headers, body } = await this.#pool.request({
      method: 'POST',
      path: '/v3/auth/tokens',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: { methods: ['password'], password: { user: { id: userId, password } } },
          scope: { project: { id: projectId } },
        },
      }),
    });
    const login = v.parse(loginSchema, await body.json());
    const compute = login.token.catalog.find(({ type }) => type === 'compute');
    const url = compute?.endpoints.find((endpoint) => endpoint.interface === 'public')?.url;
    if (url === undefined) throw new Error('a catalogue without a compute endpoint');
    return {
      token: String(headers['x-subject-token']),
      path: `${new URL(url).pathname}/servers/detail`,
    };
  }
}

const loginSchema = v.object({
  token: v.object({
    catalog: v.array(
      v.object({
        type: v.string(),
        endpoints: v.array(v.object({ interface: v.string(), url: v.string() })),
      }),
    ),
  }),
});

const serverSchema = v.object({ metadata: v.object({ name: v.string(), resourceVersion: v.string() }) });
const listSchema = v.object({
  items: v.array(serverSchema),
  metadata: v.object({ continue: v.optional(v.string(), '') }),
});

/** Seconds that the patches took, the list before them aside. */
async function patch(command: Extract<Command, { command: 'patch' }>): Promise<object> {
  const { namespace, concurrency, status } = command;
  const access = await loadClusterAccess({ kubeconfig: command.kubeconfig, context: '' });
  const bearer = await access.authorization();
  const headers = {
    'content-type': 'application/merge-patch+json',
    accept: 'application/json',
    ...(bearer === undefined ? {} : { authorization: bearer }),
  };
  const pool = new Pool(access.server, {
    connections: concurrency,
    connect: { ...access.tls, rejectUnauthorized: !access.skipTlsVerify },
  });
  const servers: v.InferOutput<typeof serverSchema>[] = [];
  for (let token = '', more = true; more; more = token !== '') {
    const query = { limit: '500', ...(token === '' ? {} : { continue: token }) };
    const path = resourcePath('servers', namespace);
    const { body } = await pool.request({ method: 'GET', path, headers, query });
    const page = v.parse(listSchema, await body.json());
    servers.push(...page.items);
    token = page.metadata.continue;
  }
  const startMs = performance.now();
  const queue = servers.values();
  const sendSome = async (): Promise<void> => {
    for (const { metadata } of queue) {
      const { name, resourceVersion } = metadata;
      const { statusCode, body } = await pool.request({
        method: 'PATCH',
        path: resourcePath('servers', namespace, name, 'status'),
        headers,
        body: JSON.stringify({ metadata: { resourceVersion }, status }),
      });
      await body.text();
      if (statusCode !== 200) throw new Error(`a patch was answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sendSome));
  const seconds = (performance.now() - startMs) / 1000;
  await pool.destroy();
  return { seconds, patches: servers.length };
}

let clouds: Cloud[] = [];

async function run(command: Command): Promise<object> {
  if (command.command === 'patch') return patch(command);
  if (command.command === 'login') {
    clouds = command.clouds.map(({ endpoint }) => new Cloud(endpoint, command.concurrency));
    await Promise.all(clouds.map(async (cloud, index) => cloud.login(command.clouds[index]?.projects ?? [])));
    return {};
  }
  const startMs = performance.now();
  const totals = await Promise.all(clouds.slice(0, command.clouds).map(async (cloud) => cloud.list()));
  const seconds = (performance.now() - startMs) / 1000;
  const requests = totals.reduce((sum, total) => sum + total.requests, 0);
  const servers = totals.reduce((sum, total) => sum + total.servers, 0);
  return { seconds, requests, servers };
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ ok: true, ...(await run(v.parse(commandSchema, JSON.parse(line)))) });
  } catch (error) {
    say({ ok: false, error: error instanceof Error ? error.message : String(error) });
  }
}
await Promise.all(clouds.map(async (cloud) => cloud.close()));
