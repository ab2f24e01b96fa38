// The bare client of floor-main.ts.

import * as v from 'valibot';
import type { CloudReport } from './clouds.ts';
import { namespace, statusOf } from './fleet.ts';
import { LineProgram } from './line-program.ts';
import { cpuBetween, cpuTime } from './process-stats.ts';

const listedSchema = v.object({ seconds: v.number(), requests: v.number(), servers: v.number() });
const patchedSchema = v.object({ seconds: v.number(), patches: v.number() });
const anything = v.unknown();

export class Floor {
  readonly #program = new LineProgram('floor-main.ts');

  async login(clouds: readonly CloudReport[], concurrency: number): Promise<void> {
    await this.#program.ask({ command: 'login', clouds, concurrency }, anything);
  }

  /** Downloads and parses all pages of the first `clouds` clouds. */
  async list(clouds: number): Promise<v.InferOutput<typeof listedSchema> & { readonly cpuSeconds: number }> {
    const before = cpuTime([this.#program.pid]);
    const listed = await this.#program.ask({ command: 'list', clouds }, listedSchema);
    return { ...listed, cpuSeconds: cpuBetween(before, cpuTime([this.#program.pid])).total };
  }

  /** Writes a status to every Server object. */
  async patch(options: {
    readonly kubeconfig: string;
    readonly concurrency: number;
    readonly phase: 'Running' | 'Stopped';
  }): Promise<v.InferOutput<typeof patchedSchema>> {
    const { phase, ...rest } = options;
    const command = { command: 'patch', namespace, status: statusOf(phase), ...rest };
    return this.#program.ask(command, patchedSchema);
  }

  async close(): Promise<void> {
    await this.#program.close();
  }
}
