// Certificates and keys, and the files that they are read from again.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { TlsSource, whyUnusable } from '../../../../src/main/kubernetes/access/tls-material.ts';
import { ScriptedClock } from '../../../fixtures/scripted-clock.ts';

const pems = fileURLToPath(new URL('../../../fixtures/tls/', import.meta.url));
const pem = async (name: string) => readFile(join(pems, name));
const ca = await pem('ca.pem');
const cert = await pem('client.pem');
const key = await pem('loopback-key.pem');
/** Of the kind of `key`, and of another. */
const ecKey = pkcs8(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const rsaKey = pkcs8(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const nonsense = Buffer.from('nonsense');

function pkcs8({ privateKey }: { readonly privateKey: KeyObject }): Buffer {
  return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

for (const [what, material, why] of [
  ['nothing', {}, /^$/],
  ['an authority', { ca }, /^$/],
  ['authorities, and a text between them', { ca: Buffer.concat([ca, nonsense, ca]) }, /^$/],
  ['a certificate and its key', { cert, key }, /^$/],
  ['both in one file', { cert: Buffer.concat([key, cert]), key: Buffer.concat([cert, key]) }, /^$/],
  ['an authority that is not one', { ca: nonsense }, /^the authority is not a PEM certificate$/],
  ['an empty authority', { ca: Buffer.alloc(0) }, /^the authority is not a PEM certificate$/],
  ['a certificate that is not one', { cert: nonsense, key }, /./],
  ['a key that is not one', { cert, key: nonsense }, /./],
  ['a key alone that is not one', { key: nonsense }, /./],
  ['the key of another certificate', { cert, key: ecKey }, /key values mismatch/],
  ['a key of another kind', { cert, key: rsaKey }, /^the key does not belong to the certificate$/],
] as const)
  test(`TLS material is looked at before it is used: ${what}`, (t) => {
    t.regex(whyUnusable(material), why);
  });

async function files(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'tls-material-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  const at = (part: string): string => join(dir, part);
  return {
    paths: { ca: at('ca'), cert: at('cert'), key: at('key') },
    put: async (part: 'ca' | 'cert' | 'key', from: string) => copyFile(join(pems, from), at(part)),
    write: async (part: 'ca' | 'cert' | 'key', content: Buffer) => writeFile(at(part), content),
    lose: async (part: 'ca' | 'cert' | 'key') => rm(at(part)),
  };
}

test('files are read again after a minute, or at once, and the material stays the same object until they change', async (t) => {
  const { paths, put } = await files(t);
  await put('ca', 'ca.pem');
  const clock = new ScriptedClock();
  const source = new TlsSource({ ca, servername: 'api' }, { ca: paths.ca }, clock);
  const first = source.current;
  await clock.pass(60_000);
  await source.refresh(false);
  t.is(source.current, first);
  await put('ca', 'other-ca.pem');
  await clock.pass(59_999);
  await source.refresh(false);
  t.is(source.current, first, 'a minute has not passed since they were read');
  await clock.pass(1);
  await source.refresh(false);
  t.deepEqual(source.current, { ca: await pem('other-ca.pem'), servername: 'api' });
  await put('ca', 'ca.pem');
  await source.refresh(true);
  t.deepEqual(source.current, first);
});

test('a pair that is half replaced, or half gone, is used when it is whole again', async (t) => {
  const { paths, put, write, lose } = await files(t);
  await put('cert', 'client.pem');
  await put('key', 'loopback-key.pem');
  const source = new TlsSource({ cert, key }, { cert: paths.cert, key: paths.key }, new ScriptedClock());
  const first = source.current;
  await put('cert', 'loopback.pem');
  for (const half of [ecKey, rsaKey, nonsense]) {
    await write('key', half);
    await source.refresh(true);
    t.is(source.current, first);
  }
  await lose('key');
  await source.refresh(true);
  t.is(source.current, first);
  await put('key', 'loopback-key.pem');
  await source.refresh(true);
  t.deepEqual(source.current, { cert: await pem('loopback.pem'), key });
});

test('what does not stand in files is not read, and what a plugin gives takes its place', async (t) => {
  const source = new TlsSource({ ca, cert, key }, {}, new ScriptedClock());
  const first = source.current;
  await source.refresh(true);
  t.is(source.current, first);
  source.take({ cert: Buffer.from(cert), key: Buffer.from(key) });
  t.is(source.current, first, 'the same bytes');
  source.take({});
  t.is(source.current, first, 'a plugin that gives a token only');
  const loopback = await pem('loopback.pem');
  source.take({ cert: loopback, key });
  t.deepEqual(source.current, { ca, cert: loopback, key });
  source.take({ cert: nonsense, key });
  t.deepEqual(source.current, { ca, cert: loopback, key }, 'what cannot be used is left');
});
