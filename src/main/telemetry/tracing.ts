// The spans of a poll: the poll, its region checks, the provider calls that a worker made, and the status writes.
// Parents are passed by hand; there is no ambient context to lose between threads and queues.

import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { ProviderCall } from '../../shared/checker.ts';
import type { CheckError } from '../../shared/errors.ts';

export function startPoll(tracer: Tracer, checker: string, number: number): Span {
  return tracer.startSpan(
    `poll ${checker}`,
    { attributes: { checker, 'poll.number': number } },
    ROOT_CONTEXT,
  );
}

export interface SpanRegion {
  readonly regionId: string;
  readonly regionName: string;
}

export function startRegionCheck(tracer: Tracer, poll: Span, { regionId, regionName }: SpanRegion): Span {
  const attributes = { region_id: regionId, region_name: regionName };
  return tracer.startSpan('check region', { attributes }, trace.setSpan(ROOT_CONTEXT, poll));
}

/** `written` is the name of the object, by the kind: `{ server: "…" }`. */
export function startStatusWrite(
  tracer: Tracer,
  parent: Span,
  written: Readonly<Record<string, string>>,
): Span {
  const options = { kind: SpanKind.CLIENT, attributes: written };
  return tracer.startSpan('write status', options, trace.setSpan(ROOT_CONTEXT, parent));
}

/** Ends a span; `error` marks it as failed. */
export function endSpan(span: Span, error: CheckError | null = null): void {
  if (error !== null) markFailed(span, error);
  span.end();
}

/** One client span for each call, with the call's own times, under `parent`. */
export function spanFromCalls(tracer: Tracer, parent: Span, calls: readonly ProviderCall[]): void {
  if (!parent.isRecording()) return;
  const context = trace.setSpan(ROOT_CONTEXT, parent);
  for (const { route, status, startMs, endMs, error } of calls) {
    const [method = '', template = ''] = route.split(' ');
    const span = tracer.startSpan(
      route,
      {
        kind: SpanKind.CLIENT,
        startTime: startMs,
        attributes: { 'http.request.method': method, 'url.template': template },
      },
      context,
    );
    if (status !== 0) span.setAttribute('http.response.status_code', status);
    if (error !== undefined) markFailed(span, error);
    else if (status >= 400) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endMs);
  }
}

function markFailed(span: Span, { code, message }: CheckError): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
