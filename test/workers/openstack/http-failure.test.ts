import test from 'ava';
import { CheckFailure } from '../../../src/shared/errors.ts';
import { ProxyFailure } from '../../../src/shared/network/proxy-tunnel.ts';
import {
  isClosedConnection,
  isRefusalOfPlainHttp,
  type RefusedAnswer,
  statusFailure,
  transportFailure,
} from '../../../src/workers/openstack/http-failure.ts';

function refused(changes: Partial<RefusedAnswer>) {
  const answer = {
    what: 'GET /x',
    status: 500,
    json: undefined,
    retryAfterMs: null,
    redirect: null,
    ...changes,
  };
  return statusFailure(answer).error;
}

for (const [status, retryAfterMs, code] of [
  [400, null, 'unexpected-status'],
  [401, null, 'unauthorized'],
  [403, null, 'forbidden'],
  [404, null, 'not-found'],
  [413, null, 'unexpected-status'],
  [413, 1_000, 'rate-limited'],
  [429, null, 'rate-limited'],
  [499, null, 'unexpected-status'],
  [500, null, 'server-error'],
  [503, 1_000, 'server-error'],
] as const)
  test(`status ${status}${retryAfterMs === null ? '' : ' with Retry-After'} is ${code}`, (t) => {
    t.deepEqual(refused({ status, retryAfterMs }), {
      code,
      message: `GET /x answered ${status}`,
      status,
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    });
  });

const said = (json: unknown, token?: string) => refused({ json, token }).message;

test('what the cloud said is quoted on one line, cut, and without our token', (t) => {
  t.is(
    said({ badRequest: { code: 400, message: ' no\n  such  thing ' } }),
    'GET /x answered 500 (no such thing)',
  );
  t.is(said({ debug: null, fault: { message: 'second' } }), 'GET /x answered 500 (second)');
  t.is(said({ fault: { message: 'x'.repeat(300) } }), `GET /x answered 500 (${'x'.repeat(200)})`);
  t.is(
    said({ fault: { message: 'your abc is my abc' } }, 'abc'),
    'GET /x answered 500 (your [redacted] is my [redacted])',
  );
  t.is(said({ fault: { message: 'fine' } }, ''), 'GET /x answered 500 (fine)');
  const octavia = { faultcode: 'Client', faultstring: 'Load balancer is immutable', debuginfo: null };
  t.is(said(octavia), 'GET /x answered 500 (Load balancer is immutable)');
  for (const json of [
    undefined,
    null,
    'text',
    [],
    {},
    { faultstring: 7 },
    { fault: { message: 7 } },
    { fault: 'text' },
  ])
    t.is(said(json), 'GET /x answered 500');
});

test('a redirect says where to, and not what the page says', (t) => {
  const error = refused({ status: 301, redirect: 'https://other/v3', json: { fault: { message: 'moved' } } });
  t.is(error.redirect, 'https://other/v3');
  t.regex(
    error.message,
    /^GET \/x answered 301 \(a redirect to https:\/\/other\/v3, .*give the right URL\)$/,
  );
});

function coded(code: string, message = `it was ${code}`): Error {
  return Object.assign(new Error(message), { code });
}

