// What must hold whenever no fault is left.

import { findCondition } from '../src/shared/conditions.ts';
import type { Everyday } from './everyday.ts';
import { steady } from './fleet.ts';
import type { Transition, TransitionKind } from './history.ts';
import type { MonitorView } from './monitor-view.ts';
import type { Residue } from './residue.ts';
import type { Stage } from './stage.ts';
import type { Past } from './storm.ts';
import { countUntold } from './telling.ts';
import { agrees, shownBy } from './truth.ts';
import type { Watcher } from './watcher.ts';

export interface Scenery {
  readonly stage: Stage;
  readonly everyday: Everyday;
  readonly watcher: Watcher;
  /** All faults that there were. */
  readonly past: readonly Past[];
  readonly residue: Residue;
  readonly view: MonitorView;
}

export interface Invariant {
  readonly name: string;
  /** What is wrong, in a line each; nothing when it holds. */
  readonly breaches: (scenery: Scenery) => readonly string[];
}

/** A line about what was asked before may come so much later. */
const lateMs = 60_000;
/** Writes at once: so many may stand untold when the process is killed. */
const writesAtOnce = 16;
/** An orderly life tells a transition so soon after its write. */
const tellingMs = 3_000;
/** A write that was sent before a kill may be carried out so late. */
const lingeringMs = 10_000;
const shownBreaches = 8;

/** They must hold soon after the last fault. */
export const awaited: readonly Invariant[] = [
  { name: 'every Server shows what its cloud says', breaches: wrongStatuses },
  { name: 'the gauge is the truth', breaches: wrongGauge },
  { name: 'every region is up, every breaker closed', breaches: downRegions },
  { name: 'every problem has ended, and was said to', breaches: openProblems },
  { name: 'every transition is told once, and nothing else', breaches: wrongTelling },
];

/** They must have held all along. */
export const standing: readonly Invariant[] = [
  { name: 'no status ever showed what was never true', breaches: lies },
  { name: 'no server is missed that was there', breaches: wronglyMissing },
  { name: 'what others write stays', breaches: lostWrites },
  { name: 'the region in which nothing happens is polled at its pace', breaches: lostPace },
  { name: 'memory and handles are near where they were', breaches: ({ residue }) => residue.breaches },
  { name: 'no page shows a secret, and /metrics can be read', breaches: ({ watcher }) => watcher.findings },
  { name: 'the log is lines of JSON that tell of no defect', breaches: defects },
  { name: 'every stop ends with 0', breaches: ({ stage }) => stage.lives.badEnds },
];

function wrongStatuses({ stage: { histories, truth } }: Scenery): readonly string[] {
  return histories.live().flatMap(({ server, states }) => {
    const said = truth.now(server.name);
    if (said === null) return [];
    const shown = shownBy(server);
    const before = states.at(-1)?.phase ?? '';
    if (shown !== null && agrees(shown, said, before) && shown.message === said.message) return [];
    return [`${server.name} shows ${JSON.stringify(shown)}, its cloud says ${JSON.stringify(said)}`];
  });
}

function wrongGauge({ stage: { histories, truth }, view }: Scenery): readonly string[] {
  const expected = new Map<string, number>();
  for (const { server } of histories.live()) {
    if (truth.now(server.name) === null) continue;
    const key = `${server.regionId} ${server.phase.toLowerCase()} ${server.flavorId}`;
    expected.set(key, (expected.get(key) ?? 0) + 1);
  }
  const { gauge } = view;
  return [...new Set([...expected.keys(), ...gauge.keys()])]
    .filter((key) => expected.get(key) !== gauge.get(key))
    .map((key) => `${key}: ${gauge.get(key) ?? 'nothing'} instead of ${expected.get(key) ?? 'nothing'}`);
}

