// The replicas of the sandbox as a person, or a program, sees them: who holds what, whenever it changes.

import type { Logger } from '../main/log/logger.ts';
import type { DemoFleet } from './demo-fleet.ts';
import type { ReplicaState } from './replicas/replicas.ts';

export interface ShownReplicasOptions {
  readonly fleet: DemoFleet;
  readonly shards: number;
  readonly kubeconfig: string;
  readonly logger: Logger;
}

export class ShownReplicas {
  readonly #options: ShownReplicasOptions;
  #introduced = false;

  constructor(options: ShownReplicasOptions) {
    this.#options = options;
  }

  log(replicas: readonly ReplicaState[]): void {
    for (const { name, pid, url, end, regions } of replicas)
      this.#options.logger.info('replica of the sandbox', {
        replica: name,
        pid,
        url,
        end,
        regions: this.#names(regions),
      });
  }

  print(replicas: readonly ReplicaState[], write: (line: string) => void): void {
    if (!this.#introduced) for (const line of this.#introduction(replicas)) write(line);
    this.#introduced = true;
    const urlWidth = Math.max(...replicas.map(({ url }) => url.length));
    const time = new Date().toTimeString().slice(0, 8);
    for (const [index, { name, pid, url, end, regions }] of replicas.entries()) {
      const names = this.#names(regions);
      const process = end === '' ? `pid ${pid}` : `ended: ${end}`;
      const work = end === '' ? names || 'waits' : names && `${names}, until its Leases expire`;
      const page = (end === '' ? url : '').padEnd(urlWidth);
      const line = `${name.padEnd(11)} ${process.padEnd(15)} ${page}  ${work}`;
      write(`${index === 0 ? time : ' '.repeat(time.length)}  ${line}`.trimEnd());
    }
  }

  #introduction(replicas: readonly ReplicaState[]): readonly string[] {
    const { fleet, shards, kubeconfig } = this.#options;
    return [
      `Watching ${fleet.size} servers in ${fleet.regions.length} simulated regions with ${replicas.length} replicas and ${shards} shards. Ctrl-C stops.`,
      '',
      '  objects   kubectl --kubeconfig \\',
      `              ${kubeconfig} get servers`,
      '  leases    the same, with: get leases',
      '',
      'Kill a replica by its pid, for example with kill -9, and see its regions move.',
      '',
      'What changes, as it is seen:',
      '',
    ];
  }

  #names(regions: readonly string[]): string {
    return regions.map((id) => this.#options.fleet.regionName(id)).join(', ');
  }
}
