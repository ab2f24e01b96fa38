// Lists of changes, from the cloud's answer to what is known of the project: no change may ever be missed, whenever it was
// stamped and committed, however the clock of the cloud jumps, whichever polls fail, and whatever happens between pages.

import test from 'ava';
import * as fc from 'fast-check';
import { ProjectView } from '../../../src/main/regions/project-view.ts';
import type { ProjectTask } from '../../../src/shared/server-health.ts';
import type { Session } from '../../../src/shared/session.ts';
import { ServerHealthCheck } from '../../../src/workers/server-health/check.ts';
import { healthJob, task } from '../../fixtures/clouds/health-job.ts';
import {
  type Answer,
  novaServer,
  type Received,
  ScriptedCloud,
} from '../../fixtures/clouds/scripted-cloud.ts';
import { drained } from '../../fixtures/monitor/drained.ts';

const count = 7;
const onPage = 3;
const ids = Array.from({ length: count }, (_, index) => `server-${index}`);
/** How long before its commit a change may be stamped: less than the overlap by the rounding to whole seconds. */
const longestCommitMs = 29_000;
const mostPolls = 10;
const longestPauseMs = 100_000;
const beginMs = Date.UTC(2026, 10, 22, 7);

interface Row {
  readonly version: number;
  readonly stampedMs: number;
  readonly deleted: boolean;
}

const changes = fc.array(
  fc.record({
    server: fc.nat({ max: count - 1 }),
    /** Between stamp and commit. */
    commitMs: fc.nat({ max: longestCommitMs }),
    deleted: fc.boolean(),
  }),
  { maxLength: 3 },
);

const poll = fc.record({
  elapsedMs: fc.integer({ min: 1, max: longestPauseMs }),
  /**
   * How far the clock of the cloud is set before a poll that gets an answer: back by more than passed since the answer
   * before, or what is lost is seen by the next complete list only: a limit that is documented.
   */
  stepMs: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    fc.integer({ min: 1, max: 3_600_000 }),
    fc.integer({ min: -3_600_000, max: -2 * mostPolls * longestPauseMs }),
  ),
  before: changes,
  /** While the first page is on its way. */
  between: changes,
  fails: fc.boolean(),
  complete: fc.boolean(),
});

/** A Nova with a database that tells in whole seconds. */
class Database {
  readonly rows = new Map<string, Row>(
    ids.map((id) => [id, { version: 0, stampedMs: beginMs, deleted: false }]),
  );
  nowMs = beginMs;
  #version = 0;

  change({ server, commitMs, deleted }: { server: number; commitMs: number; deleted: boolean }): void {
    this.#version += 1;
    const row = { version: this.#version, stampedMs: this.nowMs - commitMs, deleted };
    this.rows.set(ids[server] ?? '', row);
  }

  page({ query }: Received): Answer {
    const asked = new URLSearchParams(query);
    const since = Date.parse(asked.get('changes-since') ?? '');
    const wanted = [...this.rows].filter(([id, row]) => {
      if (id <= (asked.get('marker') ?? '')) return false;
      return Number.isNaN(since) ? !row.deleted : Math.floor(row.stampedMs / 1000) * 1000 >= since;
    });
    const page = wanted.slice(0, onPage);
    asked.set('marker', page.at(-1)?.[0] ?? '');
    const links = { servers_links: [{ rel: 'next', href: `?${asked.toString()}` }] };
    return {
      headers: { date: new Date(this.nowMs).toUTCString() },
      body: {
        servers: page.map(([id, { version, deleted }]) =>
          novaServer(id, { name: `version-${version}`, status: deleted ? 'DELETED' : 'ACTIVE' }),
        ),
        ...(wanted.length > onPage ? links : {}),
      },
    };
  }
}

/** Version that a view shows; null for a server that it does not know. */
function shown(view: ProjectView, id: string): number | null {
  for (const { providerId, name } of view.observations())
    if (providerId === id) return Number(name?.replace('version-', ''));
  return null;
}

test('every poll shows each change that was committed when it began', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const check = new ServerHealthCheck();
  t.teardown(async () => check.close());
  const { signal } = new AbortController();

  await fc.assert(
    fc.asyncProperty(fc.array(poll, { minLength: 1, maxLength: mostPolls }), async (polls) => {
      const database = new Database();
      const view = new ProjectView();
      let session: Session | null = null;
      for (const { elapsedMs, stepMs, before, between, fails, complete } of polls) {
        const setBack = stepMs < 0 && !fails;
        database.nowMs += elapsedMs + (fails ? 0 : stepMs);
        for (const change of before) database.change(change);
        const atBegin = new Map(database.rows);
        const since = complete ? null : view.watermark;
        let pages = 0;
        cloud.on('GET /v2.1/servers/detail', (request) => {
          if (fails) return { status: 503 };
          const answer = database.page(request);
          if (pages++ === 0) for (const change of between) database.change(change);
          return answer;
        });
        const asked: ProjectTask = {
          ...task,
          ...(session === null ? {} : { session }),
          ...(since === null ? {} : { changesSince: since }),
          knownPages: view.pages,
        };
        const { projects } = await check.run(healthJob(cloud, { projects: [asked] }), signal);
        const [result] = projects;
        if (result === undefined) throw new Error('the job has no result');
        session = result.session;
        t.is(result.outcome.ok, !fails);
        if (!result.outcome.ok) continue;
        const believed = drained(view.take(result.outcome));
        const asksAll = view.watermark === null;
        if (since !== null && setBack) t.true(asksAll, 'a clock that was set back is noticed');
        // What is not certain is asked for once more, completely.
        if (!believed || asksAll) continue;
        for (const id of ids) {
          const { version, deleted } = atBegin.get(id) ?? { version: 0, deleted: true };
          const now = database.rows.get(id);
          const version2 = shown(view, id);
          if (version2 === null) t.true(deleted || now?.deleted === true, `${id} is missed`);
          else if (deleted) t.true(version2 > version, `${id} was deleted`);
          else t.true(version2 >= version, `${id} is shown as it was before`);
        }
      }
    }),
    { numRuns: 150 },
  );
});
