// What can go wrong between the monitor and the API server, as one class.

export interface ApiErrorFields {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** As in RBAC: get, list, watch, patch, create. */
  readonly verb: string;
  /** As in RBAC, with the subresource: "servers", "servers/status", "secrets"; else the path. */
  readonly resource: string;
  /**
   * The API server's own word for it ("NotFound", "Conflict", "Forbidden", "Expired", "ResourceVersionTooLarge", …), or,
   * where it gave none, one of ours: "Unreachable", "Proxy", "TLS", "Timeout", "IdleTimeout", "Aborted", "Credentials",
   * "ResponseTooLarge", "InvalidResponse", "InvalidName", "Withheld".
   */
  readonly reason: string;
  /** How long the API server asked us to wait, milliseconds. */
  readonly retryAfterMs: number | null;
}

/** A request to the API server that failed. The message says what to do; it never holds a credential. */
export class ApiError extends Error implements ApiErrorFields {
  readonly status: number;
  readonly verb: string;
  readonly resource: string;
  readonly reason: string;
  readonly retryAfterMs: number | null;

  constructor(message: string, fields: ApiErrorFields, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ApiError';
    this.status = fields.status;
    this.verb = fields.verb;
    this.resource = fields.resource;
    this.reason = fields.reason;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

/** What a person can do about a failure, or "" where the message of the API server says enough. */
export function advice(status: number, reason: string): string {
  if (status === 401)
    return 'the API server does not accept our credentials: renew the token, certificate or kubeconfig';
  if (status === 403) return 'grant the right in the role that is bound to this account';
  if (status >= 300 && status <= 399)
    return 'something in front of the API server answers: give the address of the API server itself';
  if (status === 429) return 'the API server asks for fewer requests: the monitor retries after a pause';
  switch (reason) {
    case 'Unreachable':
      return 'is the API server up, is its address right, does a network policy forbid it?';
    case 'Proxy':
      return 'correct the proxy, or add the host of the API server to NO_PROXY';
    case 'TLS':
      return "the API server's certificate was not accepted: is the certificate authority of the cluster right?";
    case 'TLSName':
      return 'use a host name that the certificate is for, or name one of them by tls-server-name in the kubeconfig';
    case 'TLSTime':
      return 'renew the certificate of the API server, and is the clock of this machine right?';
    case 'TLSPlain':
      return 'nothing there speaks TLS: is the port right, or does the kubeconfig need http://?';
    case 'TLSClient':
      return 'the API server does not accept our client certificate, or wants one: renew client-certificate and client-key';
    case 'Timeout':
      return 'is the API server overloaded, or does something on the way to it hold packets back?';
    case 'Credentials':
      return 'fix the token, its file or the credential plugin in the kubeconfig';
    default:
      return '';
  }
}

const tlsReasons: readonly (readonly [RegExp, string])[] = [
  [/ALTNAME_INVALID|HOSTNAME_MISMATCH/, 'TLSName'],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'TLSTime'],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/, 'TLSPlain'],
  [/_ALERT_\w*CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_ACCESS_DENIED/, 'TLSClient'],
  [/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|UNSPECIFIED|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/, 'TLS'],
];

/** What is wrong with TLS, by the code of the error; undefined where it is something else. */
export function tlsReason(code: string): string | undefined {
  return tlsReasons.find(([pattern]) => pattern.test(code))?.[1];
}

/**
 * The reason that a Status object gives, or "". A cause that says more goes first: "ResourceVersionTooLarge" comes as a
 * mere "Timeout". Old API servers give that cause in the message only.
 */
export function reasonOf(status: object): string {
  const { reason, message, details }: Readonly<Record<string, unknown>> = {
    reason: '',
    message: '',
    details: null,
    ...status,
  };
  if (reason === 'Timeout') {
    const causes =
      typeof details === 'object' && details !== null && 'causes' in details ? details.causes : [];
    const named = Array.isArray(causes) && causes.some((cause: unknown) => isTooLarge(cause));
    if (named || (typeof message === 'string' && message.includes('Too large resource version')))
      return 'ResourceVersionTooLarge';
  }
  return typeof reason === 'string' ? reason : '';
}

function isTooLarge(cause: unknown): boolean {
  return (
    typeof cause === 'object' &&
    cause !== null &&
    'reason' in cause &&
    cause.reason === 'ResourceVersionTooLarge'
  );
}
