// What a view knows of a project is what the cloud had when it was asked last, whether it was told everything or only what
// changed, with overlaps, and in whatever order.

import test from 'ava';
import * as fc from 'fast-check';
import { ProjectView } from '../../../src/main/regions/project-view.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import { drained } from '../../fixtures/monitor/drained.ts';
import { listedPages } from '../../fixtures/monitor/listed-pages.ts';
import { observation, serverRecord } from '../../fixtures/monitor/records.ts';

const count = 6;
const servers = Array.from({ length: count }, (_, index) =>
  serverRecord({ name: `server-${index}`, displayName: `name-${index}` }),
);

/** A server of the cloud, and when it changed last; deleted ones stay known to lists of changes. */
interface CloudServer {
  readonly observation: Observation;
  readonly changedAt: number;
}

const change = fc.record({
  server: fc.nat({ max: count - 1 }),
  kind: fc.constantFrom('start', 'stop', 'rename', 'delete', 'create'),
});

const poll = fc.record({
  changes: fc.array(change, { maxLength: 4 }),
  complete: fc.boolean(),
  /** Further back than needed, as the overlap of the watermark is. */
  overlap: fc.nat({ max: 3 }),
  /** In which order the list comes. */
  reversed: fc.boolean(),
  pageSize: fc.integer({ min: 1, max: count }),
});

test('a view shows each server as the cloud had it at the last list', (t) => {
  fc.assert(
    fc.property(fc.array(poll, { maxLength: 15 }), (polls) => {
      const cloud = new Map<string, CloudServer>();
      let ids = 0;
      const put = (seen: Observation, at: number) =>
        cloud.set(seen.providerId, { observation: seen, changedAt: at });
      const liveOf = (server: number) =>
        [...cloud.values()].find(
          ({ observation: each }) => !each.deleted && each.ownerId === `server-${server}`,
        );
      const create = (server: number, at: number) =>
        put(
          observation({ providerId: `id-${ids++}`, name: `name-${server}`, ownerId: `server-${server}` }),
          at,
        );
      for (let server = 0; server < count; server++) create(server, 0);
      const view = new ProjectView();
      let lastAsked = -1;

      for (const [time, { changes, complete, overlap, reversed, pageSize }] of polls.entries()) {
        for (const { server, kind } of changes) {
          const live = liveOf(server)?.observation;
          if (kind === 'create') {
            if (live === undefined) create(server, time);
          } else if (live !== undefined) {
            if (kind === 'delete') put({ ...live, deleted: true }, time);
            else if (kind === 'rename') put({ ...live, name: `renamed-${time}` }, time);
            else put({ ...live, phase: kind === 'stop' ? 'Stopped' : 'Running' }, time);
          }
        }
        const whole = complete || view.watermark === null;
        const told = [...cloud.values()]
          .filter(({ observation: each, changedAt }) =>
            whole ? !each.deleted : changedAt >= lastAsked - overlap,
          )
          .map(({ observation: each }) => each);
        const listed = reversed ? told.toReversed() : told;
        const believed = drained(
          view.take({
            complete: whole,
            ...(whole
              ? listedPages(listed, { size: pageSize, known: view.pages })
              : { observations: listed, pages: [] }),
            malformed: [],
            watermark: '2026-11-22T07:00:00Z',
          }),
        );
        if (!believed) continue;
        lastAsked = time;
        for (const [index, server] of servers.entries()) {
          const live = liveOf(index)?.observation;
          const finding = view.find(server, () => true);
          if (live === undefined) t.is(finding.kind, 'missing');
          else
            t.like(finding, {
              kind: 'observed',
              observation: { providerId: live.providerId, phase: live.phase },
            });
        }
        if (whole) t.is([...view.observations()].length, told.length);
      }
    }),
    { numRuns: 300 },
  );
});

function shown(view: ProjectView): readonly string[] {
  return [...view.observations()].map(({ providerId, phase }) => `${providerId} ${phase ?? ''}`).toSorted();
}

test('a list of changes taken twice is as good as once', (t) => {
  const observations = fc.array(
    fc.record({
      id: fc.nat({ max: 5 }),
      phase: fc.constantFrom('Running' as const, 'Stopped' as const),
      deleted: fc.boolean(),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(observations, observations, (listed, changed) => {
      const answer = (complete: boolean, of: typeof listed) => ({
        complete,
        observations: of
          .filter(({ deleted }) => !complete || !deleted)
          .map(({ id, ...rest }) => observation({ providerId: `id-${id}`, ...rest })),
        malformed: [],
        watermark: '2026-11-22T07:00:00Z',
        pages: [],
      });
      const [once, twice] = [new ProjectView(), new ProjectView()];
      for (const view of [once, twice]) drained(view.take(answer(true, listed)));
      drained(once.take(answer(false, changed)));
      drained(twice.take(answer(false, changed)));
      drained(twice.take(answer(false, changed)));
      t.deepEqual(shown(twice), shown(once));
    }),
  );
});
