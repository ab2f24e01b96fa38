// A program of this repository in a process of its own, spoken to in lines of JSON: one question, one answer.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';

const refusal = v.object({ ok: v.literal(false), error: v.string() });
const endMs = 5_000;

export class LineProgram {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #lines: AsyncIterator<string>;
  /** Answers come in the order of the questions: one waits for the one before. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `module` is relative to this folder. What the program writes to its standard error is shown. */
  constructor(module: string, args: readonly string[] = []) {
    const file = fileURLToPath(new URL(module, import.meta.url));
    const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => {});
    this.#child = child;
    this.#name = module;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The next line; throws when the program refuses, ends, or says nothing for so long. */
  async hear<Schema extends v.GenericSchema>(
    schema: Schema,
    timeoutMs = 300_000,
  ): Promise<v.InferOutput<Schema>> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`${this.#name} gave no answer in ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    try {
      const line = await Promise.race([this.#lines.next(), late.promise]);
      if (line.done === true) throw new Error(`${this.#name} has ended`);
      const answer: unknown = JSON.parse(line.value);
      if (v.is(refusal, answer)) throw new Error(`${this.#name}: ${answer.error}`);
      return v.parse(schema, answer);
    } finally {
      clearTimeout(timer);
    }
  }

  async ask<Schema extends v.GenericSchema>(command: object, schema: Schema): Promise<v.InferOutput<Schema>> {
    const asked = this.#turn.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
      return this.hear(schema);
    });
    this.#turn = asked.catch(() => {});
    return asked;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endMs);
    await exit;
    clearTimeout(timer);
  }
}
