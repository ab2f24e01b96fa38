// What to do about each way in which a region can fail.

import type { CheckError, ErrorCode } from '../shared/errors.ts';

const remedies: Readonly<Record<ErrorCode, string>> = {
  timeout:
    'is the service up, and does a firewall or network policy drop the packets? if it is only slow, raise --request-timeout',
  unreachable:
    'check host and port of the endpoint, that the service runs, and that no firewall or network policy is in between',
  tls: "put the PEM of the authority that signed the certificate into the key ca.crt of the region's Secret, or renew the certificate",
  unauthorized: 'correct user id, password or project id, or give the user a role on the project',
  forbidden: 'give the user a role on the project that may read servers and flavours',
  'not-found': "is the endpoint's path right? the service knows nothing there",
  'rate-limited': 'wait a little, or have the limit of the cloud raised',
  'server-error': "ask the cloud's operator: the service itself fails",
  'unexpected-status': 'is that really an OpenStack service? a proxy in between may answer instead',
  'invalid-response': 'is that really an OpenStack service? a proxy in between may answer instead',
  'response-too-large': 'is that really an OpenStack service?',
  'no-endpoint':
    "add the public compute endpoint to the cloud's catalog, or correct the key region-name of the region's Secret",
  'wrong-scope': 'give the user a role on the project, and check project-id',
  'invalid-config': 'correct the object and the field that the message names',
  unsupported: 'the monitor cannot watch a region of this kind',
  cancelled: '',
  'worker-crashed': 'report it, with the log of the monitor',
  'worker-stuck': 'report it, with the log of the monitor',
  'worker-out-of-memory': 'report it, with the log of the monitor',
  'queue-full': 'raise --workers',
  internal: 'report it, with this message',
};

/** What is wrong with a certificate, or with the handshake, by the code that the message holds. */
const tlsRemedies: readonly (readonly [RegExp, string])[] = [
  [/WRONG_VERSION_NUMBER|EPROTO/, 'nobody speaks TLS there: is the port right, or is the endpoint http://?'],
  [/CERT_HAS_EXPIRED/, 'renew the certificate'],
  [/ALTNAME_INVALID/, 'use the host name that the certificate is for, or have one made for this name'],
];

export function remedyFor({ code, message }: CheckError): string {
  const special = code === 'tls' ? tlsRemedies.find(([pattern]) => pattern.test(message)) : undefined;
  return special?.[1] ?? remedies[code];
}
