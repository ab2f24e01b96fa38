// What is said to a credential plugin and what it answers: the API group client.authentication.k8s.io.

import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import type { TlsMaterial } from './cluster-access.ts';
import { whyUnusable } from './tls-material.ts';

export const defaultApiVersion = 'client.authentication.k8s.io/v1';
export const apiVersions: readonly string[] = [defaultApiVersion, 'client.authentication.k8s.io/v1beta1'];
/** The extension of a cluster that a plugin is given as it is. */
export const clusterExtension = 'client.authentication.k8s.io/exec';

/** The cluster as a plugin is told of it, when it wants that (provideClusterInfo). Keys as in the kubeconfig. */
export type ClusterInfo = Readonly<Record<string, unknown>>;

export interface PluginCredentials {
  /** Undefined where the certificate says it all. */
  readonly authorization: string | undefined;
  readonly certificate: Pick<TlsMaterial, 'cert' | 'key'>;
  /** Epoch milliseconds; Infinity for "until it is refused". */
  readonly expiresMs: number;
}

/** For KUBERNETES_EXEC_INFO. */
export function execInfo(apiVersion: string, cluster: ClusterInfo | null): string {
  return JSON.stringify({
    kind: 'ExecCredential',
    apiVersion,
    spec: { ...(cluster === null ? {} : { cluster }), interactive: false },
  });
}

const text = v.nullish(v.string(), '');

const answerSchema = v.object({
  kind: v.literal('ExecCredential'),
  apiVersion: text,
  status: v.nullish(
    v.object({
      token: text,
      clientCertificateData: text,
      clientKeyData: text,
      expirationTimestamp: v.nullish(v.pipe(v.string(), v.transform(Date.parse), v.number('Invalid time'))),
    }),
  ),
});

/** Throws an Error that says what is wrong, without a word of what was printed. */
export function parseExecCredential(stdout: string, apiVersion: string): PluginCredentials {
  const result = v.safeParse(answerSchema, parseJson(stdout));
  if (!result.success) {
    const [issue] = result.issues;
    const expected = issue.message.replace(/ but received .*$/s, '');
    throw new Error(
      `its output is not an ExecCredential: ${v.getDotPath(issue) ?? 'all of it'}: ${expected}`,
    );
  }
  const { apiVersion: answered, status } = result.output;
  if (answered !== '' && answered !== apiVersion)
    throw new Error(
      `it answers with apiVersion ${answered.slice(0, 100)}, but the kubeconfig says ${apiVersion}`,
    );
  if (!status) throw new Error('its output has no status');
  const { token, clientCertificateData: cert, clientKeyData: key } = status;
  if (token === '' && cert === '' && key === '')
    throw new Error('its output has neither a token nor a certificate');
  if ((cert === '') !== (key === ''))
    throw new Error(
      `its output has only ${key === '' ? 'a certificate, not its key' : 'a key, not its certificate'}`,
    );
  const authorization = token === '' ? undefined : `Bearer ${token}`;
  const expiresMs = status.expirationTimestamp ?? Infinity;
  if (cert === '') return { authorization, certificate: {}, expiresMs };
  const certificate = { cert: Buffer.from(cert), key: Buffer.from(key) };
  if (whyUnusable(certificate) !== '')
    throw new Error('its certificate and key are not PEM, or do not belong together');
  const endMs = Date.parse(new X509Certificate(cert).validTo);
  return { authorization, certificate, expiresMs: Math.min(expiresMs, endMs) };
}

function parseJson(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(stdout.trim() === '' ? 'it printed nothing' : 'its output is not JSON');
  }
}

const longestNotice = 1_000;

/** What a plugin wrote for people: its end, in one line, without what may be a credential. */
export function notice(stderr: string): string {
  const shown = stderr
    .replaceAll(/-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?(-----END [^-]*-----|$)/g, '[redacted]')
    .replaceAll(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 [redacted]')
    .replaceAll(/\beyJ[\w-]+(\.[\w-]+)*/g, '[redacted]')
    .replaceAll(
      /((?:token|password|passwd|secret|key|data|credential)s?"?\s*[:=]\s*)"?[^\s"]{12,}"?/gi,
      '$1[redacted]',
    )
    .replaceAll(/[^\P{C}\s]/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return shown.length > longestNotice ? `…${shown.slice(-longestNotice)}` : shown;
}
