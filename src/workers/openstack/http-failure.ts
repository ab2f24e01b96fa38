// What went wrong with a request, as one of the closed set of codes.

import * as v from 'valibot';
import { CheckFailure, type ErrorCode, messageOf } from '../../shared/errors.ts';
import { ProxyFailure } from '../../shared/network/proxy-tunnel.ts';

/** Longest text of a cloud that we repeat in an error. */
const maxDetailLength = 200;

/** An answer whose status the caller did not ask for. */
export interface RefusedAnswer {
  /** What was asked of whom, for people. */
  readonly what: string;
  readonly status: number;
  /** The parsed body; undefined when it must not be quoted or is not JSON. */
  readonly json: unknown;
  /** What we sent and must not show, should the answer repeat it. */
  readonly token?: string | undefined;
  readonly retryAfterMs: number | null;
  /** Where it redirects to, without secrets; null when it does not. */
  readonly redirect: string | null;
  /** It came by plain HTTP, and the port is one for TLS. */
  readonly needsTls?: boolean;
}

const needsHttps = 'it speaks TLS there: the address needs https://';

/** What web servers answer to plain HTTP on a port for TLS: nginx, Go, Apache. */
export function isRefusalOfPlainHttp(status: number, text: string): boolean {
  return status === 400 && /HTTPS (?:port|server)|SSL-enabled server port/.test(text);
}

export function statusFailure(answer: RefusedAnswer): CheckFailure {
  const { what, status, retryAfterMs, redirect } = answer;
  const detail = detailOf(answer);
  return new CheckFailure({
    code: statusCode(status, retryAfterMs),
    message: `${what} answered ${status}${detail === null ? '' : ` (${detail})`}`,
    status,
    ...(redirect === null ? {} : { redirect }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}

function detailOf({ json, token, redirect, needsTls = false }: RefusedAnswer): string | null {
  if (redirect !== null)
    return `a redirect to ${redirect}, which is not followed with credentials: give the right URL`;
  return needsTls ? needsHttps : answeredMessage(json, token);
}

function statusCode(status: number, retryAfterMs: number | null): ErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  // 413 with Retry-After is how Nova's own limits answered before 429 existed; some proxies still do.
  if (status === 429 || (status === 413 && retryAfterMs !== null)) return 'rate-limited';
  return status >= 500 ? 'server-error' : 'unexpected-status';
}

const faultBodySchema = v.record(v.string(), v.fallback(v.nullable(v.object({ message: v.string() })), null));

/** Octavia's faults; the others' are below. */
const faultStringSchema = v.object({ faultstring: v.string() });

/** OpenStack's faults are `{"<kind>": {"code": …, "message": "…"}}`, whatever the kind. */
function answeredMessage(json: unknown, token: string | undefined): string | null {
  const parsed = v.safeParse(faultBodySchema, json);
  const message = parsed.success
    ? (Object.values(parsed.output).find((fault) => fault !== null)?.message ?? faultString(json))
    : null;
  const shown = token ? message?.replaceAll(token, '[redacted]') : message;
  return shown?.replaceAll(/\s+/g, ' ').trim().slice(0, maxDetailLength) ?? null;
}

function faultString(json: unknown): string | undefined {
  const parsed = v.safeParse(faultStringSchema, json);
  return parsed.success ? parsed.output.faultstring : undefined;
}

const timeouts = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);
const tlsCode =
  /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO|UNSPECIFIED$|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_EXCEEDED)/;
/** The other side closed a connection: it may have been idle too long for its taste. */
const closedCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** A request that got no answer, or not the whole of one. A CheckFailure passes as it is. */
export function transportFailure(what: string, thrown: unknown): CheckFailure {
  if (thrown instanceof CheckFailure) return thrown;
  if (thrown instanceof ProxyFailure)
    return new CheckFailure(
      { code: 'unreachable', message: `${what} failed: ${thrown.message}` },
      { cause: thrown },
    );
  const code = errorCode(thrown);
  const reason = isTlsAlert(thrown) ? needsHttps : messageOf(thrown) || String(thrown);
  return new CheckFailure(
    { code: transportCode(code), message: `${what} failed: ${code ?? reason}${hint(code, reason)}` },
    { cause: thrown },
  );
}

/** Node's parser shows what it could not read. A record of TLS that tells of a failure begins with this byte. */
function isTlsAlert(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !('rawPacket' in thrown)) return false;
  return thrown.rawPacket instanceof Uint8Array && thrown.rawPacket[0] === 0x15;
}

export function isClosedConnection(thrown: unknown): boolean {
  const code = errorCode(thrown);
  return code !== null && closedCodes.has(code);
}

function transportCode(code: string | null): ErrorCode {
  if (code === null || code === 'UND_ERR_INVALID_ARG') return 'internal';
  // The worker gave up its connections under the request.
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return 'cancelled';
  if (timeouts.has(code)) return 'timeout';
  if (tlsCode.test(code)) return 'tls';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'response-too-large';
  // What answers there speaks no HTTP, or its compressed body is damaged.
  if (/^(?:HPE_|Z_|ERR_(?:BROTLI|ZSTD)|UND_ERR_RES_CONTENT_LENGTH)/.test(code)) return 'invalid-response';
  return 'unreachable';
}

function hint(code: string | null, reason: string): string {
  return code === null || reason.includes(code) ? '' : ` (${reason.slice(0, maxDetailLength)})`;
}

function errorCode(thrown: unknown): string | null {
  if (!(thrown instanceof Error)) return null;
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  // Undici's parser has a code for some of its errors only.
  return thrown.name === 'HTTPParserError' ? 'HPE_INVALID' : null;
}
