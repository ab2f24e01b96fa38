// node bench/profile.ts FOLDER: where the time went, from the CPU profiles that `npm run bench -- --profile FOLDER` wrote.
// One part a thread: functions by their own time, functions of ours by all that they called, the longest busy stretches.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';

const profileSchema = v.object({
  nodes: v.array(
    v.object({
      id: v.number(),
      callFrame: v.object({ functionName: v.string(), url: v.string(), lineNumber: v.number() }),
      children: v.optional(v.array(v.number()), []),
    }),
  ),
  samples: v.array(v.number()),
  timeDeltas: v.array(v.number()),
  startTime: v.number(),
});
type Profile = v.InferOutput<typeof profileSchema>;

/** What V8 reports while no JavaScript runs. */
const idle = new Set(['(idle)', '(program)', '(root)']);
const shownFunctions = 22;
const shownStretches = 6;

class ThreadProfile {
  /** By node: "name file:line", and the nodes above it. */
  readonly #names = new Map<number, string>();
  readonly #parents = new Map<number, number>();
  readonly #profile: Profile;

  constructor(profile: Profile) {
    this.#profile = profile;
    for (const { id, callFrame, children } of profile.nodes) {
      const { functionName, url, lineNumber } = callFrame;
      const place = url === '' ? '' : ` ${shortened(url)}:${lineNumber + 1}`;
      this.#names.set(id, `${functionName === '' ? '(anonymous)' : functionName}${place}`);
      for (const child of children) this.#parents.set(child, id);
    }
  }

  /** Milliseconds by function; `all` with those that it called. */
  times(): { readonly own: Map<string, number>; readonly all: Map<string, number> } {
    const own = new Map<string, number>();
    const all = new Map<string, number>();
    const { samples, timeDeltas } = this.#profile;
    for (const [index, node] of samples.entries()) {
      const ms = (timeDeltas[index] ?? 0) / 1000;
      add(own, this.#names.get(node) ?? '', ms);
      for (const name of new Set(this.#stack(node))) add(all, name, ms);
    }
    return { own, all };
  }

  /** The longest times without an idle moment: what others in this thread had to wait for. */
  stretches(): readonly { readonly atMs: number; readonly ms: number; readonly top: readonly string[] }[] {
    const { samples, timeDeltas } = this.#profile;
    const found: { atMs: number; ms: number; costs: Map<string, number> }[] = [];
    let current: (typeof found)[number] | null = null;
    let nowMs = 0;
    for (const [index, node] of samples.entries()) {
      const ms = (timeDeltas[index] ?? 0) / 1000;
      nowMs += ms;
      if (idle.has(this.#names.get(node) ?? '')) {
        current = null;
        continue;
      }
      if (current === null) {
        current = { atMs: nowMs, ms: 0, costs: new Map() };
        found.push(current);
      }
      current.ms += ms;
      for (const name of new Set(this.#stack(node))) add(current.costs, name, ms);
    }
    return found
      .toSorted((a, b) => b.ms - a.ms)
      .slice(0, shownStretches)
      .map(({ atMs, ms, costs }) => ({
        atMs,
        ms,
        top: largest(costs, 40)
          .filter(([name]) => isOurs(name) || name.startsWith('(garbage'))
          .slice(0, 5)
          .map(([name, cost]) => `${cost.toFixed(0)} ms ${name}`),
      }));
  }

  *#stack(node: number): Generator<string> {
    for (let at: number | undefined = node; at !== undefined; at = this.#parents.get(at))
      yield this.#names.get(at) ?? '';
  }
}

function shortened(url: string): string {
  return url.replace(/^file:\/\//, '').replace(/^.*\/(?=(?:src|node_modules|bundle)\/)/, '');
}

function isOurs(name: string): boolean {
  return / (?:src|bundle)\//.test(name);
}

function add(times: Map<string, number>, name: string, ms: number): void {
  times.set(name, (times.get(name) ?? 0) + ms);
}

function largest(times: ReadonlyMap<string, number>, count: number): readonly [string, number][] {
  return [...times].toSorted((a, b) => b[1] - a[1]).slice(0, count);
}

function show(file: string, profile: ThreadProfile): string {
  const { own, all } = profile.times();
  const busy = [...own].reduce((sum, [name, ms]) => sum + (idle.has(name) ? 0 : ms), 0);
  const rows = (times: readonly [string, number][]): string[] =>
    times.map(
      ([name, ms]) =>
        `${ms.toFixed(0).padStart(8)} ms ${((ms / busy) * 100).toFixed(1).padStart(5)} %  ${name}`,
    );
  const working = new Map([...own].filter(([name]) => !idle.has(name)));
  const ours = new Map([...all].filter(([name]) => isOurs(name)));
  return [
    `${file}: ${busy.toFixed(0)} ms busy`,
    '  own time',
    ...rows(largest(working, shownFunctions)),
    '  ours, with all that they called',
    ...rows(largest(ours, shownFunctions)),
    '  longest stretches without an idle moment',
    ...profile
      .stretches()
      .map(
        ({ atMs, ms, top }) =>
          `${ms.toFixed(0).padStart(8)} ms at ${(atMs / 1000).toFixed(1)} s: ${top.join('; ')}`,
      ),
    '',
  ].join('\n');
}

const [, , folder] = process.argv;
if (folder === undefined) {
  process.stderr.write('node bench/profile.ts FOLDER\n');
  process.exitCode = 2;
} else {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
    const parsed = v.parse(profileSchema, JSON.parse(readFileSync(join(folder, file), 'utf8')));
    process.stdout.write(`${show(file, new ThreadProfile(parsed))}\n`);
  }
}
