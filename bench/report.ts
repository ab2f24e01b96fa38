// What was measured: rows of figures, a column for each who was measured, as a plain table and as data.

import { median, short, told } from './samples.ts';

/** The monitor; a bare client that does only what must be done; another monitor. */
export type Column = 'monitor' | 'floor' | 'peer';

export interface Limit {
  readonly kind: 'at most' | 'at least';
  readonly value: number;
}

export function atMost(value: number): Limit {
  return { kind: 'at most', value };
}

export function atLeast(value: number): Limit {
  return { kind: 'at least', value };
}

interface Row {
  readonly figure: string;
  readonly unit: string;
  readonly limit: Limit | undefined;
  readonly samples: Partial<Record<Column, number[]>>;
}

const widths = { figure: 38, monitor: 27, floor: 12, peer: 12, limit: 11 } as const;
const columns: readonly Column[] = ['monitor', 'floor', 'peer'];

/** Figures that belong together, in the order in which they first came. */
export class Section {
  readonly title: string;
  readonly #rows = new Map<string, Row>();

  constructor(title: string) {
    this.title = title;
  }

  add(figure: string, unit: string, values: Partial<Record<Column, number>>, limit?: Limit): void {
    let row = this.#rows.get(figure);
    if (row === undefined) {
      row = { figure, unit, limit, samples: {} };
      this.#rows.set(figure, row);
    }
    for (const column of columns) {
      const value = values[column];
      if (value === undefined) continue;
      const samples = row.samples[column] ?? [];
      samples.push(value);
      row.samples[column] = samples;
    }
  }

  /** What was measured of a figure so far. */
  samples(figure: string, column: Column): readonly number[] {
    return this.#rows.get(figure)?.samples[column] ?? [];
  }

  get lines(): readonly string[] {
    const rows = [...this.#rows.values()].map(({ figure, unit, limit, samples }) =>
      line({
        figure: `  ${figure}${unit === '' ? '' : `, ${unit}`}`,
        monitor: told(samples.monitor ?? []),
        floor: shortest(samples.floor),
        peer: shortest(samples.peer),
        limit: limit === undefined ? '' : limitText(limit, samples.monitor ?? []),
      }),
    );
    return [this.title, ...rows];
  }

  toJSON(): object {
    return { title: this.title, rows: [...this.#rows.values()] };
  }
}

/** One scenario's figures. */
export class Report {
  readonly title: string;
  readonly #sections = new Map<string, Section>();
  readonly #notes = new Set<string>();

  constructor(title: string) {
    this.title = title;
  }

  section(title: string): Section {
    let section = this.#sections.get(title);
    if (section === undefined) {
      section = new Section(title);
      this.#sections.set(title, section);
    }
    return section;
  }

  /** A line under the table: what a reader must know of the figures. Said once. */
  note(text: string): void {
    this.#notes.add(text);
  }

  text(): string {
    const header = {
      figure: 'median (min–max)',
      monitor: 'monitor',
      floor: 'floor',
      peer: 'peer',
      limit: 'target',
    };
    return [
      this.title,
      '-'.repeat(100),
      line(header),
      ...[...this.#sections.values()].flatMap(({ lines }) => lines),
      ...this.#notes,
      '',
    ].join('\n');
  }

  toJSON(): object {
    return { title: this.title, sections: [...this.#sections.values()], notes: [...this.#notes] };
  }
}

/** There is room for the median only. */
function shortest(samples: readonly number[] | undefined): string {
  return samples === undefined ? '' : short(median(samples));
}

function limitText({ kind, value }: Limit, samples: readonly number[]): string {
  const sign = kind === 'at most' ? '≤' : '≥';
  if (samples.length === 0) return `${sign} ${short(value)}`;
  const middle = median(samples);
  const missed = kind === 'at most' ? middle > value : middle < value;
  return `${sign} ${short(value)}${missed ? ' !' : ''}`;
}

function line(cells: Readonly<Record<keyof typeof widths, string>>): string {
  const figure = cells.figure.padEnd(widths.figure);
  const rest = (['monitor', 'floor', 'peer', 'limit'] as const).map((name) =>
    cells[name].padStart(widths[name]),
  );
  return [figure, ...rest].join('').trimEnd();
}
