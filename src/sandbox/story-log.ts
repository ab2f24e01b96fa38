// The monitor's log as a story for people at a terminal: one short line an event, names instead of ids.

import type { Fields, Logger } from '../main/logger.ts';

export interface StoryLogOptions {
  readonly write: (line: string) => void;
  readonly color: boolean;
  /** Display name of a region. */
  readonly regionName: (regionId: string) => string;
  /** Display name of a Server object. */
  readonly serverName: (id: string) => string;
  readonly now?: () => Date;
}

type Color = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

const codes: Readonly<Record<Color, string>> = { green: '32', yellow: '33', red: '31', dim: '2', bold: '1' };
const good = new Set(['Running', 'Healthy']);
const bad = new Set(['Errored']);

export class StoryLog implements Logger {
  readonly #options: StoryLogOptions;

  constructor(options: StoryLogOptions) {
    this.#options = options;
  }

  debug(): void {}

  info(msg: string, fields: Fields = {}): void {
    if (msg === 'instance phase transition') {
      this.#change(fields, text(fields['from_phase']), text(fields['to_phase']), '');
    } else if (msg === 'instance state transition') {
      this.#change(fields, text(fields['from_state']), text(fields['to_state']), text(fields['message']));
    } else if (fields['server'] !== undefined) {
      this.#line(this.#where(fields['region']), this.#options.serverName(text(fields['server'])), msg);
    } else if (msg === 'service stopping') {
      this.#options.write('');
      this.#options.write('stopped.');
    }
  }

  error(msg: string, error: unknown, fields: Fields = {}): void {
    const reason = error instanceof Error ? error.message : text(error);
    const server = fields['server'] === undefined ? '' : this.#options.serverName(text(fields['server']));
    this.#line(
      this.#where(fields['region']),
      server,
      this.#paint('red', `${msg}${reason === '' ? '' : `: ${reason}`}`),
    );
  }

  named(): Logger {
    return this;
  }

  #change(fields: Fields, from: string, to: string, detail: string): void {
    const color: Color = good.has(to) ? 'green' : bad.has(to) ? 'red' : 'yellow';
    const arrow = `${from === '' ? '(new)' : from} → ${this.#paint(color, to)}`;
    const name = this.#options.serverName(text(fields['instance_id']));
    // The fault of a server in error is the news; what a reason says already is not said twice.
    const fault = to === 'Errored' ? detail.replace('server is in an error state: ', '') : '';
    this.#line(
      this.#where(fields['region_id']),
      name,
      fault === '' ? arrow : `${arrow}  ${this.#paint('dim', fault)}`,
    );
  }

  #where(regionId: unknown): string {
    return regionId === undefined ? '' : this.#options.regionName(text(regionId));
  }

  #line(region: string, server: string, what: string): void {
    const time = (this.#options.now?.() ?? new Date()).toTimeString().slice(0, 8);
    this.#options.write(`${this.#paint('dim', time)}  ${region.padEnd(9)} ${server.padEnd(12)} ${what}`);
  }

  #paint(color: Color, value: string): string {
    return this.#options.color ? `\u001b[${codes[color]}m${value}\u001b[0m` : value;
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
