// Which authorities are trusted: Node's own list and the system's, found as Go finds it: the file that
// SSL_CERT_FILE names or else the first of the usual files, and the directories of SSL_CERT_DIR or else the usual ones.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { codeOf, messageOf } from '../errors.ts';
import { type Anchor, certificatesIn, readable } from './anchors.ts';
import type { Environment } from './proxy-rules.ts';

/** Go's list (crypto/x509/root_linux.go): Debian, Fedora, openSUSE, OpenELEC, RHEL 7, Alpine. */
const systemFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const systemDirectories = ['/etc/ssl/certs', '/etc/pki/tls/certs'];

export interface SystemTrust {
  /** The certificates that Node does not trust anyway. */
  readonly further: readonly Anchor[];
  /** What cannot be read, and what to do about it. */
  readonly problems: readonly string[];
}

/** Reads files, synchronously: call it once. */
export function readSystemTrust(
  env: Environment,
  places: { files: readonly string[]; directories: readonly string[] } = {
    files: systemFiles,
    directories: systemDirectories,
  },
): SystemTrust {
  const { SSL_CERT_FILE: file = '', SSL_CERT_DIR: directories = '' } = env;
  const problems: string[] = [];
  const found = new Set<string>();
  const keep = (text: string): number => {
    const certificates = certificatesIn(text);
    for (const pem of certificates) found.add(pem);
    return certificates.length;
  };
  const unusable = (variable: string, path: string, reason: string): void => {
    problems.push(
      `${variable === '' ? '' : `${variable} names `}${path}${variable === '' ? '' : ', which'} ${reason}: no authority in it is trusted; ${
        variable === '' ? 'correct its permissions' : `correct or unset ${variable}`
      }`,
    );
  };

  for (const path of file === '' ? places.files : [file]) {
    const variable = file === '' ? '' : 'SSL_CERT_FILE';
    try {
      const count = keep(readFileSync(path, 'utf8'));
      if (count === 0 && variable !== '') unusable(variable, path, 'holds no PEM certificate');
      break;
    } catch (error) {
      if (variable !== '' || codeOf(error) !== 'ENOENT')
        unusable(variable, path, `cannot be read (${codeOf(error) || messageOf(error)})`);
    }
  }
  for (const directory of directories === '' ? places.directories : directories.split(':')) {
    const variable = directories === '' ? '' : 'SSL_CERT_DIR';
    try {
      for (const path of filesIn(directory)) keep(contentOf(path));
    } catch (error) {
      if (variable !== '' || codeOf(error) !== 'ENOENT')
        unusable(variable, directory, `cannot be read (${codeOf(error) || messageOf(error)})`);
    }
  }

  for (const known of certificatesIn(getCACertificates('default').join('\n'))) found.delete(known);
  return { further: readable([...found]), problems };
}

/** Without links to names in the same directory: c_rehash makes one for each certificate. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ entry, path: join(directory, entry.name) }))
    .filter(({ entry, path }) => !entry.isSymbolicLink() || readlinkSync(path).includes('/'))
    .map(({ path }) => path);
}

/** One file of many that cannot be read is skipped, as in Go. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
