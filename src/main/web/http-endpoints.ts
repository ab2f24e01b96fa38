// What the monitor serves: probes, metrics, and its state for people. It only reads, and it is bounded in every direction,
// so that no client of the port can hold up the monitor, or keep a probe from its answer: what takes time to render is
// rendered once at a time for all (SharedRendering), a connection is answered one request at a time (Connection), idle
// ones give way (Connections), and slow readers share a bounded amount of memory (AnswersUnderWay).

import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:net';
import { errorText } from '../log/error-text.ts';
import { namesCredential } from '../log/fields.ts';
import { AnswersUnderWay } from './answers-under-way.ts';
import { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import { EventStream, type Sections } from './event-stream.ts';
import type { Health, Verdict } from './health.ts';
import { SharedRendering } from './shared-rendering.ts';
import { pagePolicy, readStatusPage } from './status-page.ts';

export interface HttpEndpointOptions {
  /** Port 0 takes any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly health: Pick<Health, 'live' | 'ready'>;
  readonly metricsText: () => Promise<string>;
  /** The monitor's state, in sections, as JSON can hold them. */
  readonly status: () => Readonly<Record<string, unknown>>;
}

export interface HttpEndpoints {
  readonly port: number;
  /** Ends within a second, whatever the clients do. */
  close(): Promise<void>;
}

const maxHeaderBytes = 16_384;
const closeMs = 500;

/** Rejects with an error that says what to change when it cannot listen. */
export async function startHttpEndpoints(options: HttpEndpointOptions): Promise<HttpEndpoints> {
  const site: Site = {
    routes: routesOf(options),
    events: new EventStream(() => sectionsOf(options)),
    underWay: new AnswersUnderWay(),
  };
  // It is handed connections, and does not listen itself.
  const http = createHttpServer({ maxHeaderSize: maxHeaderBytes }, (request, response) => {
    const { socket } = request;
    if (socket instanceof Connection) socket.begin(response);
    if (!socket.destroyed) void answer(site, request, response);
  });
  const connections = new Connections();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    http.emit('connection', connections.accept(socket));
  });
  await listen(server, options.listen);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.listen.port,
    close: async () => {
      site.events.close();
      await close(server, connections);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

type Route = () => Answer | Promise<Answer>;

interface Site {
  readonly routes: ReadonlyMap<string, Route>;
  /** Served on eventsPath. */
  readonly events: EventStream;
  readonly underWay: AnswersUnderWay;
}

const eventsPath = '/events';
const plainText = 'text/plain; charset=utf-8';
const prometheusText = 'text/plain; version=0.0.4; charset=utf-8';
const jsonText = 'application/json; charset=utf-8';

/** For everything that is not the page. */
const commonHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

function routesOf({ health, metricsText, status }: HttpEndpointOptions): ReadonlyMap<string, Route> {
  const metrics = new SharedRendering(async () => Buffer.from(await metricsText()));
  const state = new SharedRendering(() =>
    Buffer.from(`${JSON.stringify(status(), withoutCredentials, 2)}\n`),
  );
  const routes = new Map<string, Route>([
    ['/healthz', () => verdictAnswer(health.live())],
    ['/readyz', () => verdictAnswer(health.ready())],
    ['/metrics', async () => ({ status: 200, type: prometheusText, body: await metrics.get() })],
    ['/statusz', async () => ({ status: 200, type: jsonText, body: await state.get() })],
  ]);
  const headers = { 'content-security-policy': pagePolicy };
  for (const { path, type, body } of readStatusPage()) {
    const bytes = Buffer.from(body);
    routes.set(path, () => ({ status: 200, type, body: bytes, headers }));
  }
  return routes;
}

function sectionsOf({ status }: HttpEndpointOptions): Sections {
  const entries = Object.entries(status());
  return new Map(
    entries.map(([name, value]) => [name, JSON.stringify({ [name]: value }, withoutCredentials)]),
  );
}

function verdictAnswer({ ok, detail }: Verdict): Answer {
  return { status: ok ? 200 : 503, type: plainText, body: `${detail.replace(/\s+/g, ' ')}\n` };
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answered = await answerTo(site, request, response);
  if (answered === null) return;
  const { status, type, headers } = answered;
  const body = typeof answered.body === 'string' ? Buffer.from(answered.body) : answered.body;
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    ...commonHeaders,
    ...headers,
  });
  if (request.method === 'HEAD') response.end();
  else site.underWay.send(response, body);
}

/** Null when events are being sent. */
async function answerTo(
  { routes, events }: Site,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | null> {
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD')
    return {
      status: 405,
      type: plainText,
      body: 'method not allowed; use GET or HEAD\n',
      headers: { allow: 'GET, HEAD' },
    };
  const [path = '/'] = (request.url ?? '/').split('?');
  try {
    if (path === eventsPath) return method === 'HEAD' ? noEvents : await sendEvents(events, response);
    const route = routes.get(path);
    if (route !== undefined) return await route();
    const known = [...routes.keys(), eventsPath].toSorted().join(', ');
    return { status: 404, type: plainText, body: `not found; available: ${known}\n` };
  } catch (error) {
    return { status: 500, type: plainText, body: `cannot answer: ${errorText(error)}\n` };
  }
}

const noEvents: Answer = { status: 200, type: 'text/event-stream; charset=utf-8', body: '' };

async function sendEvents(events: EventStream, response: ServerResponse): Promise<Answer | null> {
  if (await events.open(response, commonHeaders)) return null;
  return {
    status: 503,
    type: plainText,
    body: 'too many open status pages; use /statusz\n',
    headers: { 'retry-after': '30' },
  };
}

/** A safety net: what makes the status leaves credentials out. */
function withoutCredentials(name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  const kept = typeof value === 'number' || typeof value === 'boolean' || value === null;
  return namesCredential(name) && !kept ? '[redacted]' : value;
}

const listenHints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address in use; choose another --listen',
  EACCES: 'not allowed; choose a port above 1023 with --listen',
  EADDRNOTAVAIL: 'no such address on this machine; choose another --listen',
  ENOTFOUND: 'no such host name; choose another --listen',
};

async function listen(server: Server, { host, port }: HttpEndpointOptions['listen']): Promise<void> {
  const started = Promise.withResolvers<void>();
  server.once('error', started.reject);
  server.listen({ host, port }, started.resolve);
  try {
    await started.promise;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = listenHints[code] ?? errorText(error);
    throw new Error(`cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}: ${reason}`, {
      cause: error,
    });
  }
  server.off('error', started.reject);
  // A listening socket reports what it cannot accept (no file descriptors left, say) and keeps listening.
  server.on('error', () => {});
}

async function close(server: Server, connections: Connections): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  connections.closeIdle();
  const timer = setTimeout(() => connections.closeAll(), closeMs);
  await closed.promise;
  clearTimeout(timer);
}
