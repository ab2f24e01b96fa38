// The monitor in a process of its own: started as its users start it, and asked only what it serves.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { type Family, parsePrometheus } from '../test/fixtures/monitor/prometheus-text.ts';
import { namespace } from './fleet.ts';
import { cpuBetween, cpuTime } from './process-stats.ts';
import type { Pass, Subject } from './subject.ts';

/** A monitor that can be started. */
export interface Build {
  readonly name: string;
  /** The command line's module. */
  readonly module: string;
  /** Runs it as a user of a checkout does; null where Node runs the module. */
  readonly launcher: string | null;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = join(root, 'dist/bundle');

/** "src", "bundle", or the folder of a bundle; what the image runs, where it has been built, unless given. */
export function findBuild(from: string | undefined): Build {
  const wanted = from ?? (existsSync(bundle) ? 'bundle' : 'src');
  if (wanted === 'src')
    return { name: 'src', module: join(root, 'src/cli/cli.ts'), launcher: join(root, 'bin/region-monitor') };
  const module = resolve(wanted === 'bundle' ? bundle : wanted, 'cli/cli.js');
  if (existsSync(module)) return { name: 'bundle', module, launcher: null };
  throw new Error(`--from ${wanted}: there is no ${module}; npm run build makes dist/bundle`);
}

export interface MonitorOptions {
  readonly build: Build;
  readonly kubeconfig: string;
  readonly flags: readonly string[];
  /** Arguments for Node itself. */
  readonly nodeArgs: readonly string[];
  readonly periodMs: number;
}

const statusSchema = v.object({
  regions: v.array(
    v.object({
      regionId: v.string(),
      up: v.boolean(),
      lastGoodAt: v.nullable(v.string()),
      servers: v.number(),
    }),
  ),
});
const listeningSchema = v.object({ msg: v.literal('listening'), port: v.number() });

/** What the image's entry point gives to Node. */
export const imageArgs = ['--max-semi-space-size=2'];
export const imageEnv = { MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '128' };
const readyTimeoutMs = 180_000;
const passTimeoutMs = 600_000;
const stopTimeoutMs = 15_000;
/** Each question costs the monitor some tenths of a millisecond. */
const askEveryMs = 25;
/** Before a poll begins: the last look at the figures from before it. */
const aheadMs = 100;
const shownLines = 5;

export class MeasuredMonitor implements Subject {
  readonly column = 'monitor';
  readonly startedMs = performance.now();
  readonly #child: ChildProcess;
  readonly #port = Promise.withResolvers<number>();
  readonly #periodMs: number;
  /** When a poll began; null until one was seen. The others begin whole periods later. */
  #pollMs: number | null = null;
  /** Its latest error lines: why it did not do what it should. */
  readonly #errors: string[] = [];

