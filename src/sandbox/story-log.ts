// The monitor's log as a story for people at a terminal: one short line an event, names instead of ids.

import type { Fields, Logger } from '../main/log/logger.ts';
import { type Paint, paintOf, printable, type Terminal, wrap } from '../terminal/terminal.ts';

export interface StoryLogOptions {
  readonly write: (line: string) => void;
  readonly terminal: Terminal;
  /** Display name of a region. */
  readonly regionName: (regionId: string) => string;
  /** Display name of a Server object. */
  readonly serverName: (id: string) => string;
  readonly now?: () => Date;
}

type Color = Parameters<Paint>[0];

interface Part {
  readonly text: string;
  readonly color?: Color;
}

const good = new Set(['Running', 'Healthy']);
const bad = new Set(['Errored']);
/** Where a line says what happened, after time, region and server. */
const indent = 33;

export class StoryLog implements Logger {
  readonly #options: StoryLogOptions;
  readonly #paint: Paint;

  constructor(options: StoryLogOptions) {
    this.#options = options;
    this.#paint = paintOf(options.terminal);
  }

  debug(): void {}

  info(msg: string, fields: Fields = {}): void {
    if (msg === 'instance phase transition') {
      this.#change(fields, text(fields['from_phase']), text(fields['to_phase']), '');
    } else if (msg === 'instance state transition') {
      this.#change(fields, text(fields['from_state']), text(fields['to_state']), fault(fields));
    } else if (msg === 'load balancer state transition') {
      const of = { region_id: fields['region_id'], instance_id: fields['load_balancer_id'] };
      this.#change(of, text(fields['from_state']), text(fields['to_state']), fault(fields));
    } else if (msg === 'region state transition') {
      const to = text(fields['to_state']);
      this.#change(fields, text(fields['from_state']), to, good.has(to) ? '' : text(fields['message']));
    } else if (fields['server'] !== undefined) {
      const state = text(fields['powerState']);
      this.#tell(fields['region'], text(fields['server']), { text: `${msg} ${state}`.trimEnd() });
    }
  }

  error(msg: string, error: unknown, fields: Fields = {}): void {
    const reason = error instanceof Error ? error.message : text(error);
    const message = `${msg}${reason === '' ? '' : `: ${reason}`}`;
    this.#tell(fields['region'], text(fields['server']), { text: message, color: 'red' });
  }

  named(): Logger {
    return this;
  }

  #change(fields: Fields, from: string, to: string, detail: string): void {
    const color: Color = good.has(to) ? 'green' : bad.has(to) ? 'red' : 'yellow';
    const arrow = this.#options.terminal.unicode ? '→' : '->';
    const change: readonly Part[] = [
      { text: `${from === '' ? '(new)' : from} ${arrow} ` },
      { text: to, color },
    ];
    this.#tell(fields['region_id'], text(fields['instance_id']), { text: detail, color: 'dim' }, change);
  }

  /** `rest` may be long: where the terminal is narrow, it goes on below. */
  #tell(regionId: unknown, serverId: string, rest: Part, change: readonly Part[] = []): void {
    const { write, terminal, regionName, serverName, now = () => new Date() } = this.#options;
    const region = regionId === undefined ? '' : printable(regionName(text(regionId)));
    const server = serverId === '' ? '' : printable(serverName(serverId));
    const time = this.#paint('dim', now().toTimeString().slice(0, 8));
    const width = Math.max(20, (terminal.width ?? Number.POSITIVE_INFINITY) - indent);
    const lines = rest.text === '' ? [] : wrap(printable(rest.text), width);
    const painted = lines.map((line) => this.#painted({ ...rest, text: line }));
    const [first = '', ...others] = painted;
    const lead = change.map((part) => this.#painted(part)).join('');
    const leadLength = change.reduce((sum, part) => sum + part.text.length, 0);
    const isRoom = leadLength === 0 || leadLength + 2 + rest.text.length <= width;
    const begun = isRoom ? [lead, first].filter((part) => part !== '').join('  ') : lead;
    write(`${time}  ${region.padEnd(9)} ${server.padEnd(12)} ${begun}`);
    for (const line of isRoom ? others : painted) write(' '.repeat(indent) + line);
  }

  #painted({ text, color }: Part): string {
    return color === undefined ? text : this.#paint(color, text);
  }
}

/** The fault of a server in error is the news; what a reason says already is not said twice. */
function fault({ to_state: to, message }: Fields): string {
  return to === 'Errored' ? text(message).replace('server is in an error state: ', '') : '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
