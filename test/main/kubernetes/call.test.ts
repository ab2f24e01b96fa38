import test from 'ava';
import { type Call, describe, failure, noAnswer, parse } from '../../../src/main/kubernetes/call.ts';
import { resourcePath, secretPath } from '../../../src/main/kubernetes/paths.ts';

const list: Call = { method: 'GET', path: resourcePath('servers', 'shop') };
const get: Call = { method: 'GET', path: resourcePath('servers', 'shop', 'web') };

for (const [call, what] of [
  [list, 'list servers in namespace shop'],
  [{ method: 'GET', path: resourcePath('regions', '') }, 'list regions'],
  [{ ...list, watch: true }, 'watch servers in namespace shop'],
  [get, 'get servers web in namespace shop'],
  [{ method: 'GET', path: secretPath('shop', 'key') }, 'get secrets key in namespace shop'],
  [{ method: 'GET', path: '/openapi/v3' }, 'get /openapi/v3'],
  [
    { method: 'PATCH', path: resourcePath('servers', 'shop', 'web', 'status') },
    'patch servers/status web in namespace shop',
  ],
  [
    { method: 'POST', path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews' },
    'create selfsubjectaccessreviews',
  ],
] as const)
  test(`a call in words: ${what}`, (t) => {
    const described = describe(call);
    t.is(described.what, what);
    t.deepEqual([described.verb, described.resource], what.split(' ').slice(0, 2));
  });

function refused(text: string, { status = 500, retryAfter }: { status?: number; retryAfter?: string } = {}) {
  return failure(get, { status, retryAfter, text });
}

const begins = 'get servers web in namespace shop:';

test('a refusal says what was asked, the status, and the API server’s reason and message', (t) => {
  const error = refused(JSON.stringify({ reason: 'Conflict', message: 'modified' }), { status: 409 });
  t.like(error, { status: 409, reason: 'Conflict', verb: 'get', resource: 'servers', retryAfterMs: null });
  t.is(error.message, `${begins} 409 Conflict: modified`);
  t.is(refused('{}', { retryAfter: '3' }).retryAfterMs, 3_000);
});

test('what is not a Status object is quoted by its beginning', (t) => {
  t.is(refused(' <html>a proxy</html>\n').message, `${begins} 500: <html>a proxy</html>`);
  t.is(refused('x'.repeat(500)).message, `${begins} 500: ${'x'.repeat(200)}`);
  for (const text of ['null', '7', '{}', '{"message":""}', '{"message":7}'])
    t.is(refused(text).message, `${begins} 500: ${text}`);
  const long = refused(JSON.stringify({ message: 'y'.repeat(5_000) }));
  t.is(long.message, `${begins} 500: ${'y'.repeat(1_000)}`);
});

test('a refusal never repeats a token', (t) => {
  const error = refused('you sent "Authorization: Bearer abc.DEF-1/2+3=" and basic dXNlcjpwYXNz');
  t.is(error.message, `${begins} 500: you sent "Authorization: Bearer [redacted]" and basic [redacted]`);
});

test('a call without an answer names its reason, its cause and what to do', (t) => {
  const cause = new Error('refused');
  const error = noAnswer(get, 'Unreachable', 'https://api: refused', cause);
  t.like(error, { status: 0, reason: 'Unreachable', retryAfterMs: null, cause });
  t.regex(error.message, /^get servers web in namespace shop: https:\/\/api: refused \(is the API server up/);
  t.is(noAnswer(get, 'Aborted', 'given up').message, `${begins} given up`);
});

test('an answer is JSON, or an error that does not quote it', (t) => {
  t.deepEqual(parse(get, 200, '{"a":1}'), { a: 1 });
  const error = t.throws(() => parse(get, 200, 'password: secret'));
  t.like(error, {
    status: 200,
    reason: 'InvalidResponse',
    verb: 'get',
    resource: 'servers',
    retryAfterMs: null,
  });
  t.is(error?.message, `${begins} the response is not JSON (is this the address of an API server?)`);
});