for (const [codes, expected] of [
  [['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'], 'timeout'],
  [
    [
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    'tls',
  ],
  [
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'EPROTO',
      'INVALID_CA',
      'INVALID_PURPOSE',
      'UNSPECIFIED',
      'PATH_LENGTH_EXCEEDED',
    ],
    'tls',
  ],
  [['UND_ERR_HEADERS_OVERFLOW'], 'response-too-large'],
  [
    [
      'HPE_INVALID_VERSION',
      'Z_DATA_ERROR',
      'ERR_BROTLI_COMPRESSION_FAILED',
      'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
    ],
    'invalid-response',
  ],
  [['UND_ERR_DESTROYED', 'UND_ERR_CLOSED'], 'cancelled'],
  [['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'UND_ERR_SOCKET'], 'unreachable'],
  [['UND_ERR_INVALID_ARG'], 'internal'],
] as const)
  test(`without an answer: ${codes.join(', ')} is ${expected}`, (t) => {
    for (const code of codes) {
      const { error, cause } = transportFailure('GET /x', coded(code));
      t.is(error.code, expected, code);
      t.is(error.message, `GET /x failed: ${code}`);
      t.true(cause instanceof Error);
    }
  });

test('an error without a code is one of ours, unless the parser of HTTP made it', (t) => {
  t.deepEqual(transportFailure('GET /x', new Error('oops')).error, {
    code: 'internal',
    message: 'GET /x failed: oops',
  });
  const numbered = Object.assign(new Error('oops'), { code: 20 });
  t.is(transportFailure('GET /x', numbered).error.message, 'GET /x failed: oops');
  t.is(transportFailure('GET /x', 'a text').error.message, 'GET /x failed: a text');
  t.is(transportFailure('GET /x', new TypeError('')).error.message, 'GET /x failed: TypeError');
  const parser = Object.assign(new Error('Expected HTTP/'), { name: 'HTTPParserError' });
  t.deepEqual(transportFailure('GET /x', parser).error, {
    code: 'invalid-response',
    message: 'GET /x failed: HPE_INVALID (Expected HTTP/)',
  });
});

test('a reason that says more than its code is quoted, cut', (t) => {
  const { message } = transportFailure('GET /x', coded('EPROTO', 'y'.repeat(300))).error;
  t.is(message, `GET /x failed: EPROTO (${'y'.repeat(200)})`);
});

const plainHttp = {
  nginx: '<center>The plain HTTP request was sent to HTTPS port</center>',
  Go: 'Client sent an HTTP request to an HTTPS server.\n',
  Apache: "Reason: You're speaking plain HTTP to an SSL-enabled server port.",
};

for (const [name, text] of Object.entries(plainHttp))
  test(`what ${name} answers to plain HTTP on a port for TLS asks for https://`, (t) => {
    t.true(isRefusalOfPlainHttp(400, text));
    t.false(isRefusalOfPlainHttp(403, text));
    t.false(isRefusalOfPlainHttp(400, text.replace(/HTTPS|SSL/, 'FTP')));
  });

test('a refusal of plain HTTP says what to change, and not what the page says', (t) => {
  const answer = { status: 400, json: { fault: { message: 'bad request' } } };
  const needed = 'GET /x answered 400 (it speaks TLS there: the address needs https://)';
  t.is(refused({ ...answer, needsTls: true }).message, needed);
  t.is(refused(answer).message, 'GET /x answered 400 (bad request)');
});

/** An answer that Node's parser could not read. */
function unreadable(rawPacket: unknown): CheckFailure {
  const thrown = Object.assign(coded('HPE_INVALID_CONSTANT', 'Expected HTTP/'), { rawPacket });
  return transportFailure('GET /x', thrown);
}

test('a TLS alert in place of an answer says what to change', (t) => {
  t.deepEqual(unreadable(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])).error, {
    code: 'invalid-response',
    message: 'GET /x failed: HPE_INVALID_CONSTANT (it speaks TLS there: the address needs https://)',
  });
  for (const packet of [Buffer.from('SSH-2.0'), Buffer.from([0, 0x15]), Buffer.alloc(0), undefined])
    t.is(unreadable(packet).error.message, 'GET /x failed: HPE_INVALID_CONSTANT (Expected HTTP/)');
});

test('a failure of a proxy is told in its own words', (t) => {
  const proxy = {
    kind: 'http',
    host: 'proxy',
    port: 3128,
    login: null,
    name: 'p',
    source: 'HTTPS_PROXY',
  } as const;
  const refusal = new ProxyFailure(proxy, 'refused');
  const { error, cause } = transportFailure('GET /x', refusal);
  const message = 'GET /x failed: the proxy p (HTTPS_PROXY) refused';
  t.deepEqual(error, { code: 'unreachable', message });
  t.is(cause, refusal);
});

test('a failure that is known passes as it is', (t) => {
  const failure = new CheckFailure({ code: 'forbidden', message: 'no' });
  t.is(transportFailure('GET /x', failure), failure);
});

test('a connection that the other side closed is told from others', (t) => {
  for (const code of ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']) t.true(isClosedConnection(coded(code)), code);
  for (const thrown of [coded('ECONNREFUSED'), new Error('closed'), 'ECONNRESET', undefined])
    t.false(isClosedConnection(thrown));
});
