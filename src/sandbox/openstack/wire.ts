// From HTTP to the services and back: routing, logging, faults, delivery.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../shared/clock.ts';
import type { Accounts } from './accounts.ts';
import { type Answer, type CloudRequest, header, novaFault } from './answer.ts';
import { type Fault, FaultPlan } from './faults.ts';
import { drippingBody, eased, hugeBody, refused, spoiled } from './faulty-answers.ts';
import type { Ironic } from './ironic.ts';
import type { Keystone, LoginFlaw } from './keystone.ts';
import { requested } from './microversion.ts';
import type { Nova } from './nova.ts';
import type { Octavia } from './octavia.ts';
import { RequestLog } from './request-log.ts';
import { type Match, match } from './routes.ts';
import type { VersionServices } from './version-services.ts';

export interface WireOptions {
  readonly clock: Clock;
  readonly latencyMs: number;
}

export interface Services {
  readonly endpoint: string;
  readonly accounts: Accounts;
  readonly keystone: Keystone;
  readonly nova: Nova;
  readonly ironic: Ironic;
  readonly octavia: Octavia;
  readonly others: VersionServices;
}

const maxBodyBytes = 1 << 20;

export class Wire {
  readonly requests = new RequestLog();
  readonly faults = new FaultPlan();
  /** Aborts what is being delayed. */
  readonly closing = new AbortController();
  readonly handler: RequestListener;
  readonly #options: WireOptions;
  /** Null until the port, and with it the endpoint, is known. */
  #services: Services | null = null;

  constructor(options: WireOptions) {
    this.#options = options;
    this.handler = (incoming, response) => {
      this.#handle(incoming, response).catch(() => {
        // The client is gone, or the cloud closes: nobody is left to tell.
        response.destroy();
      });
    };
  }

  serve(services: Services): void {
    this.#services = services;
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const services = this.#services;
    if (services === null) {
      response.writeHead(503).end();
      return;
    }
    const request = await parsed(incoming);
    const matched = match(request.method, request.path);
    const projectId = projectOf(services, matched, request);
    const query = request.query.toString();
    const answered = this.requests.begin({
      route: matched.route,
      path: request.path,
      query,
      projectId,
      microversion: requested(request),
    });
    const faults = this.faults.take(matched.route, projectId, query);
    const fault = faults.find((each) => each.kind !== 'latency') ?? null;
    await this.#delay(faults);
    if (response.destroyed || fault?.kind === 'hang') return;
    if (fault?.kind === 'reset') {
      incoming.socket.resetAndDestroy();
      return;
    }
    const answer = answerTo(services, matched, request, fault);
    answered(answer.status);
    await this.#deliver(answer, fault, response);
  }

  async #delay(faults: readonly Fault[]): Promise<void> {
    let ms = this.#options.latencyMs;
    for (const fault of faults) if (fault.kind === 'latency') ms += fault.ms;
    if (ms > 0) await sleep(ms, undefined, { signal: this.closing.signal });
  }

  async #deliver(answer: Answer, fault: Fault | null, response: ServerResponse): Promise<void> {
    response.sendDate = false;
    response.statusCode = answer.status;
    if (answer.reason !== null) response.statusMessage = answer.reason;
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
    response.setHeader('Date', new Date(this.#options.clock.now()).toUTCString());
    if (fault?.kind === 'huge') {
      await pipeline(Readable.from(hugeBody(fault.bytes), { highWaterMark: 1 }), response);
      return;
    }
    response.setHeader('Content-Length', answer.body.length);
    if (fault?.kind === 'drip') {
      const body = drippingBody(answer.body, fault.everyMs ?? 1000, this.closing.signal);
      await pipeline(Readable.from(body, { highWaterMark: 1 }), response);
    } else if (fault?.kind === 'cut') {
      response.write(answer.body.subarray(0, answer.body.length >> 1), () => response.destroy());
    } else response.end(answer.body);
  }
}

async function parsed(incoming: IncomingMessage): Promise<CloudRequest> {
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: incoming.headers,
    body: await bodyOf(incoming),
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  if (incoming.method === 'GET' || incoming.method === 'HEAD') return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > maxBodyBytes) throw new RangeError('request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function projectOf({ accounts, keystone }: Services, matched: Match, request: CloudRequest): string | null {
  if (matched.route === 'POST /v3/auth/tokens') return keystone.projectOf(request);
  const scope = accounts.scopeOf(header(request, 'x-auth-token'));
  return scope?.kind === 'project' ? scope.projectId : null;
}

function answerTo(services: Services, matched: Match, request: CloudRequest, fault: Fault | null): Answer {
  const { keystone, endpoint } = services;
  const refusal = fault === null ? null : refused(fault, matched, services);
  if (refusal !== null) return refusal;
  try {
    const answer =
      matched.service === 'keystone'
        ? keystone.answer(matched.route, request, flawOf(fault))
        : services[matched.service].answer(matched, eased(fault, request));
    return spoiled(fault, answer, `${endpoint}${request.path}`);
  } catch (error) {
    return novaFault(500, `Defect of the sandbox: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function flawOf(fault: Fault | null): LoginFlaw {
  if (fault?.kind === 'scope') return { scope: fault.scope };
  if (fault?.kind === 'catalog') return { catalog: fault.catalog };
  return {};
}
