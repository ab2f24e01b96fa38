// Watches the Server objects as any client may, and notes when each shows another phase.

import * as v from 'valibot';
import { type KubernetesClient, resourcePath } from '../src/main/kubernetes/client.ts';
import { namespace } from './fleet.ts';

const listSchema = v.object({ metadata: v.object({ resourceVersion: v.string() }) });
const eventSchema = v.object({
  type: v.string(),
  object: v.object({
    metadata: v.object({ name: v.optional(v.string(), '') }),
    status: v.optional(v.object({ phase: v.optional(v.string(), '') })),
  }),
});
const path = resourcePath('servers', namespace);

export class StatusWatch {
  readonly #client: KubernetesClient;
  readonly #end = new AbortController();
  readonly #phases = new Map<string, string>();
  /** Epoch milliseconds at which each server's change was seen, since the last `take`. */
  #seen = new Map<string, number>();
  #failure: Error | null = null;

  private constructor(client: KubernetesClient) {
    this.#client = client;
  }

  /** Servers begin in the phase Running. */
  static async open(client: KubernetesClient): Promise<StatusWatch> {
    const watch = new StatusWatch(client);
    const list = v.parse(listSchema, await client.get(path, { query: { limit: '1' } }));
    void watch.#run(list.metadata.resourceVersion);
    return watch;
  }

  /** Epoch milliseconds of the changes since the last call, by server. */
  take(): ReadonlyMap<string, number> {
    const seen = this.#seen;
    this.#seen = new Map();
    return seen;
  }

  /** Resolves when so many servers changed since the last `take`; false when it takes too long. */
  async until(count: number, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (this.#seen.size < count) {
      if (this.#failure !== null) throw this.#failure;
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return true;
  }

  close(): void {
    this.#end.abort();
  }

  async #run(from: string): Promise<void> {
    const query = { watch: 'true', resourceVersion: from, timeoutSeconds: '3600' };
    const options = { query, signal: this.#end.signal, idleTimeoutMs: 3_600_000 };
    try {
      for await (const event of this.#client.stream(path, options)) this.#take(v.parse(eventSchema, event));
      throw new Error('the watch of the benchmark ended');
    } catch (error) {
      if (!this.#end.signal.aborted)
        this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }

  #take({ object }: v.InferOutput<typeof eventSchema>): void {
    const { name } = object.metadata;
    const phase = object.status?.phase ?? '';
    if (phase === (this.#phases.get(name) ?? 'Running')) return;
    this.#phases.set(name, phase);
    this.#seen.set(name, performance.timeOrigin + performance.now());
  }
}