function downRegions({ stage, view }: Scenery): readonly string[] {
  return stage.regions.flatMap(({ id }) => {
    const region = view.regions.find(({ regionId }) => regionId === id);
    if (region === undefined) return [`${id} is not on /statusz`];
    if (region.state !== 'up') return [`${id} is ${region.state}: ${region.error?.message ?? 'no error'}`];
    return region.breakerOpen ? [`the breaker of ${id} is open`] : [];
  });
}

interface ProblemLines {
  readonly begins: string;
  /** Any of these: a problem that gives way to another of the same server has not ended, but is no longer said. */
  readonly ends: readonly string[];
  readonly key: 'region' | 'resource' | 'server' | 'instance_id';
}

const problemLines: readonly ProblemLines[] = [
  { begins: 'failed to resolve region, skipping', ends: ['region resolved again'], key: 'region' },
  {
    begins: 'region breaker opened, asking for one project only until it answers',
    ends: ['region breaker closed'],
    key: 'region',
  },
  {
    begins: 'failed to list or watch, trying again',
    ends: ['listing and watching again'],
    key: 'resource',
  },
  {
    begins: 'failed to check server, skipping',
    ends: [
      'server checked again',
      'server not found in provider, skipping',
      'server found in provider again',
    ],
    key: 'server',
  },
  {
    begins: 'failed to patch pending-entry annotation',
    ends: ['pending-entry annotation patched again'],
    key: 'instance_id',
  },
];

const resources = ['regions', 'servers', 'identities', 'openstackidentities'];

function openProblems({ stage: { lives, regions, histories } }: Scenery): readonly string[] {
  const { log, number } = lives;
  // With an object, its problems go without a word: those of another of the same name are none of this one's.
  const servers = new Map(histories.live().map(({ server, createdMs }) => [server.name, createdMs]));
  const subjects = {
    region: new Map(regions.map(({ id }) => [id, 0])),
    resource: new Map(resources.map((resource) => [resource, 0])),
    server: servers,
    instance_id: servers,
  };
  // Of more than twenty lines, the rest is a count.
  const shortened = log.lines.some(
    ({ life, msg }) => life === number && msg === 'further lines of the same message left out',
  );
  return problemLines.flatMap(({ begins, ends, key }) => {
    if (shortened && (key === 'server' || key === 'instance_id')) return [];
    return [...subjects[key]]
      .filter(([value, sinceMs]) => {
        const messages = [begins, ...ends];
        return log.last({ life: number, messages, key, value, sinceMs }) === begins;
      })
      .map(([subject]) => `${subject}: "${begins}" has not ended`);
  });
}

function wrongTelling(scenery: Scenery): readonly string[] {
  const { stage, view } = scenery;
  const { lives, histories } = stage;
  const breaches: string[] = [];
  let untold = 0;
  for (const kind of ['phase', 'health'] as const) {
    const happened = histories.transitions(kind);
    const told = lives.log.transitions(kind);
    for (const name of new Set([...happened.keys(), ...told.keys()])) {
      const ofName = happened.get(name) ?? [];
      const lines = told.get(name) ?? [];
      const excused = (index: number) => mayStayUntold(ofName[index]?.atMs ?? 0, scenery);
      const count = countUntold(ofName, lines, excused);
      if (count === null) breaches.push(tellingBreach(name, kind, ofName, lines));
      else untold += count;
    }
  }
  const most = writesAtOnce * 2 * lives.kills.length;
  if (untold > most)
    breaches.push(`${untold} transitions were not told, ${lives.kills.length} kills excuse ${most}`);
  const counted = lives.log.countTold(lives.number);
  if (view.transitions !== counted)
    breaches.push(`the metric counts ${view.transitions} transitions, the log has ${counted}`);
  return breaches;
}

