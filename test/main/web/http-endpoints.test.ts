import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type HttpEndpointOptions, startHttpEndpoints } from '../../../src/main/web/http-endpoints.ts';
import { eventually } from '../../fixtures/eventually.ts';

const loopback = { host: '127.0.0.1', port: 0 };

function optionsOf(given: Partial<HttpEndpointOptions> = {}): HttpEndpointOptions {
  return {
    listen: loopback,
    health: {
      live: () => ({ ok: true, detail: 'alive' }),
      ready: () => ({ ok: false, detail: 'waits for\nthe cache of servers' }),
    },
    metricsText: async () => '# HELP x X.\n# TYPE x gauge\nx 1\n',
    status: () => ({ regions: [{ id: 'r1', token: 'hunter2', since: 5n }], secret: null }),
    ...given,
  };
}

async function start(t: ExecutionContext, given: Partial<HttpEndpointOptions> = {}): Promise<string> {
  const endpoints = await startHttpEndpoints(optionsOf(given));
  t.teardown(() => endpoints.close());
  return `http://127.0.0.1:${endpoints.port}`;
}

test('probes say yes or no, and why in one line', async (t) => {
  const base = await start(t);
  const live = await fetch(`${base}/healthz`);
  t.is(live.status, 200);
  t.is(await live.text(), 'alive\n');
  const ready = await fetch(`${base}/readyz?verbose`);
  t.is(ready.status, 503);
  t.is(await ready.text(), 'waits for the cache of servers\n');
  t.is(ready.headers.get('content-type'), 'text/plain; charset=utf-8');
});

test('metrics and state', async (t) => {
  const base = await start(t);
  const metrics = await fetch(`${base}/metrics`);
  t.is(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.is(await metrics.text(), '# HELP x X.\n# TYPE x gauge\nx 1\n');
  const status = await fetch(`${base}/statusz`);
  t.is(status.headers.get('content-type'), 'application/json; charset=utf-8');
  t.deepEqual(await status.json(), {
    regions: [{ id: 'r1', token: '[redacted]', since: '5' }],
    secret: null,
  });
  t.is(status.headers.get('x-content-type-options'), 'nosniff');
  t.is(status.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
  t.is(status.headers.get('cache-control'), 'no-store');
});

/** Addresses of a module and of all that it imports. */
async function importedFrom(url: string, known = new Set<string>()): Promise<ReadonlySet<string>> {
  if (known.has(url)) return known;
  known.add(url);
  const text = await (await fetch(url)).text();
  for (const [, path = ''] of text.matchAll(/ from '([^']+)';/g))
    await importedFrom(new URL(path, url).href, known);
  return known;
}

test('the page is of files that are served, asks for nothing else, and allows nothing inline', async (t) => {
  const base = await start(t);
  const index = await fetch(`${base}/`);
  t.is(index.headers.get('content-type'), 'text/html; charset=utf-8');
  const policy = index.headers.get('content-security-policy') ?? '';
  t.regex(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
  t.notRegex(policy, /unsafe|\*|http/);
  const page = await index.text();
  t.notRegex(page, /<style|<script(?![^>]*src=)|\sstyle=|\son\w+=/);
  const named = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path = '']) => path);
  t.true(named.includes('status.js') && named.includes('statusz'));
  for (const path of named) {
    // Relative, so that the page works behind a proxy that adds a prefix.
    t.regex(path, /^[a-z]/);
    const { status } = await fetch(`${base}/${path}`);
    t.is(status, path === 'readyz' ? 503 : 200, path);
  }
  const modules = await importedFrom(`${base}/status.js`);
  t.true(modules.has(`${base}/elements.js`));
  for (const module of modules) {
    const { status, headers } = await fetch(module);
    t.is(status, 200, module);
    t.is(headers.get('content-type'), 'text/javascript; charset=utf-8', module);
  }
});

