// A view whose worker reports only what differs shows the same, after every list, as one that is given everything each time.

import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import test from 'ava';
import * as fc from 'fast-check';
import { ProjectView } from '../../../src/main/regions/project-view.ts';
import type { KnownPage, ProjectTask } from '../../../src/shared/server-health.ts';
import type { Session } from '../../../src/shared/session.ts';
import { ServerHealthCheck } from '../../../src/workers/server-health/check.ts';
import { healthJob, listed, task } from '../../fixtures/clouds/health-job.ts';
import {
  type Answer,
  novaServer,
  type Received,
  ScriptedCloud,
} from '../../fixtures/clouds/scripted-cloud.ts';
import { drained } from '../../fixtures/monitor/drained.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';

const count = 6;
const objects = Array.from({ length: count }, (_, index) =>
  serverRecord({ name: `object-${index}`, displayName: `name-${index}` }),
);

/** Records that differ in what a view shows, or in how sure it may be of it. */
const states: Readonly<Record<string, object>> = {
  active: { status: 'ACTIVE' },
  stopped: { status: 'SHUTOFF', 'OS-EXT-STS:power_state': 4 },
  building: { status: 'BUILD', 'OS-EXT-STS:task_state': 'spawning' },
  faulty: { status: 'ERROR' },
  explained: { status: 'ERROR', fault: { message: 'no valid host' } },
  deletedSoftly: { status: 'SOFT_DELETED' },
  deleted: { status: 'DELETED' },
  renamed: { name: 'name-0' },
  owned: { metadata: { 'region:server_id': 'object-0' } },
  unreadable: { name: 7 },
};

const record = fc.record({
  server: fc.nat({ max: count - 1 }),
  state: fc.oneof(
    { weight: 3, arbitrary: fc.constant('active') },
    fc.constantFrom(...Object.keys(states), 'partial', 'nameless'),
  ),
});

type Listing = { readonly server: number; readonly state: string };

const list = fc.record({
  /** What becomes of the list before it: servers move as others come and go. Some are in it twice. */
  edits: fc.array(
    fc.record({
      at: fc.nat({ max: 7 }),
      remove: fc.nat({ max: 2 }),
      insert: fc.array(record, { maxLength: 2 }),
    }),
    { maxLength: 3 },
  ),
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant('complete' as const) },
    fc.constantFrom('changes' as const, 'stale' as const),
  ),
  changed: fc.array(record, { maxLength: 3 }),
  onPage: fc.integer({ min: 2, max: 4 }),
  pageSize: fc.option(fc.integer({ min: 2, max: 3 }), { nil: undefined, freq: 4 }),
  faultsAnswer: fc.boolean(),
  /** The link to the second page is refused once, and the list is another by then. */
  markerLost: fc.boolean(),
  indent: fc.constantFrom(0, 0, 0, 1),
});

function nova({ server, state }: Listing): unknown {
  const id = `id-${server}`;
  if (state === 'partial') return { id, status: 'UNKNOWN' };
  if (state === 'nameless') return { name: `name-${server}` };
  return novaServer(id, { name: `name-${server}`, ...states[state] });
}

const inError: ReadonlySet<string> = new Set(['faulty', 'explained']);

/** Faults are asked for by server, not by record: with two records of a server, either may get the fault. */
function withoutTwoFaults(listing: readonly Listing[]): readonly Listing[] {
  const faulty = new Set(listing.filter(({ state }) => inError.has(state)).map(({ server }) => server));
  return listing.filter(
    ({ server }, index) =>
      !faulty.has(server) || listing.findIndex((each) => each.server === server) === index,
  );
}

/** One list, which several ask for one after the other. */
class Asked {
  readonly #lists: readonly (readonly Listing[])[];
  readonly #onPage: number;
  readonly #indent: number;
  #lost = 0;

  constructor(lists: readonly (readonly Listing[])[], of: { onPage: number; indent: number }) {
    this.#lists = lists;
    this.#onPage = of.onPage;
    this.#indent = of.indent;
  }

  page({ query }: Received): Answer {
    const asked = new URLSearchParams(query);
    const from = Number(asked.get('marker') ?? 0);
    if (from > 0 && this.#lost < this.#lists.length - 1) {
      this.#lost += 1;
      return { status: 400, body: { badRequest: { message: 'marker not found' } } };
    }
    const all = this.#lists[this.#lost] ?? [];
    const to = from + Math.min(this.#onPage, Number(asked.get('limit') ?? this.#onPage));
    asked.set('marker', String(to));
    const links = to < all.length ? { servers_links: [{ rel: 'next', href: `?${asked.toString()}` }] } : {};
    return {
      headers: { date: 'Thu, 01 Jan 2026 12:00:00 GMT' },
      body: JSON.stringify({ servers: all.slice(from, to).map(nova), ...links }, null, this.#indent),
    };
  }
}

/** Everything that others can see of a view. */
function shown(view: ProjectView): unknown {
  return {
    observations: [...view.observations()],
    malformed: [...view.malformed()],
    faults: view.knownFaults(),
    // Its time depends on how long the answer took.
    hasWatermark: view.watermark !== null,
    confirming: view.confirming,
    found: objects.map((object) => view.find(object, (name) => name.startsWith('object-'))),
  };
}

test('a view shows the same whether everything is reported or only what differs', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const check = new ServerHealthCheck();
  t.teardown(async () => check.close());
  const { signal } = new AbortController();

  await fc.assert(
    fc.asyncProperty(fc.array(list, { minLength: 2, maxLength: 8 }), async (lists) => {
      const [brief, full] = [new ProjectView(), new ProjectView()];
      let session: Session | null = null;
      let all: readonly Listing[] = objects.map((_, server) => ({ server, state: 'active' }));
      let before = all;
      for (const { edits, kind, changed, onPage, pageSize, faultsAnswer, markerLost, indent } of lists) {
        const complete = kind !== 'changes';
        const atBegin = all;
        if (kind === 'stale') [all, before] = [before, all];
        else if (complete) {
          before = all;
          for (const { at, remove, insert } of edits)
            all = withoutTwoFaults(all.toSpliced(at, remove, ...insert));
        }
        const asked = complete ? (markerLost ? [atBegin, all] : [all]) : [withoutTwoFaults(changed)];
        for (let server = 0; server < count; server++)
          cloud.on(
            `GET /v2.1/servers/id-${server}`,
            faultsAnswer ? { body: { server: { fault: { message: 'why' } } } } : { status: 500 },
          );
        const ask = async (view: ProjectView, knownPages: readonly KnownPage[]) => {
          const pages = new Asked(asked, { onPage, indent });
          cloud.on('GET /v2.1/servers/detail', (request) => pages.page(request));
          const project: ProjectTask = {
            ...task,
            ...(session === null ? {} : { session }),
            knownFaults: view.knownFaults(),
            ...(complete ? { knownPages } : { changesSince: '2026-01-01T00:00:00Z' }),
            ...(complete && pageSize !== undefined ? { pageSize } : {}),
          };
          const { projects } = await check.run(healthJob(cloud, { projects: [project] }), signal);
          const [result] = projects;
          if (result === undefined) throw new Error('the job has no result');
          session = result.session;
          return result;
        };
        const everything = await ask(full, []);
        const differences = await ask(brief, brief.pages);
        // A page that only repeats servers is refused, if that is seen.
        if (!everything.outcome.ok) continue;
        const believed = drained(full.take(listed(everything)));
        strictEqual(drained(brief.take(listed(differences))), believed);
        deepStrictEqual(shown(brief), shown(full));
      }
    }),
    { numRuns: 60 },
  );
  t.pass();
});
