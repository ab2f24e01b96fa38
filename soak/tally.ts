// What a soak brought: which faults, how often, for how long, and whether all was well afterwards.

import { allFaults } from './faults.ts';
import type { Residue } from './residue.ts';
import type { Past } from './storm.ts';
import type { Pace } from './watcher.ts';

interface Row {
  times: number;
  seconds: number;
  survived: number;
}

export class Tally {
  storms = 0;
  everyday: ReadonlyMap<string, number> = new Map();
  residue: Residue | null = null;
  pace: Pace = { begun: 0, answered: 0, unanswered: 0 };
  /** Transitions in the log. */
  told = 0;
  readonly #rows = new Map<string, Row>();
  #longestMs = 0;

  /** Faults that were injected; `settledMs` is null when all was not well afterwards. */
  add(past: readonly Past[], settledMs: number | null): void {
    this.storms++;
    this.#longestMs = Math.max(this.#longestMs, settledMs ?? 0);
    for (const { injection, fromMs, untilMs } of past) {
      const { name } = injection.fault;
      const row = this.#rows.get(name) ?? { times: 0, seconds: 0, survived: 0 };
      this.#rows.set(name, row);
      row.times++;
      row.seconds += ((untilMs ?? Date.now()) - fromMs) / 1000;
      if (settledMs !== null) row.survived++;
    }
  }

  /** Kinds of faults that were injected. */
  get kinds(): number {
    return this.#rows.size;
  }

  text(): string {
    const lines = [rowText(['fault', 'times', 'seconds', 'survived'])];
    let group = '';
    for (const fault of allFaults) {
      const row = this.#rows.get(fault.name);
      if (row === undefined) continue;
      if (fault.group !== group) lines.push(`${fault.group}:`);
      group = fault.group;
      const { times, seconds, survived } = row;
      lines.push(rowText([`  ${fault.name}`, String(times), seconds.toFixed(0), String(survived)]));
    }
    const { first, last } = this.residue ?? { first: null, last: null };
    const { begun, answered, unanswered } = this.pace;
    lines.push(
      '',
      `storms                  ${this.storms}, ${this.kinds} of ${allFaults.length} kinds of faults`,
      `longest until all was well  ${(this.#longestMs / 1000).toFixed(1)} s`,
      `everyday                ${[...this.everyday].map(([what, count]) => `${what} ${count}`).join(', ')}`,
      `transitions told        ${this.told}`,
      `polls of the steady region  ${answered} answered, ${unanswered} not, of ${begun} that began`,
      `memory                  ${first?.rssMiB ?? '?'} MiB at first, ${last?.rssMiB ?? '?'} at last`,
      `files and sockets       ${first?.handles ?? '?'} at first, ${last?.handles ?? '?'} at last`,
    );
    return lines.join('\n');
  }
}

function rowText([name = '', ...figures]: readonly string[]): string {
  return `${name.padEnd(72)}${figures.map((figure) => figure.padStart(10)).join('')}`;
}
