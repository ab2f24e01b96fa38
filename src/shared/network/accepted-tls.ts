// Which TLS is good enough: the same as for a Go program. OpenSSL's usual level refuses RSA keys of 1024 bits, which old
// private clouds have, and servers without secure renegotiation (RFC 5746), which harm no client that never renegotiates.

import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import {
  createSecureContext,
  DEFAULT_CIPHERS,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from 'node:tls';

/** A level that somebody chose (`--tls-cipher-list`) counts. */
export const acceptedTls: Pick<TlsOptions, 'ciphers' | 'secureOptions'> = {
  ciphers: DEFAULT_CIPHERS.includes('@SECLEVEL') ? DEFAULT_CIPHERS : `${DEFAULT_CIPHERS}:@SECLEVEL=1`,
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
};

interface Pair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** Throws for a certificate and a key that cannot be used, or do not belong together. */
export function secureContextOf(options: SecureContextOptions & Partial<Pair>): SecureContext {
  const context = createSecureContext({ ...acceptedTls, ...options });
  const { cert, key } = options;
  // OpenSSL compares the two only if they are of one kind.
  if (cert && key && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the key does not belong to the certificate');
  return context;
}
