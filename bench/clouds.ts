// The simulated clouds, in a process of their own.

import * as v from 'valibot';
import type { CloudPlan } from '../src/sandbox/openstack/plan.ts';
import { LineProgram } from './line-program.ts';

const identitySchema = v.object({
  domainId: v.string(),
  userId: v.string(),
  password: v.string(),
  projectId: v.string(),
});
const readySchema = v.object({
  ready: v.literal(true),
  clouds: v.array(
    v.object({
      name: v.string(),
      endpoint: v.string(),
      serviceAccount: identitySchema,
      flavors: v.array(v.object({ id: v.string(), name: v.string() })),
      projects: v.array(v.object({ ...identitySchema.entries, servers: v.number(), prefix: v.string() })),
    }),
  ),
});
export type CloudReport = v.InferOutput<typeof readySchema>['clouds'][number];

const changedSchema = v.object({ results: v.array(v.object({ changed: v.number() })) });
const requestsSchema = v.object({
  results: v.array(
    v.object({
      logins: v.number(),
      counts: v.array(v.object({ route: v.string(), status: v.number(), count: v.number() })),
      firstMs: v.nullable(v.number()),
      lastMs: v.nullable(v.number()),
    }),
  ),
});
const anything = v.unknown();

/** What some clouds were asked since the last clear. */
export interface CloudRequests {
  /** Answered and unanswered, logins too. */
  readonly requests: number;
  readonly logins: number;
  /** Epoch milliseconds of the first request and of the last answer; null without any. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
}

export class Clouds {
  readonly reports: readonly CloudReport[];
  readonly #program: LineProgram;

  private constructor(program: LineProgram, reports: readonly CloudReport[]) {
    this.#program = program;
    this.reports = reports;
  }

  static async start(plans: readonly CloudPlan[]): Promise<Clouds> {
    const program = new LineProgram('../src/sandbox/openstack/main.ts', [JSON.stringify({ clouds: plans })]);
    const { clouds } = await program.hear(readySchema);
    return new Clouds(program, clouds);
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Stops or starts a share of the servers of the first `clouds` clouds; gives how many. */
  async change(percent: number, clouds: number): Promise<number> {
    return this.#change('change', percent, clouds);
  }

  /** Gives them other names, which changes no status. */
  async rename(percent: number, clouds: number): Promise<number> {
    return this.#change('rename', percent, clouds);
  }

  async #change(command: 'change' | 'rename', percent: number, clouds: number): Promise<number> {
    let changed = 0;
    for (let cloud = 0; cloud < clouds; cloud++) {
      const { results } = await this.#program.ask({ command, percent, cloud }, changedSchema);
      for (const result of results) changed += result.changed;
    }
    return changed;
  }

  /** What the first `clouds` clouds were asked since the last clear; all are cleared. */
  async takeRequests(clouds: number): Promise<CloudRequests> {
    const { results } = await this.#program.ask({ command: 'requests', clear: true }, requestsSchema);
    const counted = results.slice(0, clouds);
    const firsts = counted.flatMap(({ firstMs }) => firstMs ?? []);
    const lasts = counted.flatMap(({ lastMs }) => lastMs ?? []);
    return {
      requests: sum(counted.flatMap(({ counts }) => counts.map(({ count }) => count))),
      logins: sum(counted.map(({ logins }) => logins)),
      firstMs: firsts.length === 0 ? null : Math.min(...firsts),
      lastMs: lasts.length === 0 ? null : Math.max(...lasts),
    };
  }

  /** Requests to all clouds since the last `takeRequests`. */
  async requestCount(): Promise<number> {
    const { results } = await this.#program.ask({ command: 'requests' }, requestsSchema);
    return sum(results.flatMap(({ counts }) => counts.map(({ count }) => count)));
  }

  /** From now on this cloud accepts requests and never answers. */
  async hang(cloud: number): Promise<void> {
    await this.#program.ask({ command: 'fault', cloud, fault: { kind: 'hang' } }, anything);
  }

  async close(): Promise<void> {
    await this.#program.close();
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
