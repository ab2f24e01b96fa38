// What a request is answered with, before it goes out.

import type { KubernetesFailure } from './failure.ts';
import type { WatchRequest } from './watch.ts';

export interface TextAnswer {
  readonly kind: 'text';
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** A body in pieces, for lists. */
interface StreamAnswer {
  readonly kind: 'stream';
  readonly chunks: Iterable<string>;
}

interface WatchAnswer {
  readonly kind: 'watch';
  readonly request: WatchRequest;
}

export type Answer = TextAnswer | StreamAnswer | WatchAnswer;

export function jsonText(status: number, text: string, headers?: TextAnswer['headers']): TextAnswer {
  return {
    kind: 'text',
    status,
    contentType: 'application/json',
    text,
    ...(headers === undefined ? {} : { headers }),
  };
}

export function failureAnswer(failure: KubernetesFailure): TextAnswer {
  const { retryAfterSeconds } = failure;
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return jsonText(failure.code, JSON.stringify(failure.status), headers);
}

export function plain(status: number, text: string): TextAnswer {
  return { kind: 'text', status, contentType: 'text/plain; charset=utf-8', text };
}
