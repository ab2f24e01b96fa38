// What the monitor serves: probes, metrics, and its state for people. Reads only, and bounded in every direction, so
// that nobody who reaches the port can hold the monitor up.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { errorText } from '../log/error-text.ts';
import { namesCredential } from '../log/fields.ts';
import { EventStream, type Sections } from './event-stream.ts';
import type { Health, Verdict } from './health.ts';
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

const maxConnections = 256;
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const idleTimeoutMs = 15_000;
const maxHeaderBytes = 16_384;
const closeMs = 500;

/** Rejects with an error that says what to change when it cannot listen. */
export async function startHttpEndpoints(options: HttpEndpointOptions): Promise<HttpEndpoints> {
  const site: Site = { routes: routesOf(options), events: new EventStream(() => sectionsOf(options)) };
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: maxHeaderBytes,
    },
    (request, response) => {
      void answer(site, request, response);
    },
  );
  server.maxConnections = maxConnections;
  server.setTimeout(idleTimeoutMs);
  await listen(server, options.listen);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.listen.port,
    close: async () => {
      site.events.close();
      await close(server);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

type Route = () => Answer | Promise<Answer>;

interface Site {
  readonly routes: ReadonlyMap<string, Route>;
  /** Served on eventsPath. */
  readonly events: EventStream;
}

const eventsPath = '/events';
const plainText = 'text/plain; charset=utf-8';

/** For everything that is not the page. */
const commonHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

function routesOf({ health, metricsText, status }: HttpEndpointOptions): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>([
    ['/healthz', () => verdictAnswer(health.live())],
    ['/readyz', () => verdictAnswer(health.ready())],
    [
      '/metrics',
      async () => ({
        status: 200,
        type: 'text/plain; version=0.0.4; charset=utf-8',
        body: await metricsText(),
      }),
    ],
    [
      '/statusz',
      () => ({
        status: 200,
        type: 'application/json; charset=utf-8',
        body: `${JSON.stringify(status(), withoutCredentials, 2)}\n`,
      }),
    ],
  ]);
  const headers = { 'content-security-policy': pagePolicy };
  for (const { path, type, body } of readStatusPage())
    routes.set(path, () => ({ status: 200, type, body, headers }));
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
  const { status, type, body, headers } = answered;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...commonHeaders,
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Null when events are being sent. */
async function answerTo(
  { routes, events }: Site,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | null> {
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, type: plainText, body: 'only GET and HEAD\n', headers: { allow: 'GET, HEAD' } };
  const [path = '/'] = (request.url ?? '/').split('?');
  try {
    if (path === eventsPath) return method === 'HEAD' ? noEvents : sendEvents(events, response);
    const route = routes.get(path);
    if (route !== undefined) return await route();
    const known = [...routes.keys(), eventsPath].toSorted().join(', ');
    return { status: 404, type: plainText, body: `there are ${known}\n` };
  } catch (error) {
    return { status: 500, type: plainText, body: `cannot answer: ${errorText(error)}\n` };
  }
}

const noEvents: Answer = { status: 200, type: 'text/event-stream; charset=utf-8', body: '' };

function sendEvents(events: EventStream, response: ServerResponse): Answer | null {
  if (events.open(response, commonHeaders)) return null;
  return {
    status: 503,
    type: plainText,
    body: 'too many look at the status page; /statusz has the same\n',
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
  // A listening socket reports what it cannot accept (no file descriptors left, say); it goes on listening.
  server.on('error', () => {});
}

async function close(server: Server): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), closeMs);
  await closed.promise;
  clearTimeout(timer);
}
