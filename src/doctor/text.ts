// An examination for people: a tree of sections and steps, within the width of the terminal.

import { type Paint, paintOf, printable, type Terminal, wrap } from '../terminal/terminal.ts';
import type { Section, Step, StepStatus } from './steps.ts';

const defaultWidth = 80;
/** Wider lines are hard to read. */
const widest = 100;
/** Narrower ones could not hold a word next to the names. */
const narrowest = 50;

const marks: Readonly<Record<StepStatus, { unicode: string; ascii: string; color: Parameters<Paint>[0] }>> = {
  ok: { unicode: '✓', ascii: '+', color: 'green' },
  warning: { unicode: '!', ascii: '!', color: 'yellow' },
  failed: { unicode: '✗', ascii: 'x', color: 'red' },
  skipped: { unicode: '-', ascii: '-', color: 'dim' },
};

export class DoctorText {
  readonly #unicode: boolean;
  readonly #width: number;
  readonly #paint: Paint;

  constructor(terminal: Terminal) {
    this.#unicode = terminal.unicode;
    this.#width = Math.max(narrowest, Math.min(widest, terminal.width ?? defaultWidth));
    this.#paint = paintOf(terminal);
  }

  section({ title, steps }: Section): string {
    const tried = steps.filter(({ status }) => status !== 'skipped');
    const skipped = steps.filter(({ status }) => status === 'skipped').map(({ name }) => printable(name));
    const nameWidth = Math.max(...tried.map(({ name }) => name.length), 'not tried'.length);
    return [
      this.#paint('bold', printable(title)),
      ...tried.flatMap((step) => this.#step(step, nameWidth)),
      ...(skipped.length === 0 ? [] : this.#entry('skipped', 'not tried', skipped.join(', '), nameWidth)),
      '',
      '',
    ].join('\n');
  }

  summary(sections: readonly Section[], seconds: number): string {
    const steps = sections.flatMap((section) => section.steps);
    const count = (wanted: StepStatus) => steps.filter(({ status }) => status === wanted).length;
    const regions = sections.filter(({ region }) => region !== null).length;
    const parts = [
      `${regions} ${regions === 1 ? 'region' : 'regions'} in ${seconds.toFixed(1)} s`,
      `${count('ok')} steps fine`,
      ...(count('warning') > 0 ? [this.#paint('yellow', plural(count('warning'), 'warning'))] : []),
      ...(count('failed') > 0 ? [this.#paint('red', `${count('failed')} failed`)] : []),
      ...(count('skipped') > 0 ? [`${count('skipped')} not tried`] : []),
    ];
    return `${parts.join(', ')}\n`;
  }

  #step({ name, status, detail, remedy, ms }: Step, nameWidth: number): readonly string[] {
    const time = ms === null ? '' : `${Math.round(ms)} ms`;
    const [first = '', ...more] = this.#entry(status, printable(name), printable(detail), nameWidth, time);
    if (remedy === '') return [first, ...more];
    const arrow = this.#unicode ? '→ ' : '-> ';
    const indent = ' '.repeat(nameWidth + 6);
    const advice = wrap(printable(remedy), this.#width - indent.length - arrow.length).map(
      (line, index) => indent + (index === 0 ? arrow : ' '.repeat(arrow.length)) + line,
    );
    return [first, ...more, ...advice];
  }

  /** `time` stands at the right end of the first line. */
  #entry(status: StepStatus, name: string, detail: string, nameWidth: number, time = ''): readonly string[] {
    const { unicode, ascii, color } = marks[status];
    const mark = this.#paint(color, this.#unicode ? unicode : ascii);
    const room = this.#width - nameWidth - 6 - timeWidth;
    const [first = '', ...more] = wrap(detail, room);
    const head = `  ${mark} ${name.padEnd(nameWidth)}  `;
    return [
      `${head}${time === '' ? first : first.padEnd(room) + this.#paint('dim', time.padStart(timeWidth))}`,
      ...more.map((line) => ' '.repeat(nameWidth + 6) + line),
    ];
  }
}

const timeWidth = ' 99999 ms'.length;

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
