// Sends the exports of one signal to its receiver. Failures that may pass are tried again within the time of one export,
// as the specification of OTLP says.

import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Deadline } from '../../shared/deadline.ts';
import type { Network } from '../../shared/network/network.ts';
import type { Service } from '../../shared/network/service.ts';
import { retryAfterMs } from '../../shared/retry-after.ts';
import type { SignalSettings } from './otlp-settings.ts';

/** The receiver answered, and did not take the export. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  /** Where it sends us instead; null unless it is a redirect. */
  readonly location: string | null;
  readonly retryAfterMs: number | null;

  constructor(answer: {
    status: number;
    text: string;
    location: string | null;
    retryAfterMs: number | null;
  }) {
    super(`HTTP status ${answer.status}${answer.text === '' ? '' : ` (${answer.text})`}`);
    this.status = answer.status;
    this.location = answer.location;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** Something that is not a receiver answered. */
export class WebPage extends Error {
  override readonly name = 'WebPage';

  constructor(status: number) {
    super(`HTTP status ${status} with a web page`);
  }
}

/** Pauses between attempts. */
const firstPauseMs = 1_000;
const longestPauseMs = 5_000;
/** An answer is a few bytes; of a longer one, the rest is not read. */
const maxAnswerBytes = 64 * 1024;
/** Of what the receiver says in refusing, for a log line. */
const maxTextLength = 200;

const compress = promisify(gzip);

export class OtlpSender {
  readonly #settings: SignalSettings;
  readonly #connections: Service;
  readonly #closing = new AbortController();

  constructor(settings: SignalSettings, network: Network) {
    this.#settings = settings;
    this.#connections = connectionsTo(settings, network);
  }

  /** The body of the answer. Rejects with a Refused, a WebPage, or with what kept the connection from working. */
  async send(body: Uint8Array): Promise<Uint8Array> {
    const { compression, timeoutMs } = this.#settings;
    const deadline = new Deadline(timeoutMs, this.#closing.signal);
    const endMs = performance.now() + timeoutMs;
    let failure: unknown;
    try {
      const sent = compression === 'gzip' ? await compress(body) : body;
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(1.5 * pauseMs, longestPauseMs))
        try {
          return await this.#attempt(sent, deadline.signal);
        } catch (error) {
          // That the time is over says less than what happened before.
          if (!deadline.signal.aborted) failure = error;
          const waitMs = deadline.signal.aborted ? null : retryAfter(error, pauseMs);
          if (waitMs === null || performance.now() + waitMs > endMs) throw failure ?? error;
          await sleep(waitMs, undefined, { signal: deadline.signal }).catch(() => {
            throw failure;
          });
        }
    } finally {
      deadline.release();
    }
  }

  /** Ends the connections with a reason, so that a receiver that does not answer holds nobody up. */
  async close(reason: Error): Promise<void> {
    this.#closing.abort(reason);
    await this.#connections.destroy(reason);
  }

  async #attempt(body: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { url, headers, compression, encoding } = this.#settings;
    const {
      statusCode,
      headers: answered,
      body: answer,
    } = await this.#connections.dispatcher.request({
      method: 'POST',
      path: url.pathname + url.search,
      headers: {
        'user-agent': 'region-monitor',
        ...headers,
        'content-type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
        ...(compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
      },
      body,
      signal,
    });
    const bytes = await firstBytes(answer);
    const type = headerOf(answered['content-type']);
    if (statusCode >= 200 && statusCode < 300) {
      // No receiver answers with one, but portals and proxies do.
      if (/^text\/html\b/i.test(type ?? '')) throw new WebPage(statusCode);
      return bytes;
    }
    throw new Refused({
      status: statusCode,
      text: plainText(bytes, type),
      location: statusCode < 400 ? headerOf(answered['location']) : null,
      retryAfterMs: retryAfterMs(headerOf(answered['retry-after']), Date.now()),
    });
  }
}

/** An idle connection is kept for as long as undici does, which is less than receivers do. */
const keepAliveMs = 4_000;

/** The connections to one receiver: the only place that knows how it is reached. */
function connectionsTo({ url, tls, timeoutMs }: SignalSettings, network: Network): Service {
  const trust = network.trustingOnly(tls.ca);
  return network.service(url, {
    connections: 2,
    keepAliveMs,
    timeoutMs,
    tls: () => (tls.ca === undefined && tls.cert === undefined ? network.trust() : { ...tls, ...trust() }),
  });
}

async function firstBytes(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > maxAnswerBytes) break;
  }
  return Buffer.concat(chunks);
}

/** In one line. Receivers send a message in protobuf, which is not shown, or a text. */
function plainText(bytes: Uint8Array, type: string | null): string {
  if (!/^(text\/plain|application\/json)/.test(type ?? '')) return '';
  return Buffer.from(bytes)
    .toString('utf8')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, maxTextLength);
}

function headerOf(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

const passingStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** A certificate or a name that is not right will not be right in a second. */
const passingCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
]);

/** Milliseconds until another attempt makes sense; null when none does. */
function retryAfter(error: unknown, pauseMs: number): number | null {
  // So that the replicas do not come back in step.
  const usualMs = pauseMs * (0.8 + 0.4 * Math.random());
  if (error instanceof Refused)
    return passingStatuses.has(error.status) ? Math.max(error.retryAfterMs ?? usualMs, usualMs) : null;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return passingCodes.has(code) ? usualMs : null;
}
