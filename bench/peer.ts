// Another monitor, of which nothing is known but its command. A pass is a time of requests between two times without.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuBetween, cpuTime, groupMembers } from './process-stats.ts';
import type { Pass, Subject } from './subject.ts';

export interface PeerOptions {
  /** For a shell; it gets KUBECONFIG, NAMESPACE and POLL_PERIOD. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** Requests so far: of the clouds and of the API server. */
  readonly activity: () => Promise<number>;
}

const quietMs = 2_000;
const askEveryMs = 200;
const passTimeoutMs = 3_600_000;
const stopTimeoutMs = 10_000;

export class PeerProcess implements Subject {
  readonly column = 'peer';
  readonly #options: PeerOptions;
  readonly #child: ChildProcess;

  constructor(options: PeerOptions) {
    this.#options = options;
    // Detached: a process group of its own, so that whatever the shell starts is counted and ended with it.
    this.#child = spawn('/bin/sh', ['-c', options.command], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'ignore', 'ignore'],
      detached: true,
    });
  }

  pids(): readonly number[] {
    return groupMembers(this.#child.pid ?? 0);
  }

  async pass(): Promise<Pass> {
    const { activity } = this.#options;
    const before = cpuTime(this.pids());
    const deadline = performance.now() + passTimeoutMs;
    const first = await activity();
    let last = first;
    let lastMs = performance.now();
    while (last === first || performance.now() - lastMs < quietMs) {
      if (this.#child.exitCode !== null) throw new Error(`PEER_CMD has ended with ${this.#child.exitCode}`);
      if (performance.now() > deadline) throw new Error('PEER_CMD: no end of a pass within an hour');
      await sleep(askEveryMs);
      const now = await activity();
      if (now === last) continue;
      last = now;
      lastMs = performance.now();
    }
    return { seconds: null, cpu: cpuBetween(before, cpuTime(this.pids())), loopDelaySeconds: null };
  }

  async stop(): Promise<void> {
    const group = this.#child.pid;
    if (group === undefined || this.#child.exitCode !== null) return;
    const exit = once(this.#child, 'exit');
    process.kill(-group, 'SIGTERM');
    const timer = setTimeout(() => process.kill(-group, 'SIGKILL'), stopTimeoutMs);
    await exit;
    clearTimeout(timer);
  }
}
