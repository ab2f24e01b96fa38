// The log of all lives of the monitor, line by line, as whoever reads its standard error gets it.

import { isFields } from '../src/main/kubernetes/objects/object-fields.ts';
import type { Transition, TransitionKind } from './history.ts';

export interface LogLine {
  /** When it was read. */
  readonly atMs: number;
  /** Which start of the monitor wrote it, from 1. */
  readonly life: number;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const messages = { phase: 'instance phase transition', health: 'instance state transition' } as const;
const keys = { phase: ['from_phase', 'to_phase'], health: ['from_state', 'to_state'] } as const;

export class LogBook {
  readonly lines: LogLine[] = [];
  /** Lines that are no JSON object: the process said something that it should not. */
  readonly strays: string[] = [];
  #text = '';
  #rest = '';

  /** All of it, as it came. */
  get text(): string {
    return this.#text;
  }

  take(life: number, chunk: string): void {
    this.#text += chunk;
    const pieces = (this.#rest + chunk).split('\n');
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) this.#add(life, piece);
  }

  /** A life has ended: half a line stays half of one. */
  endLife(): void {
    this.#rest = '';
  }

  /** What was told of each server, in order. */
  transitions(kind: TransitionKind): ReadonlyMap<string, readonly Transition[]> {
    const [from, to] = keys[kind];
    const found = new Map<string, Transition[]>();
    for (const { msg, fields } of this.lines) {
      if (msg !== messages[kind]) continue;
      const name = String(fields['instance_id']);
      const ofName = found.get(name) ?? [];
      found.set(name, ofName);
      ofName.push({ from: String(fields[from]), to: String(fields[to]) });
    }
    return found;
  }

  /** Lines of one life. */
  count(life: number): number {
    return this.lines.filter((line) => line.life === life).length;
  }

  /** Transitions that one life told. */
  countTold(life: number): number {
    return this.lines.filter(
      (line) => line.life === life && (line.msg === messages.phase || line.msg === messages.health),
    ).length;
  }

  /** What a life said of a subject last since a time, of several messages; undefined when it said none of them. */
  last(of: {
    readonly life: number;
    readonly messages: readonly string[];
    readonly key: string;
    readonly value: string;
    readonly sinceMs: number;
  }): string | undefined {
    return this.lines.findLast(
      ({ life, msg, fields, atMs }) =>
        life === of.life && atMs >= of.sinceMs && of.messages.includes(msg) && fields[of.key] === of.value,
    )?.msg;
  }

  #add(life: number, piece: string): void {
    let fields: unknown;
    try {
      fields = JSON.parse(piece);
    } catch {
      fields = null;
    }
    if (isFields(fields)) this.lines.push({ atMs: Date.now(), life, msg: String(fields['msg']), fields });
    else this.strays.push(piece);
  }
}
