import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { Anchor } from '../../../src/shared/network/anchors.ts';
import { readSystemTrust } from '../../../src/shared/network/trust.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8').trim();
const root = pem('chain-root.pem');
const other = pem('other-ca.pem');
const ours = pem('ca.pem');

function directory(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'trust-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

const pems = (anchors: readonly Anchor[]): Set<string> => new Set(anchors.map(({ pem }) => pem));

const nowhere = { files: [], directories: [] };

test('the first of the usual files that is there counts, and all of the usual directories', (t) => {
  const path = directory(t, { 'a.crt': root, 'b.crt': other });
  const certs = directory(t, { 'c.pem': ours, README: 'no certificate' });
  const files = [join(path, 'none'), join(path, 'a.crt'), join(path, 'b.crt')];
  const { further, problems } = readSystemTrust({}, { files, directories: [join(path, 'none'), certs] });
  t.deepEqual(pems(further), new Set([root, ours]));
  t.deepEqual(problems, []);
});

test('SSL_CERT_FILE and SSL_CERT_DIR each take the place of the usual ones', (t) => {
  const path = directory(t, { 'a.crt': root, 'b.crt': other });
  const one = directory(t, { 'c.pem': ours });
  const two = directory(t, { 'd.pem': `text before\n${other}\n` });
  const usual = { files: [join(path, 'a.crt')], directories: [path] };
  const file = readSystemTrust({ SSL_CERT_FILE: join(path, 'b.crt') }, { ...usual, directories: [] });
  t.deepEqual(pems(file.further), new Set([other]));
  const directories = readSystemTrust({ SSL_CERT_DIR: `${one}:${two}` }, { ...usual, files: [] });
  t.deepEqual(pems(directories.further), new Set([ours, other]));
});

test('what Node trusts anyway, and links within a directory, are not counted again', (t) => {
  const [known = ''] = getCACertificates('bundled');
  const path = directory(t, { 'known.crt': known, 'a.crt': `${root}\n${root}` });
  symlinkSync('a.crt', join(path, '0123abcd.0'));
  t.deepEqual(pems(readSystemTrust({}, { files: [], directories: [path] }).further), new Set([root]));
});

test('a certificate that cannot be read spoils none of the others', (t) => {
  const damaged = root.replace(/\n[^\n]{60}/, '\nAAAA');
  const path = directory(t, { 'a.crt': `${damaged}\n${other}` });
  t.deepEqual(
    pems(readSystemTrust({ SSL_CERT_FILE: join(path, 'a.crt') }, nowhere).further),
    new Set([other]),
  );
});

const problems: readonly [name: string, variable: string, file: string, says: RegExp][] = [
  [
    'is not there',
    'SSL_CERT_FILE',
    'none',
    /^SSL_CERT_FILE names .*none, which cannot be read \(ENOENT\): no authority in it is trusted; correct or unset SSL_CERT_FILE$/,
  ],
  [
    'holds none',
    'SSL_CERT_FILE',
    'README',
    /^SSL_CERT_FILE names .*README, which holds no PEM certificate: /,
  ],
  ['is a directory', 'SSL_CERT_FILE', '', /^SSL_CERT_FILE names .*, which cannot be read \(EISDIR\)/],
  [
    'is no directory',
    'SSL_CERT_DIR',
    'README',
    /^SSL_CERT_DIR names .*README, which cannot be read \(ENOTDIR\)/,
  ],
];

for (const [name, variable, file, says] of problems)
  test(`${variable} that ${name} is a problem with a remedy, and the rest is trusted`, (t) => {
    const path = directory(t, { README: 'no certificate', 'a.crt': root });
    const usual = { files: [join(path, 'a.crt')], directories: [directory(t, { 'b.crt': other })] };
    const trust = readSystemTrust({ [variable]: join(path, file) }, usual);
    t.is(trust.problems.length, 1);
    t.regex(trust.problems[0] ?? '', says);
    t.deepEqual(pems(trust.further), new Set([variable === 'SSL_CERT_FILE' ? other : root]));
  });
