// `region-monitor sandbox --replicas`: several monitors that divide the regions among them, in processes of their own, so
// that one can be killed and its regions be seen to move.

import type { ListenAddress } from '../../main/options/flag-values.ts';
import type { Options, ShardOptions } from '../../main/options/options.ts';
import type { Version } from '../../main/version.ts';
import type { SandboxKubernetes } from '../kubernetes/api.ts';
import { Holdings } from './holdings.ts';
import type { Line } from './messages.ts';
import { Replica } from './replica.ts';

/** A replica, and what it works on. */
export interface ReplicaState {
  readonly name: string;
  readonly pid: number;
  /** Of its status page; "" where it has none, or does not listen yet. */
  readonly url: string;
  /** How it ended; "" while it runs. */
  readonly end: string;
  /** Names of Region objects. */
  readonly regions: readonly string[];
}

export interface ReplicasOptions {
  readonly count: number;
  readonly cluster: SandboxKubernetes;
  readonly regions: readonly string[];
  readonly options: Options;
  readonly shards: Omit<ShardOptions, 'replicaName'>;
  readonly version: Version;
  /** Takes the lines of their logs; null for lines on standard error. */
  readonly onLine: ((line: Line) => void) | null;
  /** Something changed, and has stood for a moment since. */
  readonly onChange: (replicas: readonly ReplicaState[]) => void;
}

/** What changes together is shown together. */
const settleMs = 250;

export class Replicas {
  readonly #replicas: readonly Replica[];
  readonly #holdings: Holdings;
  readonly #onChange: ReplicasOptions['onChange'];
  #settling: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor({ count, cluster, regions, options, shards, version, onLine, onChange }: ReplicasOptions) {
    this.#onChange = onChange;
    const changed = () => this.#changed();
    this.#holdings = new Holdings({ cluster, regions, shards: shards.count, onChange: changed });
    this.#replicas = Array.from({ length: count }, (_, index) => {
      const name = `replica-${index + 1}`;
      const own = {
        ...options,
        listen: addressOf(options.listen, index),
        shards: { ...shards, replicaName: name },
      };
      return new Replica({ name, options: own, version, onLine, onChange: changed });
    });
  }

  /** Resolves when the signal aborts, or when all have ended by themselves. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    if (signal.aborted) aborted.resolve();
    signal.addEventListener('abort', () => aborted.resolve(), { once: true });
    await Promise.race([aborted.promise, Promise.all(this.#replicas.map(async ({ ended }) => ended))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#settling);
    await Promise.all(this.#replicas.map(async (replica) => replica.stop()));
    this.#holdings.close();
  }

  #changed(): void {
    if (this.#stopping) return;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#show(), settleMs);
  }

  #show(): void {
    // Those that will not listen are never heard of.
    if (this.#replicas.some(({ url, end, listens }) => listens && url === '' && end === '')) return;
    this.#onChange(
      this.#replicas.map(({ name, pid, url, end }) => ({
        name,
        pid,
        url,
        end,
        regions: this.#holdings.of(name),
      })),
    );
  }
}

/** No two can have the same port. */
function addressOf(listen: ListenAddress | null, index: number): ListenAddress | null {
  return listen === null || listen.port === 0 ? listen : { ...listen, port: listen.port + index };
}
