// Chains that Go accepts and OpenSSL alone would not: real servers, real handshakes.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';
import test from 'ava';
import {
  type Anchor,
  anchorsIn,
  certificatesIn,
  furtherOrders,
  isValidAt,
} from '../../../src/shared/network/anchors.ts';
import { openConnection, TlsSessions } from '../../../src/shared/network/connector.ts';
import { Network } from '../../../src/shared/network/network.ts';
import type { TlsOptions } from '../../../src/shared/network/trust-options.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');
const chain = (names: string): string =>
  names
    .split(' ')
    .map((name) => pem(`chains/${name}`))
    .join('');

/** "ok", or why not, of one connection to a server that sends these certificates. */
async function connect(sent: string, tls: () => TlsOptions): Promise<string> {
  const server = createServer({ cert: sent, key: pem('loopback-key') });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    const socket = await openConnection(
      { url: new URL(`https://127.0.0.1:${port}`), proxy: null, tls, proxyTls: tls },
      { timeoutMs: 30_000, signal: new AbortController().signal },
      new TlsSessions(),
    );
    socket.destroy();
    return 'ok';
  } catch (error) {
    return error instanceof Error && 'code' in error
      ? `${String(error.code)} ${error.message}`
      : String(error);
  } finally {
    server.close();
  }
}

const accepted: readonly [why: string, sent: string, trusted: string][] = [
  ['an expired anchor, another way to a valid one', 'leaf-by-x x-by-y', 'x-expired y'],
  ['the same in another order', 'leaf-by-x x-by-y', 'y x-expired'],
  ['an anchor that is not valid yet, and another way', 'leaf-by-x x-by-y', 'x-not-yet-valid y'],
  ['an expired intermediate as an anchor, and another way', 'leaf-by-i i-by-y', 'i-by-y-expired y'],
  ['an expired intermediate is sent beside a valid one', 'leaf-by-i i-by-y-expired i-by-y', 'y'],
  ['two authorities of one name, the second signed', 'leaf-by-k-new', 'k-old k-new'],
  ['two authorities of one name, the first signed', 'leaf-by-k-old', 'k-old k-new'],
  ['two authorities of one name, in the other order', 'leaf-by-k-old', 'k-new k-old'],
  ['what is sent is out of order', 'leaf-by-i y i-by-y', 'y'],
  ['more is sent than is needed, some of it twice', 'leaf-by-i k-old leaf-by-i i-by-y y', 'y'],
];

for (const [why, sent, trusted] of accepted)
  for (const way of ['trusting', 'trustingOnly'] as const)
    test(`${way}: ${why}`, async (t) => {
      t.is(await connect(chain(sent), new Network({})[way](chain(trusted))), 'ok');
    });

const refused: readonly [why: string, sent: string, trusted: string, says: RegExp][] = [
  [
    'an anchor that has expired, and no other way',
    'leaf-by-x',
    'x-expired y',
    /^UNABLE_TO_\w+ .* \(of the trusted authorities, CN=X expired on 2021-01-01\)$/,
  ],
  [
    'nothing else is trusted',
    'leaf-by-x',
    'x-expired x-not-yet-valid',
    /^UNABLE_TO_\w+ .* CN=X expired on 2021-01-01, and CN=X is not valid before 2110-01-01\)$/,
  ],
  ['an intermediate is missing', 'leaf-by-i', 'y', /^UNABLE_TO_\w+ [^(]*$/],
  ['no authority of the name signed', 'leaf-by-k-new', 'k-old', /^CERT_SIGNATURE_FAILURE /],
];

for (const [why, sent, trusted, says] of refused)
  test(`refused: ${why}`, async (t) => {
    t.regex(await connect(chain(sent), new Network({}).trustingOnly(chain(trusted))), says);
    t.regex(await connect(chain(sent), new Network({}).trusting(chain(trusted))), says);
  });

const wanted = pem('chains/y');
const damaged = pem('chains/k-old').replace(/\n[^\n]{60}/, '\nAAAA');
const others = pem('loopback-key') + wanted.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE').slice(0, 80);

const bundles: Readonly<Record<string, string>> = {
  'one that cannot be read comes first': damaged + wanted,
  'one that cannot be read comes last': wanted + damaged,
  'CR and LF at the ends of lines': wanted.replaceAll('\n', '\r\n'),
  'a byte order mark': `\uFEFF${wanted}`,
  'comments in between': `# CN=A-B\n${damaged}\n# the next\n${wanted}# end`,
  'a private key and blocks of other kinds in between': others + wanted + others,
  'lines that are indented': wanted.replaceAll('\n', '\n    '),
  'one long line': wanted.replaceAll(/(?<![-])\n(?!-)/g, ''),
  'no newline at the end': damaged.trimEnd() + wanted.trimEnd(),
};

for (const [what, bundle] of Object.entries(bundles))
  test(`a bundle with ${what}`, async (t) => {
    t.is(await connect(chain('leaf-by-i i-by-y'), new Network({}).trustingOnly(bundle)), 'ok');
    t.is(anchorsIn(bundle).length, 1);
  });

const anchor = (pem: string, subject: string): Anchor => ({
  pem,
  subject,
  fingerprint: pem,
  fromMs: 1_000,
  untilMs: 2_000,
});
const order = (anchors: readonly Anchor[]): string => anchors.map(({ pem }) => pem).join('');

test('each further order begins a name with another of its authorities, three orders in all', (t) => {
  t.deepEqual(furtherOrders([]), []);
  t.deepEqual(furtherOrders([anchor('a', 'A'), anchor('b', 'B')]), []);
  const pair = [anchor('a', 'A'), anchor('b', 'B'), anchor('c', 'A')];
  t.deepEqual(furtherOrders(pair).map(order), ['cab']);
  const many = ['a', 'b', 'c', 'd', 'e'].map((name) => anchor(name, 'A'));
  t.deepEqual(furtherOrders(many).map(order), ['bcdea', 'cdeab']);
  t.deepEqual(furtherOrders([...pair, anchor('d', 'A')]).map(order), ['cdab', 'dacb']);
});

test('a certificate counts from its first moment to its last', (t) => {
  const valid = [999, 1_000, 1_500, 2_000, 2_001].map((nowMs) => isValidAt(nowMs)(anchor('a', 'A')));
  t.deepEqual(valid, [false, true, true, true, false]);
});

test('a block without content is none that can be read', (t) => {
  const empty = '-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n';
  t.deepEqual(certificatesIn(empty), ['-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----']);
  t.deepEqual(anchorsIn(empty), []);
});
