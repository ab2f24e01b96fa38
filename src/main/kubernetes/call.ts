// One request to the API server in words: what it asks for, and what its failure is called.

import { retryAfterMs } from '../../shared/retry-after.ts';
import { ApiError, advice, reasonOf } from './errors.ts';
import { meaningOf } from './paths.ts';

export interface Call {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly body?: { readonly type: string; readonly text: string };
  readonly watch?: boolean;
  /** Asked right before it is sent; false ends it with the reason "Withheld". */
  readonly mayBeSent?: (() => boolean) | undefined;
}

/** `what` is for messages: "patch servers/status web-1 in namespace shop". */
export function describe(call: Call): { verb: string; resource: string; what: string } {
  const { resource, name, namespace } = meaningOf(call.path);
  const reading = call.watch === true ? 'watch' : name === '' && !resource.startsWith('/') ? 'list' : 'get';
  const verb = call.method === 'PATCH' ? 'patch' : call.method === 'POST' ? 'create' : reading;
  const where = namespace === '' ? '' : ` in namespace ${namespace}`;
  return { verb, resource, what: `${verb} ${resource}${name === '' ? '' : ` ${name}`}${where}` };
}

/** For a call that got no answer, or none to the end. */
export function noAnswer(call: Call, reason: string, detail: string, cause?: unknown): ApiError {
  const { verb, resource, what } = describe(call);
  const fields = { status: 0, verb, resource, reason, retryAfterMs: null };
  return new ApiError(withAdvice(`${what}: ${detail}`, 0, reason), fields, { cause });
}

/** For an answer that is a refusal. */
export function failure(
  call: Call,
  answer: { readonly status: number; readonly retryAfter: string | undefined; readonly text: string },
): ApiError {
  const { verb, resource, what } = describe(call);
  const { status } = answer;
  const { reason, message } = statusOf(withoutCredentials(answer.text));
  const waitMs = retryAfterMs(answer.retryAfter, Date.now());
  return new ApiError(
    withAdvice(`${what}: ${status}${reason === '' ? '' : ` ${reason}`}: ${message}`, status, reason),
    { status, verb, resource, reason, retryAfterMs: waitMs },
  );
}

/** The JSON of an answer. Its text is not quoted: it may be a Secret's. */
export function parse(call: Call, status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { verb, resource, what } = describe(call);
    throw new ApiError(`${what}: the response is not JSON (is this the address of an API server?)`, {
      status,
      verb,
      resource,
      reason: 'InvalidResponse',
      retryAfterMs: null,
    });
  }
}

/** Some proxies repeat what they were sent. */
function withoutCredentials(text: string): string {
  return text.replaceAll(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 [redacted]');
}

/** Reason and message of a Status object, or the beginning of whatever else came: a proxy's page, for example. */
function statusOf(text: string): { reason: string; message: string } {
  const beginning = text.trim().slice(0, 200);
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return { reason: '', message: beginning };
    const { message } = { message: '', ...parsed };
    return {
      reason: reasonOf(parsed),
      message: typeof message === 'string' && message !== '' ? message.slice(0, 1000) : beginning,
    };
  } catch {
    return { reason: '', message: beginning };
  }
}

function withAdvice(message: string, status: number, reason: string): string {
  const hint = advice(status, reason);
  return hint === '' ? message : `${message} (${hint})`;
}
