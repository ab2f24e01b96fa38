// Whether what the log says happened, and all that happened is said.

import type { Transition, TransitionKind } from './history.ts';
import type { Scenery } from './scenery.ts';
import { countUntold } from './telling.ts';

/** Writes at once: so many may stand untold when the process is killed. */
const writesAtOnce = 16;
/** An orderly life tells a transition so soon after its write. */
const tellingMs = 3_000;
/** A write that was sent before a kill may be carried out so late. */
const lingeringMs = 10_000;
const shownBreaches = 8;
/** A check that was replaced shows so long afterwards. */
const checkFaultMs = 20_000;

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

export function openProblems({ stage: { lives, regions, histories } }: Scenery): readonly string[] {
  const { log, number } = lives;
  // With an object, its problems go without a word. Another of the same name has those that were told since it was seen.
  const servers = new Map(
    histories.live().map(({ server, states }) => [server.name, states[0]?.atMs ?? Number.POSITIVE_INFINITY]),
  );
  const subjects = {
    region: new Map(regions.map(({ id }) => [id, 0])),
    resource: new Map(resources.map((resource) => [resource, 0])),
    server: servers,
    instance_id: servers,
  };
  // Of more than twenty lines, the rest is a count.
  const shortened = log.lines.some(
    ({ life, msg }) => life === number && msg === 'more lines with this message suppressed',
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

export function wrongTelling(scenery: Scenery): readonly string[] {
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

export function defects({ stage: { lives }, past }: Scenery): readonly string[] {
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
