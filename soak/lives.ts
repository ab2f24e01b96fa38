// The monitor as its users run it: a process that is started, and started again when it was ended.

import { fileURLToPath } from 'node:url';
import type { Cleanup } from '../test/fixtures/cleanup.ts';
import type { Sandbox } from '../test/fixtures/clouds/sandbox.ts';
import { type MonitorProcess, startMonitorProcess } from '../test/fixtures/monitor/monitor-process.ts';
import { LogBook } from './log-book.ts';

export interface LivesOptions {
  readonly cleanup: Cleanup;
  readonly sandbox: Sandbox;
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** A life ended that nobody ended. */
  readonly onDeath: (how: string) => void;
}

/** Ended without the time to tell what it had written. */
export interface Kill {
  readonly atMs: number;
}

const preloads = ['../test/fixtures/monitor/blocking-main.ts', './preload.ts'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

export class MonitorLives {
  readonly log = new LogBook();
  readonly kills: Kill[] = [];
  /** When the process, or its main thread, began to stand still. */
  readonly stalls: number[] = [];
  /** Stops that did not end with 0. */
  readonly badEnds: string[] = [];
  readonly #options: LivesOptions;
  #current: MonitorProcess | null = null;
  #number = 0;

  constructor(options: LivesOptions) {
    this.#options = options;
  }

  /** Counts from 1. */
  get number(): number {
    return this.#number;
  }

  /** Null between two lives. */
  get current(): MonitorProcess | null {
    return this.#current;
  }

  async begin(): Promise<void> {
    const { cleanup, sandbox, flags, env, onDeath } = this.#options;
    const imports = preloads.map((file) => `--import=${file}`).join(' ');
    const life = await startMonitorProcess(cleanup, sandbox, {
      flags,
      env: { ...env, NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${imports}` },
    });
    this.#number++;
    const number = this.#number;
    life.child.stderr?.on('data', (chunk: string) => this.log.take(number, chunk));
    life.child.once('exit', (code, signal) => {
      if (this.#current === life) onDeath(`life ${number} ended by itself: ${code ?? signal}`);
    });
    this.#current = life;
  }

  /** Exit code, or the signal that ended it. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    const life = this.#current;
    if (life === null) return null;
    this.#current = null;
    if (signal === 'SIGKILL') this.kills.push({ atMs: Date.now() });
    const how = await life.end(signal);
    this.log.endLife();
    // One that has not begun to listen for signals yet is ended by them.
    const early = how === 'SIGTERM' && this.log.count(this.#number) === 0;
    if (signal === 'SIGTERM' && how !== 0 && !early) this.badEnds.push(`life ${this.#number}: ${how}`);
    return how;
  }
}