/** What was written and not yet told when the process was killed: a limit that is documented. */
function mayStayUntold(atMs: number, { stage: { lives }, past }: Scenery): boolean {
  return lives.kills.some((kill) => {
    const since = past
      .filter(({ injection, fromMs, untilMs }) => {
        const ofCluster = injection.fault.group === 'Kubernetes';
        return ofCluster && fromMs <= kill.atMs && (untilMs ?? kill.atMs) >= kill.atMs - tellingMs;
      })
      .map(({ fromMs }) => fromMs);
    // While Kubernetes is out of order, the answer to a write may be missing for as long.
    const fromMs = Math.min(kill.atMs, ...since) - tellingMs;
    return atMs >= fromMs && atMs <= kill.atMs + lingeringMs;
  });
}

function tellingBreach(
  name: string,
  kind: TransitionKind,
  happened: readonly (Transition & { readonly atMs: number })[],
  told: readonly Transition[],
): string {
  const times = happened.map(
    (each) => `${textOf(each)} (${new Date(each.atMs).toISOString().slice(11, 23)})`,
  );
  return `${kind} of ${name}: happened ${times.join(', ')}; told ${told.map(textOf).join(', ')}`;
}

function textOf({ from, to }: Transition): string {
  return `${from} > ${to}`;
}

function lies({ stage: { histories, truth } }: Scenery): readonly string[] {
  return [...histories.all()].flatMap(({ server, states }) => {
    const lie = truth.firstLie(server.name, states);
    return lie === null ? [] : [`${server.name} (${server.uid}) showed ${JSON.stringify(lie)}`];
  });
}

function wronglyMissing({ stage: { lives, truth }, past }: Scenery): readonly string[] {
  return lives.log.lines.flatMap(({ msg, fields, atMs }) => {
    if (msg !== 'server not found in provider, skipping') return [];
    const name = String(fields['server']);
    if (truth.wasMissing(name, atMs - lateMs, atMs)) return [];
    // An empty list is believed by a monitor that knows of nothing yet: a limit that is documented.
    const emptied = past.some(
      ({ injection, fromMs }) =>
        injection.fault.name.startsWith('an empty list') &&
        injection.target.id === fields['region'] &&
        fromMs > atMs - lateMs,
    );
    return emptied && lives.number > 1 ? [] : [`${name} was there at ${new Date(atMs).toISOString()}`];
  });
}

function lostWrites({ stage: { histories }, everyday }: Scenery): readonly string[] {
  return histories.live().flatMap(({ server }) => {
    const written = everyday.available(server.name);
    const shown = findCondition(server.conditions, 'Available')?.message;
    return written === shown ? [] : [`${server.name}: Available is ${shown}, another wrote ${written}`];
  });
}

/** A poll that was under way while the process stood still, or when its thread ended, may get no answer. */
const excusedByStall = 4;

function lostPace({ stage, watcher, past }: Scenery): readonly string[] {
  const { begun, answered, unanswered } = watcher.pace;
  const rough = past.filter(({ injection }) => injection.fault.group !== 'cloud').length;
  const excused = excusedByStall * (stage.lives.stalls.length + stage.lives.number + rough) + begun * 0.02;
  const breaches: string[] = [];
  if (unanswered > excused) breaches.push(`${unanswered} of ${begun} polls of ${steady} got no answer`);
  if (answered + unanswered < begun / 1.05 - excused)
    breaches.push(`${answered + unanswered} polls of ${steady} where ${begun} were due`);
  return breaches;
}

const checkFaultMs = 20_000;

function defects({ stage: { lives }, past }: Scenery): readonly string[] {
  const { lines, strays } = lives.log;
  const replaced = (atMs: number) =>
    past.some(
      ({ injection, fromMs, untilMs }) =>
        injection.fault.takes === 'check' && fromMs <= atMs && (untilMs ?? atMs) + checkFaultMs >= atMs,
    );
  const told = lines.filter(({ msg, fields, atMs }) => {
    if (msg === 'check failed' || msg === 'log lines were lost') return true;
    const internal = msg === 'failed to resolve region, skipping' && fields['code'] === 'internal';
    return internal && !replaced(atMs);
  });
  return [...strays, ...told.map(({ fields }) => JSON.stringify(fields))].slice(0, shownBreaches);
}
