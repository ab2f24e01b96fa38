// A replica of the sandbox, as the sandbox knows it: its process, where it listens, and how it ended.

import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import type { Options } from '../../main/options/options.ts';
import type { Version } from '../../main/version.ts';
import { isLine, isListening, type Line, type Start } from './messages.ts';

export interface ReplicaOptions {
  readonly name: string;
  readonly options: Options;
  readonly version: Version;
  /** Takes the lines of its log; null for lines on standard error. */
  readonly onLine: ((line: Line) => void) | null;
  /** It listens, or it has ended. */
  readonly onChange: () => void;
}

/** After its drain: then it hangs, or a debugger or SIGSTOP holds it. */
const graceMs = 4_000;

export class Replica {
  readonly name: string;
  /** Whether it will have a status page. */
  readonly listens: boolean;
  /** "" until it listens. */
  url = '';
  /** How it ended; "" while it runs. */
  end = '';
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #drainTimeoutMs: number;

  constructor({ name, options, version, onLine, onChange }: ReplicaOptions) {
    this.name = name;
    this.listens = options.listen !== null;
    this.#drainTimeoutMs = options.drainTimeoutMs;
    this.#child = fork(new URL(`./main${extname(import.meta.url)}`, import.meta.url), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.#child.once('error', (error) => {
      this.end ||= error.message;
      onChange();
      ended.resolve();
    });
    this.#child.once('exit', (code, signal) => {
      this.end ||= signal ?? `exit code ${code ?? 0}`;
      onChange();
      ended.resolve();
    });
    this.#child.on('message', (message: unknown) => {
      if (isLine(message)) onLine?.(message);
      if (!isListening(message)) return;
      this.url = message.url;
      onChange();
    });
    const start: Start = { kind: 'start', options, version, story: onLine !== null };
    this.#child.send(start, () => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.end !== '') return;
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), this.#drainTimeoutMs + graceMs);
    await this.ended;
    clearTimeout(kill);
  }
}
