// Errors cross the thread boundary as data: structured clone drops class, code and fields.

/** Every code that a check can fail with. What to do about each is in its comment. */
export const errorCodes = [
  /** No answer within the deadline: is the cloud slow, or is the request time-out too short? */
  'timeout',
  /** No connection (refused, reset, no route, name not found): is the endpoint right, is the service up? */
  'unreachable',
  /** The certificate was not accepted: give the region's CA, or fix the certificate. */
  'tls',
  /** The cloud refused the credentials (401): rotate the password in the Secret or the OpenstackIdentity. */
  'unauthorized',
  /** The credentials lack a right (403): grant the role. */
  'forbidden',
  /** What was asked for is not there (404). */
  'not-found',
  /** The cloud asked to slow down (429); `retryAfterMs` says for how long, if it said so. */
  'rate-limited',
  /** The cloud failed (5xx). */
  'server-error',
  /** Any other status that the API does not document. */
  'unexpected-status',
  /** The answer was not JSON, or not of the documented shape. */
  'invalid-response',
  /** The answer was larger than we accept. */
  'response-too-large',
  /** The token's catalog has no usable endpoint for a service. */
  'no-endpoint',
  /** The token is not scoped to the project, so an empty list would say nothing. */
  'wrong-scope',
  /** A Region, Secret or OpenstackIdentity holds something unusable: the message names object and field. */
  'invalid-config',
  /** The provider does not support the operation. */
  'unsupported',
  /** The monitor is shutting down. */
  'cancelled',
  /** The worker thread ended (crash, exit) while it ran the check. */
  'worker-crashed',
  /** The worker thread's event loop stood still, so it was ended. */
  'worker-stuck',
  /** The worker thread reached its memory limit. */
  'worker-out-of-memory',
  /** Too many jobs wait for a worker. */
  'queue-full',
  /** A defect of ours. */
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

const regionWide: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'timeout',
  'unreachable',
  'tls',
  'server-error',
  'rate-limited',
  'invalid-response',
  'response-too-large',
  'unexpected-status',
  'no-endpoint',
  'not-found',
  'worker-crashed',
  'worker-stuck',
  'worker-out-of-memory',
  'queue-full',
  'internal',
]);

/** Whether a failure says something of the region as a whole, and not of one project's credentials or rights. */
export function concernsRegion(code: ErrorCode): boolean {
  return regionWide.has(code);
}

const answers: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['unauthorized', 'forbidden', 'wrong-scope']);

/** Whether the region itself said no, quickly and on purpose: it is up, whatever it thinks of us. */
export function isAnswer(code: ErrorCode): boolean {
  return answers.has(code);
}

/** An error as data: safe to send, to log and to count. Never holds a credential. */
export interface CheckError {
  code: ErrorCode;
  message: string;
  /** HTTP status, where one was received. */
  status?: number;
  /** Milliseconds that the other side asked us to wait. */
  retryAfterMs?: number;
  /** Where the other side redirected us: a URL without credentials, query and fragment. */
  redirect?: string;
  /** The time of the whole check was over, not that of one request; and how many pages of a list had been read then. */
  overtime?: { readonly pagesRead: number };
}

/** A CheckError on its way up the stack of one thread. */
export class CheckFailure extends Error {
  readonly error: CheckError;

  constructor(error: CheckError, options?: ErrorOptions) {
    const short = error.message.length <= maxMessageLength;
    super(short ? error.message : error.message.slice(0, maxMessageLength), options);
    this.name = 'CheckFailure';
    this.error = short ? error : { ...error, message: this.message };
  }
}

/** A cloud may have made it long: of all the regions that a catalog has, for example. */
const maxMessageLength = 2_000;

/** Anything that was thrown, as data. What is not a CheckFailure is a defect and keeps its message only. */
export function toCheckError(thrown: unknown): CheckError {
  if (thrown instanceof CheckFailure) return thrown.error;
  return {
    code: 'internal',
    message: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown),
  };
}

/** Anything that was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // OpenSSL's own message has a thread's number and a line of its source: "wrong version number" says enough.
  return 'library' in thrown && 'reason' in thrown && typeof thrown.reason === 'string'
    ? thrown.reason
    : thrown.message;
}

/** The code of a system error (ENOENT, ECONNREFUSED, …); "" where there is none. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}
