// What credential plugins print: for us on standard output, for people on standard error.

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import * as fc from 'fast-check';
import {
  execInfo,
  notice,
  parseExecCredential,
} from '../../../../src/main/kubernetes/access/exec-credential.ts';

const apiVersion = 'client.authentication.k8s.io/v1';
const pem = async (name: string) =>
  readFile(new URL(`../../../fixtures/tls/${name}`, import.meta.url), 'utf8');
const cert = await pem('client.pem');
const key = await pem('loopback-key.pem');
const otherKey = await pem('weak-key.pem');
const certificateEndsMs = Date.parse(new X509Certificate(cert).validTo);

function printed(status: object | null, rest: object = {}): string {
  return JSON.stringify({ kind: 'ExecCredential', apiVersion, status, ...rest });
}

test('a plugin learns which version is asked for, and that it must not ask questions', (t) => {
  t.deepEqual(JSON.parse(execInfo(apiVersion, null)), {
    kind: 'ExecCredential',
    apiVersion,
    spec: { interactive: false },
  });
  t.deepEqual(JSON.parse(execInfo(apiVersion, { server: 'https://api' })), {
    kind: 'ExecCredential',
    apiVersion,
    spec: { cluster: { server: 'https://api' }, interactive: false },
  });
});

test('a token alone is used until it is refused', (t) => {
  const alone = { authorization: 'Bearer abc', certificate: {}, expiresMs: Infinity };
  t.deepEqual(parseExecCredential(printed({ token: 'abc' }), apiVersion), alone);
  const withNulls = {
    token: 'abc',
    clientCertificateData: null,
    clientKeyData: null,
    expirationTimestamp: null,
  };
  t.deepEqual(parseExecCredential(printed(withNulls), apiVersion), alone);
  t.deepEqual(parseExecCredential(printed({ token: 'abc' }, { apiVersion: null }), apiVersion), alone);
});

test('a token with a time is used until then', (t) => {
  const { expiresMs } = parseExecCredential(
    printed({ token: 'abc', expirationTimestamp: '2026-01-01T01:00:00+01:00' }),
    apiVersion,
  );
  t.is(expiresMs, Date.parse('2026-01-01T00:00:00Z'));
});

test('a certificate is used until it ends, or until the time that came with it', (t) => {
  const pair = { clientCertificateData: cert, clientKeyData: key };
  t.deepEqual(parseExecCredential(printed(pair), apiVersion), {
    authorization: undefined,
    certificate: { cert: Buffer.from(cert), key: Buffer.from(key) },
    expiresMs: certificateEndsMs,
  });
  const ends = (expirationTimestamp: string) =>
    parseExecCredential(printed({ ...pair, token: 'abc', expirationTimestamp }), apiVersion).expiresMs;
  t.is(ends('2026-01-01T00:00:00Z'), Date.parse('2026-01-01T00:00:00Z'));
  t.is(ends('9999-01-01T00:00:00Z'), certificateEndsMs);
});

for (const [what, text, message] of [
  ['blanks', ' \n', 'it printed nothing'],
  ['a text', 'token: hunter2', 'its output is not JSON'],
  ['a list', '["hunter2"]', /^its output is not an ExecCredential: \w+: /],
  [
    'a text as JSON',
    '"hunter2"',
    /^its output is not an ExecCredential: all of it: Invalid type: Expected Object$/,
  ],
  ['a token of another type', printed({ token: 13579 }), /: status\.token: Invalid type: Expected [^0-9]*$/],
  ['no status', printed(null), 'its output has no status'],
  ['an empty status', printed({}), 'its output has neither a token nor a certificate'],
  [
    'a certificate without its key',
    printed({ token: 'a', clientCertificateData: cert }),
    'its output has only a certificate, not its key',
  ],
  [
    'a key without its certificate',
    printed({ clientKeyData: key }),
    'its output has only a key, not its certificate',
  ],
  [
    'a certificate with the key of another',
    printed({ clientCertificateData: cert, clientKeyData: otherKey }),
    'its certificate and key are not PEM, or do not belong together',
  ],
  [
    'another version',
    printed({ token: 'a' }, { apiVersion: `other/${'v'.repeat(1_000)}` }),
    `it answers with apiVersion other/${'v'.repeat(94)}, but the kubeconfig says ${apiVersion}`,
  ],
] as const)
  test(`a plugin that prints ${what} is reported without what it printed`, (t) => {
    t.throws(() => parseExecCredential(text, apiVersion), { message });
  });

for (const [what, text, shown] of [
  ['a line that wraps', '  your session\r\n\tends soon \n', 'your session ends soon'],
  ['colours', '\u001b[1mlog in\u001b[0m again\u0007', '[1mlog in[0m again'],
  ['a header', 'sent Authorization: bearer abc.d-e_f+g/h=', 'sent Authorization: bearer [redacted]'],
  [
    'a header of a name and password',
    'Basic dXNlcjpw and Bearer  x',
    'Basic [redacted] and Bearer [redacted]',
  ],
  ['a JSON web token', 'got eyJhbGciOi.eyJzdWIi.c2ln-_ from there', 'got [redacted] from there'],
  ['a token', '{"access_token": "0123456789ab", "n": 1}', '{"access_token": [redacted], "n": 1}'],
  ['a password', 'PASSWORD=correct-horse-battery', 'PASSWORD=[redacted]'],
  ['secrets', 'secrets: 0123456789abcdef', 'secrets: [redacted]'],
  ['a short word after a key', 'no such key: default', 'no such key: default'],
  ['a key', `it says\n${key}and ends`, 'it says [redacted] and ends'],
  ['half a key', `it says ${key.slice(0, 100)}`, 'it says [redacted]'],
] as const)
  test(`what a plugin writes for people is one line without credentials: ${what}`, (t) => {
    t.is(notice(text), shown);
  });

test('of what a plugin writes for people the end is shown', (t) => {
  t.is(notice('x'.repeat(1_000)), 'x'.repeat(1_000));
  t.is(notice(`${'a'.repeat(500)}${'z'.repeat(1_000)}`), `…${'z'.repeat(1_000)}`);
});

test('what a plugin writes for people never breaks a line of the log', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.notRegex(notice(text), /\p{C}|\s\s|^\s|\s$/u);
    }),
  );
});
