// Runs a credential plugin: without standard input, in a process group of its own, for a bounded time, with bounded
// output. Whatever happens, nothing of its group is left: not when it hangs, not when we end.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../../shared/deadline.ts';
import { codeOf, messageOf } from '../../../shared/errors.ts';

export interface PluginCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export type PluginRun =
  | { readonly kind: 'done'; readonly stdout: string; readonly stderr: string }
  /** Not there, or not executable. */
  | { readonly kind: 'not-started'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string; readonly stderr: string };

const maxStdoutBytes = 1024 * 1024;
/** The end of it is kept: that is where programs say why they failed. */
const maxStderrBytes = 64 * 1024;
/** What the plugin leaves behind may hold its output open. */
const outputGraceMs = 1_000;

/** Rejects only with the signal's reason. */
export async function runPlugin(
  { command, args, env }: PluginCommand,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<PluginRun> {
  signal.throwIfAborted();
  const deadline = new Deadline(timeoutMs, signal);
  const child = spawn(command, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const endGroup = (): void => killGroup(child.pid);
  const stdout = new Output(maxStdoutBytes);
  const stderr = new Output(maxStderrBytes);
  const ended = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  child.stdout.on('data', (chunk: Buffer) => {
    stdout.add(chunk);
    if (stdout.overflowed) ended.resolve(`it printed more than ${maxStdoutBytes} bytes`);
  });
  child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
  child.once('error', ended.reject);
  child.once('close', () => closed.resolve());
  let exited = false;
  child.once('exit', (code, killedBy) => {
    exited = true;
    if (code === 0) ended.resolve('');
    else ended.resolve(code === null ? `it was ended by ${killedBy}` : `it failed with exit code ${code}`);
  });
  const onAbort = (): void => ended.resolve(`it did not end within ${timeoutMs / 1000} s, and was killed`);
  deadline.signal.addEventListener('abort', onAbort, { once: true });
  process.once('exit', endGroup);
  try {
    const detail = await ended.promise;
    // Its last words may still be on their way.
    if (exited) await Promise.race([closed.promise, sleep(outputGraceMs, undefined, { ref: false })]);
    signal.throwIfAborted();
    return detail === ''
      ? { kind: 'done', stdout: stdout.text, stderr: stderr.text }
      : { kind: 'failed', detail, stderr: stderr.text };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'not-started', detail: whyNotStarted(command, error) };
  } finally {
    deadline.release();
    process.removeListener('exit', endGroup);
    endGroup();
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function whyNotStarted(command: string, error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT' && command.includes('/') && existsSync(command))
    return 'the interpreter in its first line does not exist (ENOENT)';
  if (code === 'ENOENT')
    return command.includes('/') ? 'it does not exist (ENOENT)' : 'it is not in PATH (ENOENT)';
  return code === 'EACCES' ? 'it is not executable (EACCES)' : code || messageOf(error);
}

/** Those that left the group on purpose, as a daemon does, stay. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}

/** The end of what was written. */
class Output {
  overflowed = false;
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get text(): string {
    return Buffer.concat(this.#parts).subarray(-this.#maxBytes).toString('utf8');
  }

  add(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#maxBytes) return;
    this.overflowed = true;
    if (this.#bytes <= 2 * this.#maxBytes) return;
    this.#parts = [Buffer.concat(this.#parts).subarray(-this.#maxBytes)];
    this.#bytes = this.#maxBytes;
  }
}
