import test from 'ava';
import { ApiError, advice, reasonOf } from '../../../src/main/kubernetes/errors.ts';

test('the reason of a Status object is its own word', (t) => {
  t.is(reasonOf({ reason: 'NotFound', message: 'no such object' }), 'NotFound');
  t.is(reasonOf({}), '');
  t.is(reasonOf({ reason: 7 }), '');
});

test('a version from the future is told from a plain time-out, by its cause or by its message', (t) => {
  const tooLarge = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' };
  const causes = [null, 'text', { reason: 'Other' }, tooLarge];
  t.is(reasonOf({ reason: 'Timeout', details: { causes } }), 'ResourceVersionTooLarge');
  t.is(
    reasonOf({ reason: 'Timeout', message: 'Too large resource version: 9, current: 7' }),
    'ResourceVersionTooLarge',
  );
  for (const details of [
    undefined,
    null,
    'text',
    {},
    { causes: null },
    { causes: [null, 'text', {}, { reason: 'Other' }] },
  ])
    t.is(reasonOf({ reason: 'Timeout', message: 'request timed out', details }), 'Timeout');
  t.is(reasonOf({ reason: 'Conflict', details: { causes } }), 'Conflict');
});

test('an error is called what it is', (t) => {
  const fields = { status: 0, verb: 'get', resource: 'servers', reason: '', retryAfterMs: null };
  t.is(String(new ApiError('nothing came', fields)), 'ApiError: nothing came');
});

test('a redirect has advice of its own', (t) => {
  const [first = '', ...others] = [300, 307, 399].map((status) => advice(status, ''));
  t.regex(first, /give the address of the API server itself/);
  t.deepEqual(others, [first, first]);
  t.is(advice(299, '') + advice(400, ''), '');
});

test('each failure that a person can mend says how; the API server’s own words are enough for the others', (t) => {
  const hints = [
    advice(401, 'Unauthorized'),
    advice(403, 'Forbidden'),
    advice(429, 'TooManyRequests'),
    ...[
      'Unreachable',
      'Proxy',
      'TLS',
      'TLSName',
      'TLSTime',
      'TLSPlain',
      'TLSClient',
      'Timeout',
      'Credentials',
    ].map((reason) => advice(0, reason)),
  ];
  t.is(new Set(hints).size, hints.length);
  t.false(hints.includes(''));
  t.is(advice(409, 'Conflict'), '');
});