test('only GET and HEAD, only what is there', async (t) => {
  const base = await start(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await fetch(`${base}/healthz`, { method });
    t.is(response.status, 405, method);
    t.is(response.headers.get('allow'), 'GET, HEAD');
  }
  const head = await fetch(`${base}/healthz`, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(await head.text(), '');
  t.is(head.headers.get('content-length'), '6');
  const missing = await fetch(`${base}/nothing`);
  t.is(missing.status, 404);
  t.is(
    await missing.text(),
    'not found; available: /, /elements.js, /events, /healthz, /icon.svg, /metrics, /problems.js, /readyz, ' +
      '/regions.js, /shards.js, /status.css, /status.js, /statusz, /tables.css, /times.js, /transitions.js, /words.js, /workers.js\n',
  );
});

test('a source that fails is a 500 with the reason, and the next request is served', async (t) => {
  const base = await start(t, {
    metricsText: async () => {
      throw new Error('the reader is shut down');
    },
    health: {
      live: () => {
        throw new Error('no clock');
      },
      ready: () => ({ ok: true, detail: 'ready' }),
    },
  });
  const failed = await fetch(`${base}/metrics`);
  t.is(failed.status, 500);
  t.is(await failed.text(), 'cannot answer: the reader is shut down\n');
  t.is((await fetch(`${base}/healthz`)).status, 500);
  t.is((await fetch(`${base}/readyz`)).status, 200);
});

test('a port in use is an error that says what to do', async (t) => {
  const base = await start(t);
  const port = Number(new URL(base).port);
  await t.throwsAsync(startHttpEndpoints(optionsOf({ listen: { host: '127.0.0.1', port } })), {
    message: `cannot listen on 127.0.0.1:${port}: address in use; choose another --listen`,
  });
  await t.throwsAsync(startHttpEndpoints(optionsOf({ listen: { host: '192.0.2.1', port: 0 } })), {
    message: 'cannot listen on 192.0.2.1:0: no such address on this machine; choose another --listen',
  });
});

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

test('only so many connections stay open: those that have waited longest give way, one that is answered does not', async (t) => {
  const text = Promise.withResolvers<string>();
  const base = await start(t, { metricsText: () => text.promise });
  const port = Number(new URL(base).port);
  const answered = fetch(`${base}/metrics`);
  const waiting: Socket[] = [];
  for (let index = 0; index < 300; index++) {
    const socket = await connected(port);
    t.teardown(() => socket.destroy());
    socket.resume();
    waiting.push(socket);
  }
  t.is((await fetch(`${base}/healthz`)).status, 200);
  const closed = () => waiting.map((socket) => socket.closed);
  await eventually('the oldest to give way', () => closed().filter(Boolean).length >= 46);
  const oldest = closed().indexOf(false);
  t.true(oldest < 60, `${oldest} were closed`);
  t.false(closed().includes(true, oldest));
  text.resolve('x 1\n');
  t.is(await (await answered).text(), 'x 1\n');
});

test('close ends idle connections, half requests and answers that never come', async (t) => {
  const endpoints = await startHttpEndpoints(optionsOf({ metricsText: () => new Promise(() => {}) }));
  const idle = await connected(endpoints.port);
  const half = await connected(endpoints.port);
  half.write('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const waiting = await connected(endpoints.port);
  waiting.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  const ended = [idle, half, waiting].map((socket) => once(socket, 'close'));
  const begun = performance.now();
  await endpoints.close();
  await Promise.all(ended);
  t.true(performance.now() - begun < 4000);
  await t.throwsAsync(fetch(`http://127.0.0.1:${endpoints.port}/healthz`));
});

test('a request that is no HTTP, or has too many headers, is refused and nothing more', async (t) => {
  const base = await start(t);
  const garbage = await connected(Number(new URL(base).port));
  garbage.resume();
  garbage.write('\u0016\u0003\u0001 no http\r\n\r\n');
  await once(garbage, 'close');
  const large = await fetch(`${base}/healthz`, { headers: { 'x-large': 'x'.repeat(40_000) } });
  t.is(large.status, 431);
  t.is((await fetch(`${base}/healthz`)).status, 200);
});
