// What the sandbox's cloud answers, before it goes on the wire.

import { type Json, toJson } from './json.ts';

export interface Answer {
  readonly status: number;
  /** Null for the reason phrase that goes with the status. */
  readonly reason: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A request as the routes see it. */
export interface CloudRequest {
  readonly method: string;
  /** Decoded path, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export function header(request: CloudRequest, name: string): string | null {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

export function bodyAnswer(status: number, body: Buffer, headers: Record<string, string> = {}): Answer {
  return { status, reason: null, headers: { 'Content-Type': 'application/json', ...headers }, body };
}

export function jsonAnswer(status: number, body: Json, headers: Record<string, string> = {}): Answer {
  return bodyAnswer(status, Buffer.from(toJson(body), 'latin1'), headers);
}

export function emptyAnswer(status: number, headers: Record<string, string> = {}): Answer {
  return { status, reason: null, headers, body: Buffer.alloc(0) };
}

export function htmlAnswer(status: number, html: string): Answer {
  return {
    status,
    reason: null,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    body: Buffer.from(html),
  };
}

/** How all services but Keystone refuse a token: its middleware answers for them. */
export function tokenRefused(endpoint: string, headers: Record<string, string> = {}): Answer {
  const message = 'The request you have made requires authentication.';
  return jsonAnswer(
    401,
    { error: { code: 401, title: 'Unauthorized', message } },
    { 'WWW-Authenticate': `Keystone uri="${endpoint}"`, ...headers },
  );
}

const novaFaultKeys: Readonly<Record<number, string>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  429: 'overLimit',
  503: 'serviceUnavailable',
};

/** An error as Nova words it: one key that names the kind of fault. */
export function novaFault(status: number, message: string, headers: Record<string, string> = {}): Answer {
  return jsonAnswer(
    status,
    { [novaFaultKeys[status] ?? 'computeFault']: { code: status, message } },
    {
      'Content-Type': 'application/json; charset=UTF-8',
      ...headers,
    },
  );
}

/** An error as Keystone words it, without blanks. */
export function keystoneError(
  status: number,
  title: string,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  return bodyAnswer(
    status,
    Buffer.from(JSON.stringify({ error: { code: status, message, title } })),
    headers,
  );
}
