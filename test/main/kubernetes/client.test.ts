import { createGzip, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import type { ClusterAccess } from '../../../src/main/kubernetes/access/cluster-access.ts';
import {
  type ApiRequest,
  KubernetesClient,
  resourcePath,
  secretPath,
} from '../../../src/main/kubernetes/client.ts';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { Warnings } from '../../../src/main/kubernetes/warnings.ts';
import {
  type Answer,
  json,
  type Script,
  ScriptedApi,
  status,
  watch,
} from '../../fixtures/kubernetes/scripted-api.ts';

async function start(
  t: ExecutionContext,
  script: Script,
  options: {
    requestTimeoutMs?: number;
    connections?: number;
    userAgent?: string;
    onRequest?: (request: ApiRequest) => void;
    access?: Partial<ClusterAccess>;
    warnings?: Warnings;
  } = {},
) {
  const api = await ScriptedApi.start(t, script);
  const client = new KubernetesClient(
    { ...api.access, ...options.access },
    { requestTimeoutMs: 10_000, connections: 4, ...options },
  );
  t.teardown(async () => client.close());
  return { api, client };
}

async function refusal(t: ExecutionContext, promise: Promise<unknown>): Promise<ApiError> {
  const error = await t.throwsAsync(promise, { instanceOf: ApiError });
  if (!(error instanceof ApiError)) throw new Error('no ApiError');
  return error;
}

async function collect(values: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const value of values) all.push(value);
  return all;
}

const server = resourcePath('servers', 'shop', 'web-1');

test('paths name the collection, the object and its subresource, and escape what they are given', (t) => {
  const group = '/apis/region.unikorn-cloud.org/v1alpha1';
  t.is(resourcePath('regions', ''), `${group}/regions`);
  t.is(resourcePath('servers', 'shop'), `${group}/namespaces/shop/servers`);
  t.is(resourcePath('servers', 'shop', 'web 1', 'status'), `${group}/namespaces/shop/servers/web%201/status`);
  t.is(secretPath('shop', 'a?b'), '/api/v1/namespaces/shop/secrets/a%3Fb');
});

for (const name of ['', '.', '..', '../../secrets', 'a/b', 'a%2fb']) {
  test(`"${name}" cannot lead to another object`, (t) => {
    t.throws(() => secretPath('shop', name), { instanceOf: ApiError, message: /is not a name/ });
    t.throws(() => resourcePath('servers', name, 'web-1'), { instanceOf: ApiError });
  });
}

const warning = (text: string) => ({ warning: `299 - "${text}"` });

test('what the API server warns of beside an answer, a refusal or a watch is heard once', async (t) => {
  const heard: string[] = [];
  const { client } = await start(
    t,
    {
      other: [
        json({}, 200, warning('deprecated')),
        status(409, 'Conflict', 'other', warning('unknown field')),
      ],
      watch: [json({}, 403, warning('policy'))],
    },
    { warnings: new Warnings((text) => heard.push(text)) },
  );
  await client.get(server);
  await refusal(t, client.patch(server, {}));
  await refusal(t, client.patch(server, {}));
  const query = { watch: 'true' };
  const signal = AbortSignal.timeout(10_000);
  await refusal(
    t,
    collect(client.stream(resourcePath('servers', ''), { query, signal, idleTimeoutMs: 10_000 })),
  );
  t.deepEqual(heard, ['deprecated', 'unknown field', 'policy']);
});

test('a merge patch gives the object as it stands afterwards', async (t) => {
  const { api, client } = await start(
    t,
    { other: [json({ metadata: { resourceVersion: '7' } })] },
    { access: { authorization: async () => 'Bearer secret' } },
  );
  const path = resourcePath('servers', 'shop', 'web-1', 'status');
  t.deepEqual(await client.patch(path, { status: { phase: 'Running' } }), {
    metadata: { resourceVersion: '7' },
  });
  const [request] = api.others;
  t.is(request?.method, 'PATCH');
  t.is(request?.path, path);
  t.is(request?.headers['content-type'], 'application/merge-patch+json');
  t.is(request?.headers.authorization, 'Bearer secret');
  t.is(request?.body, '{"status":{"phase":"Running"}}');
});

