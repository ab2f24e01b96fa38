// The credentials of an external program, as client-go asks for them (its package plugin/pkg/client/auth/exec).
//
// - One run at a time: everybody who needs credentials meanwhile waits for it. A run has a deadline.
// - What it gave is used until its expirationTimestamp, or its certificate's end; then it runs again.
// - It runs again when the API server refuses what it gave (401), whatever the timestamp says; but when that helps
//   nothing, later and later. The same after failures: meanwhile the last failure is everybody's.

import { Backoff } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import { messageOf } from '../../../shared/errors.ts';
import { AccessError } from './access-error.ts';
import { notice, type PluginCredentials, parseExecCredential } from './exec-credential.ts';
import { type PluginCommand, runPlugin } from './plugin-process.ts';

export interface CredentialPluginOptions extends PluginCommand {
  readonly apiVersion: string;
  /** For messages: which plugin of which user in which file. */
  readonly what: string;
  /** What to do where it is not installed, or "". */
  readonly installHint: string;
  readonly clock: Clock;
  /** What a run that succeeded wrote for people; each text once in a row. */
  readonly onNotice: (message: string) => void;
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 30_000;
/** A plugin that gives what has expired already, as with a wrong clock, does not run for each request. */
const shortestUseMs = 1_000;
const firstPauseMs = 1_000;
const maxPauseMs = 60_000;
/** Credentials that were accepted for as long were good ones: their successor may be asked for at once. */
const goodUseMs = 2 * maxPauseMs;

export class CredentialPlugin {
  readonly #options: CredentialPluginOptions;
  readonly #ending = new AbortController();
  readonly #refusals = pauses();
  readonly #failures = pauses();
  #current: PluginCredentials | null = null;
  #running: Promise<PluginCredentials> | null = null;
  #gotAtMs = 0;
  #mayRenewAtMs = 0;
  #failure: AccessError | null = null;
  #mayRetryAtMs = 0;
  #lastNotice = '';

  constructor(options: CredentialPluginOptions) {
    this.#options = options;
  }

  /**
   * `refused` is the Authorization header that the API server answered 401 to, "" when there was none. The same object
   * as before when the plugin gave the same. Rejects with an AccessError.
   */
  async credentials(refused?: string): Promise<PluginCredentials> {
    const current = this.#current;
    if (current !== null && !this.#isDue(current, refused)) return current;
    if (this.#failure !== null && this.#nowMs() < this.#mayRetryAtMs) throw this.#failure;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Ends the run under way, with all that it started. */
  close(): void {
    this.#ending.abort(new Error('the monitor ends'));
  }

  #isDue(current: PluginCredentials, refused: string | undefined): boolean {
    const { clock } = this.#options;
    const nowMs = this.#nowMs();
    if (clock.now() >= current.expiresMs) return nowMs - this.#gotAtMs >= shortestUseMs;
    if (refused === undefined || refused !== (current.authorization ?? '')) return false;
    if (this.#running !== null) return true;
    if (nowMs < this.#mayRenewAtMs) return false;
    if (nowMs - this.#gotAtMs >= goodUseMs) this.#refusals.reset();
    this.#mayRenewAtMs = nowMs + this.#refusals.next();
    return true;
  }

  async #run(): Promise<PluginCredentials> {
    const { timeoutMs = defaultTimeoutMs } = this.#options;
    const run = await runPlugin(this.#options, { timeoutMs, signal: this.#ending.signal });
    if (run.kind === 'not-started') throw this.#failed(run.detail, this.#howToInstall());
    const said = notice(run.stderr);
    if (run.kind === 'failed')
      throw this.#failed(
        `${run.detail}${said === '' ? '' : `: ${said}`}`,
        'does kubectl work with this context here? the plugin must not ask anybody and must end soon',
      );
    let credentials: PluginCredentials;
    try {
      credentials = parseExecCredential(run.stdout, this.#options.apiVersion);
    } catch (error) {
      const detail = messageOf(error);
      throw this.#failed(detail, 'is it a credential plugin, and of the version that the kubeconfig names?');
    }
    this.#notify(said, credentials);
    this.#failure = null;
    this.#failures.reset();
    this.#gotAtMs = this.#nowMs();
    if (this.#current === null || !same(this.#current, credentials)) this.#current = credentials;
    return this.#current;
  }

  #failed(detail: string, remedy: string): AccessError {
    this.#failure = new AccessError(`${this.#options.what} failed: ${detail}`, remedy);
    this.#mayRetryAtMs = this.#nowMs() + this.#failures.next();
    return this.#failure;
  }

  #howToInstall(): string {
    const hint = notice(this.#options.installHint);
    return `the plugin must be installed here, and executable${hint === '' ? '' : `. ${hint}`}`;
  }

  #notify(said: string, { authorization = '' }: PluginCredentials): void {
    const token = authorization.replace('Bearer ', '');
    const message = token === '' ? said : said.replaceAll(token, '[redacted]');
    if (message !== '' && message !== this.#lastNotice) this.#options.onNotice(message);
    this.#lastNotice = message;
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

function pauses(): Backoff {
  return new Backoff({ firstMs: firstPauseMs, maxMs: maxPauseMs, random: Math.random });
}

function same(a: PluginCredentials, b: PluginCredentials): boolean {
  return (
    a.authorization === b.authorization &&
    a.expiresMs === b.expiresMs &&
    String(a.certificate.cert) === String(b.certificate.cert) &&
    String(a.certificate.key) === String(b.certificate.key)
  );
}
