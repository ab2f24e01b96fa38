// What the monitor serves: probes, metrics, and its state for people. Reads only, and bounded in every direction, so
// that nobody who reaches the port can hold the monitor up.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { errorText } from './error-text.ts';
import { namesCredential } from './log-fields.ts';

export interface Verdict {
  readonly ok: boolean;
  /** One line that says why. */
  readonly detail: string;
}

export interface Health {
  live(): Verdict;
  ready(): Verdict;
}

export interface HttpEndpointOptions {
  /** Port 0 takes any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly health: Health;
  readonly metricsText: () => Promise<string>;
  /** The monitor's state, as JSON can hold it. */
  readonly status: () => unknown;
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
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: maxHeaderBytes,
    },
    (request, response) => {
      void answer(options, request, response);
    },
  );
  server.maxConnections = maxConnections;
  server.setTimeout(idleTimeoutMs);
  await listen(server, options.listen);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.listen.port,
    close: () => close(server),
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type Route = (options: HttpEndpointOptions) => Answer | Promise<Answer>;

const plainText = 'text/plain; charset=utf-8';

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/', () => ({ status: 200, type: 'text/html; charset=utf-8', body: indexPage })],
  ['/healthz', ({ health }) => verdictAnswer(health.live())],
  ['/readyz', ({ health }) => verdictAnswer(health.ready())],
  [
    '/metrics',
    async ({ metricsText }) => ({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: await metricsText(),
    }),
  ],
  [
    '/statusz',
    ({ status }) => ({
      status: 200,
      type: 'application/json; charset=utf-8',
      body: `${JSON.stringify(status(), withoutCredentials, 2)}\n`,
    }),
  ],
]);

const indexPage = `<!doctype html>
<html lang="en"><head><title>region monitor</title></head><body>
<h1>region monitor</h1>
<ul>
<li><a href="/healthz">/healthz</a>: is it alive</li>
<li><a href="/readyz">/readyz</a>: is it ready</li>
<li><a href="/metrics">/metrics</a>: metrics, for Prometheus</li>
<li><a href="/statusz">/statusz</a>: regions, workers and polls, as JSON</li>
</ul>
</body></html>
`;

function verdictAnswer({ ok, detail }: Verdict): Answer {
  return { status: ok ? 200 : 503, type: plainText, body: `${detail.replace(/\s+/g, ' ')}\n` };
}

async function answer(
  options: HttpEndpointOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, type, body } = await answerTo(options, request);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answerTo(options: HttpEndpointOptions, request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, type: plainText, body: 'only GET and HEAD\n' };
  const [path = '/'] = (request.url ?? '/').split('?');
  const route = routes.get(path);
  if (route === undefined)
    return { status: 404, type: plainText, body: `there are ${[...routes.keys()].join(', ')}\n` };
  try {
    return await route(options);
  } catch (error) {
    return { status: 500, type: plainText, body: `cannot answer: ${errorText(error)}\n` };
  }
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