  constructor({ build, kubeconfig, flags, nodeArgs, periodMs }: MonitorOptions) {
    const args = [
      'run',
      `--kubeconfig=${kubeconfig}`,
      '--listen=127.0.0.1:0',
      `--namespace=${namespace}`,
      `--poll-period=${periodMs}ms`,
      '--startup-timeout=3m',
      ...flags,
    ];
    this.#periodMs = periodMs;
    const [file, before] =
      build.launcher !== null && nodeArgs.length === 0
        ? [build.launcher, []]
        : [process.execPath, [...imageArgs, ...nodeArgs, build.module]];
    this.#child = spawn(file, [...before, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...imageEnv, ...process.env },
    });
    // However the bench ends: a monitor that is left behind would go on polling.
    const end = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', end);
    this.#child.once('exit', (code) => {
      process.off('exit', end);
      this.#port.reject(this.#failure(`ended with ${code}`));
    });
    this.#port.promise.catch(() => {});
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream !== null) void this.#read(stream);
  }

  pids(): readonly number[] {
    return [this.#child.pid ?? 0];
  }

  /** Seconds from its start until /readyz says so. */
  async ready(): Promise<number> {
    const port = await this.#port.promise;
    const deadline = this.startedMs + readyTimeoutMs;
    for (;;) {
      const { ok } = await fetch(`http://127.0.0.1:${port}/readyz`);
      if (ok) return (performance.now() - this.startedMs) / 1000;
      if (performance.now() > deadline) throw this.#failure(`not ready in ${readyTimeoutMs / 1000} s`);
      await sleep(askEveryMs);
    }
  }

  /** Those that it works on. */
  async regions(): Promise<readonly string[]> {
    const { regions } = v.parse(statusSchema, JSON.parse(await this.#get('/statusz')));
    return regions.map(({ regionId }) => regionId);
  }

  async pass(regions: readonly string[]): Promise<Pass> {
    // Questions in the quiet time between two polls would be counted as the poll's cost.
    await this.#untilAlmostDue();
    const before = pollSums(await this.#metrics());
    const cpuBefore = cpuTime(this.pids());
    await this.#untilPolled(regions);
    const cpu = cpuBetween(cpuBefore, cpuTime(this.pids()));
    const metrics = await this.#metrics();
    const after = pollSums(metrics);
    const seconds = regions.map((region) => (after.get(region) ?? 0) - (before.get(region) ?? 0));
    const longest = Math.max(...seconds);
    this.#pollMs = performance.now() - longest * 1000;
    const [delay] = metrics.get('unikorn_region_monitor_event_loop_delay_seconds')?.samples ?? [];
    return { seconds: longest, cpu, loopDelaySeconds: delay?.value ?? null };
  }

  /** The sum of a metric's series. */
  async total(metric: string): Promise<number> {
    const samples = (await this.#metrics()).get(metric)?.samples ?? [];
    return samples.reduce((sum, { value }) => sum + value, 0);
  }

  /** The sum of a metric's series of each region. */
  async byRegion(metric: string): Promise<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    for (const { labels, value } of (await this.#metrics()).get(metric)?.samples ?? []) {
      const region = labels['region_id'] ?? '';
      sums.set(region, (sums.get(region) ?? 0) + value);
    }
    return sums;
  }

  /** Ends it as Kubernetes does; throws when it does not end well. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopTimeoutMs);
      await exit;
      clearTimeout(timer);
    }
    if (this.#child.exitCode !== 0)
      throw this.#failure(`ended with ${this.#child.exitCode ?? this.#child.signalCode}`);
  }

  async #untilAlmostDue(): Promise<void> {
    if (this.#pollMs === null) return;
    const sinceMs = performance.now() - this.#pollMs + aheadMs;
    const leftMs = this.#periodMs - (sinceMs % this.#periodMs);
    await sleep(leftMs);
  }

  async #untilPolled(regions: readonly string[]): Promise<void> {
    const sinceMs = Date.now();
    const deadline = sinceMs + passTimeoutMs;
    const waiting = new Set(regions);
    for (;;) {
      const { regions: states } = v.parse(statusSchema, JSON.parse(await this.#get('/statusz')));
      for (const { regionId, lastGoodAt } of states)
        if (lastGoodAt !== null && Date.parse(lastGoodAt) > sinceMs) waiting.delete(regionId);
      if (waiting.size === 0) return;
      if (Date.now() > deadline) throw this.#failure(`no poll of ${[...waiting].join(', ')}`);
      await sleep(askEveryMs);
    }
  }

  async #metrics(): Promise<ReadonlyMap<string, Family>> {
    return parsePrometheus(await this.#get('/metrics'));
  }

  async #get(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${await this.#port.promise}${path}`);
    return response.text();
  }

  async #read(stream: Readable): Promise<void> {
    for await (const line of createInterface({ input: stream })) {
      if (line.includes('"listening"')) {
        const listening = v.safeParse(listeningSchema, JSON.parse(line));
        if (listening.success) this.#port.resolve(listening.output.port);
      } else if (!line.startsWith('{') || line.includes('"level":"error"')) {
        this.#errors.push(line.slice(0, 300));
        if (this.#errors.length > shownLines) this.#errors.shift();
      }
    }
  }

  #failure(what: string): Error {
    return new Error([`the monitor: ${what}`, ...this.#errors].join('\n  '));
  }
}

/** Seconds that all polls of each region took. */
function pollSums(metrics: ReadonlyMap<string, Family>): ReadonlyMap<string, number> {
  const samples = metrics.get('unikorn_region_monitor_poll_duration_seconds')?.samples ?? [];
  return new Map(
    samples
      .filter(({ name }) => name.endsWith('_sum'))
      .map(({ labels, value }) => [labels['region_id'] ?? '', value]),
  );
}
