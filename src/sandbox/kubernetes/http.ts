// The HTTP side of the stand-in: sockets, bodies, credentials, faults, and how answers are sent.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../shared/clock.ts';
import { host, listening } from '../loopback/listening.ts';
import { type Answer, failureAnswer, jsonText } from './answer.ts';
import type { Incoming } from './bodies.ts';
import { KubernetesFailure, unauthorized } from './failure.ts';
import { type FaultEffect, type FaultPlan, orderedFailure } from './faults.ts';
import type { KubernetesHandler } from './handler.ts';
import { type Json, parseJson } from './object.ts';
import type { RequestLog } from './requests.ts';
import { actionOf, parseRoute, type Route } from './route.ts';
import { send } from './send.ts';
import type { KubernetesWatches } from './watch.ts';

const maxBodyBytes = 3 * 1024 * 1024;

export interface KubernetesHttpOptions {
  readonly handler: KubernetesHandler;
  readonly watches: KubernetesWatches;
  readonly faults: FaultPlan;
  readonly requests: RequestLog;
  readonly clock: Clock;
  readonly token: string | undefined;
}

function logged(body: string): { body?: Json } {
  if (body === '') return {};
  try {
    return { body: parseJson(body) };
  } catch {
    return { body };
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    const bytes = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
    length += bytes.length;
    if (length > maxBodyBytes)
      throw new KubernetesFailure({
        code: 413,
        reason: 'RequestEntityTooLarge',
        message: `Request entity too large: limit is ${maxBodyBytes}`,
      });
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString();
}

export class KubernetesHttp {
  readonly #options: KubernetesHttpOptions;
  readonly #sockets = new Set<Socket>();
  readonly #stop = new AbortController();
  readonly #server: Server;
  #opened = 0;
  #port = 0;

  constructor(options: KubernetesHttpOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        // A request that fails in an unforeseen way must not end the process that holds the server.
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
    // Longer than clients keep an idle connection: otherwise they reuse one that is just being closed.
    this.#server.keepAliveTimeout = 120_000;
    this.#server.on('connection', (socket) => {
      this.#opened += 1;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://${host}:${this.#port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get connectionsOpened(): number {
    return this.#opened;
  }

  /** 0 takes any free port. */
  async listen(port: number): Promise<void> {
    this.#port = await listening(this.#server, port);
  }

  /** Listens on the same port again. */
  async resume(): Promise<void> {
    if (!this.#server.listening) await listening(this.#server, this.#port, { ours: true });
  }

  /** Stops listening and cuts all connections. */
  async pause(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.pause();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const route = parseRoute(method, url);
    const action = actionOf(method, route);
    const contentType = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
    let body = '';
    let failure: KubernetesFailure | undefined;
    try {
      if (method !== 'GET' && method !== 'HEAD') body = await readBody(request);
    } catch (error) {
      if (!(error instanceof KubernetesFailure)) return;
      failure = error;
    }
    const { clock, requests, faults, token } = this.#options;
    const answered = requests.add({
      method,
      path: route.path,
      query: route.query,
      contentType,
      action,
      at: clock.now(),
      ...logged(body),
    });
    response.once('finish', () => answered(response.statusCode));
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      failure ??= unauthorized();
    if (failure !== undefined) {
      await send(response, failureAnswer(failure), false);
      return;
    }
    const effects = faults.take({ method, url, action });
    const decided = await this.#undergo(effects, route, response);
    if (decided === 'silent') return;
    const answer = decided === 'none' ? this.#answer({ method, route, contentType, body }) : decided;
    const lost = effects.find((effect) => effect.kind === 'lost');
    if (lost !== undefined) {
      if (lost.open !== true) response.socket?.destroy();
      return;
    }
    if (answer.kind !== 'watch') {
      await send(
        response,
        answer,
        effects.some(({ kind }) => kind === 'truncate'),
      );
      return;
    }
    try {
      this.#options.watches.start(answer.request, response);
    } catch (error) {
      await send(response, failed(error), false);
    }
    answered(response.statusCode);
  }

  /** Carries out ordered faults; what they decide is the answer, no answer at all, or nothing. */
  async #undergo(
    effects: readonly FaultEffect[],
    route: Route,
    response: ServerResponse,
  ): Promise<Answer | 'none' | 'silent'> {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'delay':
          await this.#options.clock.sleep(effect.ms, this.#stop.signal).catch(() => undefined);
          break;
        case 'hold':
          await effect.until;
          break;
        case 'before':
          effect.run(route.path);
          break;
        case 'warn':
          response.setHeader('warning', `299 - "${effect.text}"`);
          break;
        case 'hang':
          return 'silent';
        case 'drop':
          response.socket?.destroy();
          return 'silent';
        case 'respond': {
          const failure = orderedFailure(effect.status, effect.retryAfterSeconds);
          const answer = failureAnswer(failure);
          if (effect.body === undefined) return answer;
          const text = typeof effect.body === 'string' ? effect.body : JSON.stringify(effect.body);
          return { ...answer, text };
        }
        case 'watch-error':
          return jsonText(200, `${JSON.stringify({ type: 'ERROR', object: effect.failure.status })}\n`);
        case 'truncate':
        case 'lost':
          break;
      }
    }
    return 'none';
  }

  #answer(incoming: Incoming): Answer {
    try {
      return this.#options.handler.answer(incoming);
    } catch (error) {
      return failed(error);
    }
  }
}

function failed(error: unknown): Exclude<Answer, { kind: 'watch' }> {
  if (error instanceof KubernetesFailure) return failureAnswer(error);
  const message = error instanceof Error ? error.message : String(error);
  return failureAnswer(new KubernetesFailure({ code: 500, reason: 'InternalError', message }));
}
