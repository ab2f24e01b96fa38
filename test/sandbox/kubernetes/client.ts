// A bare client of a Kubernetes API, for asking the stand-in and a real API server the same.

import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, request } from 'undici';
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
  parseJson,
} from '../../../src/sandbox/kubernetes/object.ts';

export const group = '/apis/region.unikorn-cloud.org/v1alpha1';

export interface RequestOptions {
  readonly body?: Json;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Null where the text is no JSON. */
  readonly json: Json;
}

/** A field deep in a JSON value: `at(reply.json, 'metadata', 'name')`; undefined when it is not there. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let found = value;
  for (const step of path) {
    if (isJsonArray(found) && typeof step === 'number') found = found[step];
    else if (isJsonObject(found)) found = found[step];
    else return undefined;
  }
  return found;
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

export function items(value: Json): readonly Json[] {
  const found = at(value, 'items');
  return isJsonArray(found) ? found : [];
}

export class KubernetesClient {
  readonly url: string;
  readonly #agent: Agent;
  readonly #anonymous: Agent;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: {
    readonly url: string;
    readonly token?: string;
    readonly ca?: string;
    readonly certificate?: { readonly cert: string; readonly key: string };
  }) {
    this.url = options.url;
    const trust = options.ca === undefined ? {} : { ca: options.ca };
    this.#agent = new Agent({ connect: { ...trust, ...options.certificate } });
    this.#anonymous = new Agent({ connect: trust });
    this.#headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  }

  /** A client of the current context of a kubeconfig file with a client certificate. */
  static fromKubeconfig(path: string): KubernetesClient {
    const config = new KubeConfig();
    config.loadFromString(readFileSync(path, 'utf8'));
    const cluster = config.getCurrentCluster();
    const user = config.getCurrentUser();
    return new KubernetesClient({
      url: cluster?.server ?? '',
      ca: decode(cluster?.caData),
      certificate: { cert: decode(user?.certData), key: decode(user?.keyData) },
    });
  }

  /** Sends a request; `anonymous` sends it without this client's credentials. */
  async send(
    method: Dispatcher.HttpMethod,
    path: string,
    options: RequestOptions & { readonly anonymous?: boolean } = {},
  ): Promise<Reply> {
    const body = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const contentType = options.contentType ?? 'application/json';
    const anonymous = options.anonymous === true;
    const reply = await request(`${this.url}${path}`, {
      method,
      dispatcher: anonymous ? this.#anonymous : this.#agent,
      headers: {
        accept: 'application/json',
        ...(anonymous ? {} : this.#headers),
        ...(body === undefined ? {} : { 'content-type': contentType }),
        ...options.headers,
      },
      body: body ?? null,
      headersTimeout: 30_000,
      bodyTimeout: 30_000,
    });
    const answer = await reply.body.text();
    const type = reply.headers['content-type'];
    return {
      status: reply.statusCode,
      contentType: typeof type === 'string' ? type : '',
      headers: reply.headers,
      text: answer,
      json: jsonOrNull(answer),
    };
  }

  get(path: string): Promise<Reply> {
    return this.send('GET', path);
  }

  post(path: string, body: Json): Promise<Reply> {
    return this.send('POST', path, { body });
  }

  put(path: string, body: Json): Promise<Reply> {
    return this.send('PUT', path, { body });
  }

  patch(path: string, body: Json): Promise<Reply> {
    return this.send('PATCH', path, { body, contentType: 'application/merge-patch+json' });
  }

  delete(path: string, body?: Json): Promise<Reply> {
    return this.send('DELETE', path, body === undefined ? {} : { body });
  }

  /** The events of a watch until it ends by its own `timeoutSeconds`. */
  async watch(path: string): Promise<readonly Json[]> {
    const reply = await this.get(path);
    if (reply.status !== 200) throw new Error(`watch was answered ${reply.status}: ${reply.text}`);
    return reply.text
      .split('\n')
      .filter((line) => line !== '')
      .map(parseJson);
  }

  /** An open watch, line by line, until `signal` aborts or it ends. */
  async *follow(path: string, signal: AbortSignal): AsyncGenerator<JsonObject> {
    const { body } = await request(`${this.url}${path}`, {
      dispatcher: this.#agent,
      headers: this.#headers,
      signal,
      bodyTimeout: 0,
    });
    let rest = '';
    for await (const piece of body) {
      const lines = (rest + String(piece)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = parseJson(line);
        if (isJsonObject(event)) yield event;
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#anonymous.destroy()]);
  }
}

function decode(data: string | undefined): string {
  return Buffer.from(data ?? '', 'base64').toString();
}

function jsonOrNull(answer: string): Json {
  try {
    return parseJson(answer);
  } catch {
    return null;
  }
}
