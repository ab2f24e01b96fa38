// Whether what the objects, the gauge and the pages show is what is true.

import { findCondition } from '../src/shared/conditions.ts';
import type { Scenery } from './scenery.ts';
import { agrees, shownBy } from './truth.ts';

/** A line about what was asked before may come so much later. */
const lateMs = 60_000;

export function wrongStatuses({ stage: { histories, truth } }: Scenery): readonly string[] {
  return histories.live().flatMap(({ server, states }) => {
    const said = truth.now(server.name);
    if (said === null) return [];
    const shown = shownBy(server);
    const before = states.at(-1)?.phase ?? '';
    if (shown !== null && agrees(shown, said, before) && shown.message === said.message) return [];
    return [`${server.name} shows ${JSON.stringify(shown)}, its cloud says ${JSON.stringify(said)}`];
  });
}

export function wrongGauge({ stage: { histories, truth }, view }: Scenery): readonly string[] {
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

export function downRegions({ stage, view }: Scenery): readonly string[] {
  return stage.regions.flatMap(({ id }) => {
    const region = view.regions.find(({ regionId }) => regionId === id);
    if (region === undefined) return [`${id} is not on /statusz`];
    if (region.state !== 'up') return [`${id} is ${region.state}: ${region.error?.message ?? 'no error'}`];
    return region.breakerOpen ? [`the breaker of ${id} is open`] : [];
  });
}

export function lies({ stage: { histories, truth } }: Scenery): readonly string[] {
  return [...histories.all()].flatMap(({ server, states }) => {
    const lie = truth.firstLie(server.name, states);
    return lie === null ? [] : [`${server.name} (${server.uid}) showed ${JSON.stringify(lie)}`];
  });
}

export function wronglyMissing({ stage: { lives, truth }, past }: Scenery): readonly string[] {
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

export function lostWrites({ stage: { histories }, everyday }: Scenery): readonly string[] {
  return histories.live().flatMap(({ server }) => {
    const written = everyday.available(server.name);
    const shown = findCondition(server.conditions, 'Available')?.message;
    return written === shown ? [] : [`${server.name}: Available is ${shown}, another wrote ${written}`];
  });
}