test('a refusal tells status, reason, verb, resource and what to do', async (t) => {
  const { client } = await start(t, {
    other: [
      status(409, 'Conflict', 'the object has been modified'),
      status(403, 'Forbidden', 'User "x" cannot patch'),
      status(429, 'TooManyRequests', 'too many', { 'retry-after': '3' }),
      (response) => {
        response.writeHead(502, { 'content-type': 'text/html' });
        response.end('<html>bad gateway</html>');
      },
    ],
  });
  const path = resourcePath('servers', 'shop', 'web-1', 'status');
  const conflict = await refusal(t, client.patch(path, {}));
  t.like(conflict, { status: 409, reason: 'Conflict', verb: 'patch', resource: 'servers/status' });
  t.is(
    conflict.message,
    'patch servers/status web-1 in namespace shop: 409 Conflict: the object has been modified',
  );
  t.regex(
    (await refusal(t, client.get(server))).message,
    /^get servers web-1 .*cannot patch \(grant the right/,
  );
  t.is((await refusal(t, client.get(server))).retryAfterMs, 3_000);
  const gateway = await refusal(t, client.get(server));
  t.like(gateway, { status: 502, reason: '' });
  t.regex(gateway.message, /502: <html>bad gateway/);
});

test('a token that is refused is looked for anew, once; requests and watches go on with the renewed one', async (t) => {
  const { api, client } = await start(
    t,
    {
      other: [status(401, 'Unauthorized'), json({ kind: 'Server' }), status(401, 'Unauthorized')],
      watch: [status(401, 'Unauthorized'), (response) => response.end('{"type":"BOOKMARK"}\n')],
    },
    {
      access: { authorization: async (refused) => (refused === 'Bearer old' ? 'Bearer new' : 'Bearer old') },
    },
  );
  const sent = () => [...api.others, ...api.watches].map(({ headers }) => headers.authorization);
  t.deepEqual(await client.get(server), { kind: 'Server' });
  t.deepEqual(sent(), ['Bearer old', 'Bearer new']);
  const error = await refusal(t, client.get(server));
  t.is(error.status, 401);
  t.deepEqual(sent().slice(2), ['Bearer old', 'Bearer new'], 'refused too, and not tried over and over');
  const signal = new AbortController().signal;
  const events = client.stream(server, { query: { watch: 'true' }, signal, idleTimeoutMs: 10_000 });
  t.deepEqual(await collect(events), [{ type: 'BOOKMARK' }]);
  t.deepEqual(sent().slice(4), ['Bearer old', 'Bearer new']);
});

test('credentials that cannot be renewed are sent once', async (t) => {
  const { api, client } = await start(
    t,
    { other: [status(401, 'Unauthorized')] },
    { access: { authorization: async () => 'Bearer fixed' } },
  );
  await refusal(t, client.get(server));
  t.is(api.others.length, 1);
});

test('a request that gets no answer ends at its time-out, in the head or in the middle of the body', async (t) => {
  const { client } = await start(
    t,
    {
      other: [
        () => {},
        (response) => {
          response.writeHead(200);
          response.write('{"metadata":');
        },
      ],
    },
    { requestTimeoutMs: 100 },
  );
  for (const _ of ['head', 'body']) {
    const error = await refusal(t, client.get(server));
    t.like(error, { status: 0, reason: 'Timeout' });
    t.regex(error.message, /nothing within 100 ms .*overloaded/);
  }
});

test('the signal ends a request', async (t) => {
  const { client } = await start(t, { other: [() => {}] });
  t.like(await refusal(t, client.get(server, { signal: AbortSignal.timeout(30) })), {
    status: 0,
    reason: 'Aborted',
  });
  t.like(await refusal(t, client.get(server, { signal: AbortSignal.abort() })), { reason: 'Aborted' });
});

test('an API server that is not there is told from one that refuses', async (t) => {
  const { api, client } = await start(t, {});
  await api.down();
  const error = await refusal(t, client.get(server));
  t.like(error, { status: 0, reason: 'Unreachable', retryAfterMs: null });
  t.regex(error.message, /http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  await api.up();
  api.script = { other: [json({})] };
  t.deepEqual(await client.get(server), {}, 'and needs no restart when it is back');
});

test('credentials that cannot be had are an error of that request, and a plugin that hangs is not waited for', async (t) => {
  const broken = await start(
    t,
    {},
    {
      access: {
        authorization: async () => {
          throw new Error('plugin ended with 1');
        },
      },
    },
  );
  const error = await refusal(t, broken.client.get(server));
  t.like(error, { status: 0, reason: 'Credentials' });
  t.regex(error.message, /no credentials: plugin ended with 1/);
  const hung = await start(
    t,
    {},
    { requestTimeoutMs: 50, access: { authorization: async () => new Promise(() => {}) } },
  );
  t.like(await refusal(t, hung.client.get(server)), { reason: 'Timeout' });
  t.is(broken.api.connections + hung.api.connections, 0);
});

test('an answer that is no JSON is not quoted: it may be a Secret', async (t) => {
  const { client } = await start(t, {
    other: [(response) => response.end('{"data": {"password": "aHVudGVy')],
  });
  const error = await refusal(t, client.get(secretPath('shop', 'credentials')));
  t.like(error, { status: 200, reason: 'InvalidResponse', resource: 'secrets' });
  t.false(`${error.stack} ${String(error.cause)}`.includes('aHVudGVy'));
});

function echo(form: (text: string) => string): Answer {
  return (response, { headers }) => {
    response.writeHead(400).end(form(`bad header: authorization: ${headers.authorization ?? ''}`));
  };
}

test('an error does not repeat our token, though the answer does', async (t) => {
  const { client } = await start(
    t,
    { other: [echo((text) => text), echo((text) => JSON.stringify({ kind: 'Status', message: text }))] },
    { access: { authorization: async () => 'Bearer eyJhbGciOi.planted-secret_of.ours' } },
  );
  for (const _ of ['plain', 'Status']) {
    const { message } = await refusal(t, client.get(server));
    t.regex(message, /400: bad header: authorization: Bearer \[redacted\]/);
    t.false(message.includes('planted'), message);
  }
});

test('a redirect is not followed: the token is for the server that was asked', async (t) => {
  const other = await ScriptedApi.start(t);
  const redirect =
    (code: number): Answer =>
    (response) => {
      response.writeHead(code, { location: `${other.access.server}${server}` }).end();
    };
  const { client } = await start(
    t,
    { other: [301, 302, 307, 308].map(redirect), watch: [redirect(307)] },
    { access: { authorization: async () => 'Bearer secret' } },
  );
  for (const code of [301, 302, 307, 308]) {
    const refused = await refusal(t, client.get(server));
    t.is(refused.status, code);
    t.true(
      refused.message.includes(`: a redirect to ${other.access.server}${server}, which is not followed (`),
    );
  }
  const { signal } = new AbortController();
  const events = client.stream(server, { query: { watch: 'true' }, signal, idleTimeoutMs: 10_000 });
  t.is((await refusal(t, collect(events))).status, 307);
  t.is(other.connections, 0);
});

test('a token that is no header is an error that does not show it', async (t) => {
  const { api, client } = await start(
    t,
    { other: [json({})] },
    { access: { authorization: async () => 'Bearer planted\r\nx-injected: yes' } },
  );
  const { message } = await refusal(t, client.get(server));
  t.false(message.includes('planted'), message);
  t.regex(message, /a character that cannot be sent, a line break maybe \(fix the token/);
  t.is(api.others.length, 0);
});

test('many requests share a bounded number of connections, and watches have their own', async (t) => {
  const { api, client } = await start(
    t,
    {
      other: [(response) => setTimeout(() => response.end('{}'), 2)],
      watch: [
        (response) => {
          response.writeHead(200);
          response.flushHeaders();
        },
      ],
    },
    { connections: 2 },
  );
  const stop = new AbortController();
  const opened = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const watches = opened.map(async ({ resolve }) => {
    const options = { query: { watch: 'true' }, signal: stop.signal, idleTimeoutMs: 20_000, onOpen: resolve };
    for await (const _ of client.stream(resourcePath('servers', ''), options));
  });
  await Promise.all(opened.map(async ({ promise }) => promise));
  await Promise.all(Array.from({ length: 200 }, async () => client.patch(server, {})));
  t.is(api.others.length, 200);
  t.is(api.connections, 5);
  stop.abort();
  for (const watch of watches) await t.throwsAsync(watch, { instanceOf: ApiError });
});

test('a stream gives each line, however it is cut into packets', async (t) => {
  const lines = [{ a: 'ö€😀' }, { b: 2 }, { c: 'x'.repeat(100_000) }];
  const { client } = await start(t, {
    watch: [
      (response) => {
        response.writeHead(200);
        const bytes = Buffer.from(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n\n`);
        let at = 0;
        const send = (): void => {
          if (at >= bytes.length) return void response.end();
          const size = at < 40 ? 1 : 9_000;
          response.write(bytes.subarray(at, at + size), () => setImmediate(send));
          at += size;
        };
        send();
      },
    ],
  });
  const options = { query: { watch: 'true' }, signal: new AbortController().signal, idleTimeoutMs: 20_000 };
  t.deepEqual(await collect(client.stream(resourcePath('servers', ''), options)), lines);
});

test('a stream that a proxy compresses is read as it comes', async (t) => {
  const compressor = createGzip();
  const ended = Promise.withResolvers<void>();
  const { client } = await start(t, {
    watch: [
      (response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        compressor.pipe(response);
        compressor.write('{"a":1}\n');
        compressor.flush();
        response.once('close', () => ended.resolve());
      },
      (response) => {
        response.writeHead(410, { 'content-encoding': 'gzip' });
        response.end(gzipSync('{"kind":"Status","reason":"Expired","message":"too old"}'));
      },
    ],
  });
  const options = { query: { watch: 'true' }, signal: new AbortController().signal, idleTimeoutMs: 20_000 };
  const stream = client.stream(resourcePath('servers', ''), options);
  t.deepEqual((await stream.next()).value, { a: 1 });
  compressor.write('{"b":2}\n');
  compressor.flush();
  t.deepEqual((await stream.next()).value, { b: 2 });
  await stream.return();
  await ended.promise;
  const expired = await refusal(t, collect(client.stream(resourcePath('servers', ''), options)));
  t.like(expired, { status: 410, reason: 'Expired' });
});

test('a line without end does not fill the memory', async (t) => {
  const { client } = await start(t, {
    watch: [
      (response) => {
        response.writeHead(200);
        const block = Buffer.alloc(1024 * 1024, 'x');
        const send = (): void =>
          void (!response.destroyed && response.write(block, () => setImmediate(send)));
        send();
      },
    ],
  });
  const options = { query: { watch: 'true' }, signal: new AbortController().signal, idleTimeoutMs: 20_000 };
  const error = await refusal(t, collect(client.stream(resourcePath('servers', ''), options)));
  t.regex(error.message, /longer than \d+ bytes/);
});

test('close ends what is in flight', async (t) => {
  const { client } = await start(t, { other: [() => {}] });
  const pending = client.get(server);
  await client.close();
  t.like(await refusal(t, pending), { status: 0, reason: 'Aborted' });
});

const until = (signal: AbortSignal) => ({ query: { watch: 'true' }, signal, idleTimeoutMs: 20_000 });
const untilTheEnd = until(new AbortController().signal);
const servers = resourcePath('servers', '');

test('each request says who asks, for what and as whom; one with a body also says what it sends', async (t) => {
  const { api, client } = await start(
    t,
    { other: [json({ ok: true })], watch: [watch([], { end: true })] },
    { userAgent: 'the-tests/1', access: { headers: { 'impersonate-user': 'jane' } } },
  );
  await client.get(server, { query: { a: '1 & 2' } });
  await client.patch(server, {}, { query: { dryRun: 'All' } });
  t.deepEqual(await client.post(servers, { kind: 'Server' }), { ok: true });
  await collect(client.stream(servers, untilTheEnd));
  for (const { headers } of [...api.others, ...api.watches])
    t.like(headers, { accept: 'application/json', 'user-agent': 'the-tests/1', 'impersonate-user': 'jane' });
  t.false(api.others.some(({ headers }) => 'authorization' in headers));
  const [get, patch, post] = api.others;
  t.is(get?.query.get('a'), '1 & 2');
  t.is(get?.headers['content-type'], undefined);
  t.is(patch?.query.get('dryRun'), 'All');
  t.like(post, { method: 'POST', path: servers, body: '{"kind":"Server"}' });
  t.is(post?.headers['content-type'], 'application/json');
});

test('the user agent is ours unless another is given', async (t) => {
  const { api, client } = await start(t, { other: [json({})] });
  await client.get(server);
  t.is(api.others[0]?.headers['user-agent'], 'region-monitor');
});

test('each request is counted when it has ended, with what it asked for; watches are not', async (t) => {
  const counted: ApiRequest[] = [];
  const { client } = await start(
    t,
    { other: [json({}), status(409, 'Conflict')], watch: [watch([], { end: true })] },
    { onRequest: (request) => counted.push(request) },
  );
  const beganMs = performance.now();
  await client.get(server);
  await refusal(t, client.patch(`${server}/status`, {}));
  await refusal(t, client.get(servers, { signal: AbortSignal.abort() }));
  await collect(client.stream(servers, untilTheEnd));
  t.deepEqual(
    counted.map(({ verb, resource, status: answered }) => [verb, resource, answered]),
    [
      ['get', 'servers', 200],
      ['patch', 'servers/status', 409],
      ['list', 'servers', 0],
    ],
  );
  for (const { seconds } of counted) t.true(seconds >= 0 && seconds * 1000 <= performance.now() - beganMs);
});

test('a write that may not be sent any more is not sent', async (t) => {
  const { api, client } = await start(t, { other: [json({})] });
  const error = await refusal(t, client.patch(server, {}, { mayBeSent: () => false }));
  t.like(error, { status: 0, reason: 'Withheld' });
  t.regex(error.message, /: not sent, as another process may write it$/);
  t.is(api.others.length, 0);
  await client.patch(server, {}, { mayBeSent: () => true });
  t.is(api.others.length, 1);
});

test('an answer is refused that is too large, or that would hold up its reader', async (t) => {
  const { client } = await start(t, {
    other: [
      (response) => response.writeHead(200, { 'content-length': 33 * 1024 * 1024 }).write('{'),
      (response) => response.end(`${'['.repeat(200_000)}${']'.repeat(200_000)}`),
    ],
  });
  t.like(await refusal(t, client.get(server)), { status: 0, reason: 'ResponseTooLarge' });
  const nested = await refusal(t, client.get(server));
  t.like(nested, { status: 0, reason: 'InvalidResponse' });
  t.regex(nested.message, /: the answer has 400000 bytes that hold /);
});

test('whatever the status says beyond 2xx is a refusal, and an empty object no error', async (t) => {
  const { client } = await start(t, { other: [200, 201, 299, 300].map((code) => json({}, code)) });
  for (const _ of [200, 201, 299]) t.deepEqual(await client.get(server), {});
  t.is((await refusal(t, client.get(server))).status, 300);
});

test('a watch that is cut off in the middle of a line is an error, one that ends after a line is not', async (t) => {
  const { client } = await start(t, {
    watch: [(response) => response.end('{"a":1}\n{"b"'), (response) => response.end('{"a":1}\n')],
  });
  const seen: unknown[] = [];
  const cut = async (): Promise<void> => {
    for await (const value of client.stream(servers, untilTheEnd)) seen.push(value);
  };
  const error = await refusal(t, cut());
  t.like(error, { status: 0, reason: 'InvalidResponse', verb: 'watch' });
  t.regex(error.message, /: the stream ended in the middle of a line$/);
  t.deepEqual(seen, [{ a: 1 }]);
  await cut();
  t.deepEqual(seen, [{ a: 1 }, { a: 1 }]);
});

test('a watch is open when it is accepted, and not before; its silence then has another limit', async (t) => {
  let opened = 0;
  const options = { ...untilTheEnd, idleTimeoutMs: 400, onOpen: () => (opened += 1) };
  const hung = await start(t, { watch: [() => {}] }, { requestTimeoutMs: 200 });
  t.like(await refusal(t, collect(hung.client.stream(servers, options))), { status: 0, reason: 'Timeout' });
  const { client } = await start(t, { watch: [status(403, 'Forbidden'), watch([{ a: 1 }])] });
  t.like(await refusal(t, collect(client.stream(servers, options))), { status: 403, reason: 'Forbidden' });
  t.is(opened, 0);
  const silent = await refusal(t, collect(client.stream(servers, options)));
  t.like(silent, { status: 0, reason: 'IdleTimeout' });
  t.regex(silent.message, /nothing within 400 ms/);
  t.is(opened, 1);
});

test('each packet of a watch begins its silence again', async (t) => {
  const lines = 7;
  const { client } = await start(t, {
    watch: [
      (response) => {
        let sent = 0;
        const send = (): void => {
          response.write('{}\n');
          sent += 1;
          if (sent === lines) response.end();
          else setTimeout(send, 500);
        };
        send();
      },
    ],
  });
  const values = await collect(client.stream(servers, { ...untilTheEnd, idleTimeoutMs: 2_500 }));
  t.is(values.length, lines);
});

test('the signal ends a watch, and a reader who stops ends its connection', async (t) => {
  const closed = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
  let watches = 0;
  const { client } = await start(t, {
    watch: [
      (response, request) => {
        const { resolve } = closed[watches++] ?? {};
        response.once('close', () => resolve?.());
        watch([{ a: 1 }])(response, request);
      },
    ],
  });
  const stop = new AbortController();
  const stream = client.stream(servers, until(stop.signal));
  t.deepEqual((await stream.next()).value, { a: 1 });
  stop.abort();
  t.like(await refusal(t, collect(stream)), { status: 0, reason: 'Aborted' });
  for await (const value of client.stream(servers, untilTheEnd)) {
    t.deepEqual(value, { a: 1 });
    break;
  }
  await Promise.all(closed.map(async ({ promise }) => promise));
});

test('of a refused watch only the beginning is read, though it never ends', async (t) => {
  const { client } = await start(t, {
    watch: [(response) => void response.writeHead(502).write('<html>'.repeat(20_000))],
  });
  const error = await refusal(t, collect(client.stream(servers, untilTheEnd)));
  t.is(error.status, 502);
  t.regex(error.message, /: 502: (<html>)+/);
});

test('close ends a credential plugin that is running', async (t) => {
  let closed = 0;
  const { client } = await start(t, {}, { access: { close: () => (closed += 1) } });
  await client.close();
  t.is(closed, 1);
});
