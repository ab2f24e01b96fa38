// The certificates that the variables of OpenTelemetry name. Without a usable one, the connection is as secure as before:
// the receiver is then checked against the usual authorities, and refuses a client that has to show a certificate.

import { readFileSync } from 'node:fs';
import { secureContextOf } from '../../shared/network/accepted-tls.ts';
import { anchorsIn } from '../../shared/network/anchors.ts';
import { errorText } from '../log/error-text.ts';
import { Unusable, type Variables } from './variables.ts';

/** PEM. */
export interface OtlpTls {
  /** Trusted in place of the usual authorities. */
  readonly ca?: string;
  /** The client certificate, and its key. */
  readonly cert?: string;
  readonly key?: string;
}

export function otlpTls(
  names: (what: string) => readonly [own: string, general: string],
  variables: Variables,
): OtlpTls {
  const ca = variables.first(names('CERTIFICATE'), (path) => {
    const pem = contentOf(path);
    if (anchorsIn(pem).length === 0) throw new Unusable('its file holds no PEM certificate');
    return pem;
  });
  return { ...(ca === null ? {} : { ca }), ...clientPair(names, variables) };
}

function clientPair(names: Parameters<typeof otlpTls>[0], variables: Variables): OtlpTls {
  const certificateNames = names('CLIENT_CERTIFICATE');
  const keyNames = names('CLIENT_KEY');
  const key = variables.first(keyNames, contentOf);
  const cert = variables.first(certificateNames, (path) => {
    const pem = contentOf(path);
    if (key === null) throw new Unusable(`it needs ${keyNames[1]}, the file of its private key`);
    try {
      secureContextOf({ cert: pem, key });
    } catch (error) {
      throw new Unusable(`the certificate and the key do not fit together: ${errorText(error)}`);
    }
    return pem;
  });
  if (key === null || cert === null) {
    if (key !== null) variables.report(`${keyNames[1]} is ignored: it needs ${certificateNames[1]}`);
    return {};
  }
  return { cert, key };
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Unusable(`its file cannot be read: ${errorText(error)}`);
  }
}
