// What to do about each way in which a region can fail.

import type { CheckError, ErrorCode } from '../shared/errors.ts';

const remedies: Readonly<Record<ErrorCode, string>> = {
  timeout:
    'is the service up, and does a firewall or network policy drop the packets? if it is only slow, raise --request-timeout',
  unreachable:
    'check host and port of the endpoint, that the service runs, and that no firewall or network policy is in between',
  tls: "put the PEM of the authority that signed the certificate into the key ca.crt of the region's Secret, or renew the certificate",
  unauthorized: 'correct user id, password or project id, or give the user a role on the project',
  forbidden: 'give the user a role on the project that may read servers and flavors',
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

/** What helps with a service that is asked after a login, at the address that the catalog gives. */
export const catalogRemedies: Partial<typeof remedies> = {
  unreachable:
    "let the monitor reach this address (DNS, firewall, network policy, proxy), or correct the public endpoint in the cloud's catalog",
  unauthorized:
    "the login worked, so the service does not accept Keystone's tokens: ask the cloud's operator to look at its keystone_authtoken settings and at its clock",
};

/** For values that were stored with white space at an end. */
export const withoutNewline =
  'store the value without it: "echo -n", or kubectl create secret generic --from-literal';

/** By what the message says, for causes that are more special than their code. */
const specialRemedies: readonly (readonly [ErrorCode, RegExp, string])[] = [
  [
    'tls',
    /WRONG_VERSION_NUMBER|EPROTO/,
    'nothing there speaks TLS: is the port right, or is the endpoint http://?',
  ],
  ['tls', /CERT_HAS_EXPIRED/, 'renew the certificate'],
  ['tls', /CERT_NOT_YET_VALID/, 'is the clock of this machine right? if it is, the certificate begins later'],
  ['tls', /ALTNAME_INVALID/, 'use the host name that the certificate is for, or have one made for this name'],
  [
    'tls',
    /KEY_TOO_SMALL|MD_TOO_WEAK|too weak|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/,
    'the TLS of the service is too old: have its certificate or its software renewed',
  ],
  [
    'tls',
    /UNRECOGNIZED_NAME/,
    'the service knows no host of this name: use the name that its certificate is for',
  ],
  [
    'tls',
    /_ALERT_/,
    'the service refused us: if it wants a client certificate, have it let the monitor in without one, as it has none; if not, its TLS is too old',
  ],
  [
    'unreachable',
    /other side closed|ECONNRESET|EPIPE/,
    'is the service restarting? with http://, is it a port for https? with https://, does it want a client certificate, which the monitor does not have?',
  ],
  [
    'tls',
    /ISSUER|SELF_SIGNED|LEAF_SIGNATURE/,
    "put the PEM of the authority that signed the certificate into the key ca.crt of the region's Secret, or into the trust store of the system (SSL_CERT_FILE names another)",
  ],
  [
    'unreachable',
    /the proxy \S+ \(\w+\) (?:wants|does not accept) /,
    "put the proxy's user and password into its variable: http://user:password@host:port, special characters percent-encoded",
  ],
  [
    'unreachable',
    /the proxy \S+ \(\w+\) answered/,
    'have the proxy allow the host, or add the host to NO_PROXY',
  ],
  [
    'unreachable',
    /the proxy \S+ \(\w+\) /,
    'correct the variable that names the proxy, or add the host to NO_PROXY',
  ],
  [
    'timeout',
    /, nor a connection$/,
    'is the host up, does a firewall drop the packets, or is it reached through a proxy only (HTTPS_PROXY, HTTP_PROXY)?',
  ],
];

/** Null where the code alone decides. */
export function specialRemedy({ code, message, redirect }: CheckError): string | null {
  if (redirect !== undefined) return redirectRemedy(redirect);
  if (message.includes('the address needs https://'))
    return 'correct the scheme: https://, in spec.openstack.endpoint or, for another service, in the catalog of the cloud';
  if (/(?:ends with a newline|ends with a space|begins with white space)/.test(message))
    return withoutNewline;
  return specialRemedies.find(([of, pattern]) => of === code && pattern.test(message))?.[2] ?? null;
}

/** Keystone's own path tells a service that moved from a page that wants a person to log in. */
function redirectRemedy(redirect: string): string {
  const [, endpoint] = /^(https?:\/\/.*?)\/v3(?:\/.*)?$/.exec(redirect) ?? [];
  return endpoint === undefined
    ? `the service sends us to ${redirect}: if that is the service, give its address; if it is a login page, let the monitor past it`
    : `set spec.openstack.endpoint of the Region to ${endpoint}`;
}

export function remedyFor(error: CheckError): string {
  return specialRemedy(error) ?? remedies[error.code];
}
