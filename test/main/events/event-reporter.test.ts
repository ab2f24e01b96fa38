// Transitions as Events: repeated ones are one Event that counts, few of one object, few at once, and nobody waits.

import test from 'ava';
import * as v from 'valibot';
import { EventReporter } from '../../../src/main/events/event-reporter.ts';
import { EventSender } from '../../../src/main/events/event-sender.ts';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { RecordedLog } from '../../fixtures/monitor/recorded-log.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

const created = v.object({
  metadata: v.object({ name: v.string() }),
  reason: v.string(),
  note: v.string(),
  series: v.optional(v.object({ count: v.number() })),
});
const patched = v.object({ series: v.object({ count: v.number() }) });

function refused(status: number, retryAfterMs: number | null = null): ApiError {
  return new ApiError(`create events: ${status}`, {
    status,
    verb: 'create',
    resource: 'events',
    reason: '',
    retryAfterMs,
  });
}

/** An API server that fails as `fail` says; a reporter that sends to it. */
function setUp({ clock = new ScriptedClock() }: { clock?: ScriptedClock } = {}) {
  const sent: string[] = [];
  const names = new Set<string>();
  const outcomes: Record<string, number> = {};
  const logger = new RecordedLog();
  const api: { fail: ((verb: string) => Promise<void> | void) | null } = { fail: null };
  const metrics = {
    event: (outcome: string, count = 1) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
    },
  };
  const client = {
    post: async (_: string, body: unknown) => {
      await api.fail?.('create');
      const { metadata, reason, note, series } = v.parse(created, body);
      names.add(metadata.name);
      sent.push(`${reason}: ${note}${series === undefined ? '' : ` x${series.count}`}`);
      return {};
    },
    patch: async (path: string, body: unknown) => {
      await api.fail?.('patch');
      if (![...names].some((name) => path.endsWith(`/${name}`))) throw refused(404);
      sent.push(`x${v.parse(patched, body).series.count}`);
      return {};
    },
  };
  const sender = new EventSender({ client, clock, logger, metrics, instance: 'pod-1' });
  const reporter = new EventReporter({ sender, clock, metrics });
  const errored = (uid: string, message = 'broken') =>
    reporter.health('servers', serverRecord({ name: uid, uid }), {
      status: 'False',
      from: 'Healthy',
      to: 'Errored',
      message,
      durationMs: 0,
    });
  return { api, sent, names, outcomes, logger, sender, reporter, errored };
}

const sentAre = async (sent: readonly string[], count: number) =>
  eventually(`${count} requests`, () => sent.length === count);

test('the same again is one Event that counts; said otherwise, or after a long silence, it is another', async (t) => {
  const clock = new ScriptedClock();
  const { sent, errored, outcomes } = setUp({ clock });
  errored('a');
  await sentAre(sent, 1);
  await clock.pass(60_000);
  errored('a');
  await sentAre(sent, 2);
  errored('b');
  errored('a', 'worse');
  await sentAre(sent, 4);
  await clock.pass(400_000);
  errored('a');
  await sentAre(sent, 5);
  const first = 'Errored: broken (was Healthy)';
  t.deepEqual(sent, [first, 'x2', first, 'Errored: worse (was Healthy)', first]);
  t.deepEqual(outcomes, { created: 4, repeated: 1 });
});

test('a series whose Event has expired begins again, with its count', async (t) => {
  const { sent, names, errored } = setUp();
  errored('a');
  await sentAre(sent, 1);
  names.clear();
  errored('a');
  await sentAre(sent, 2);
  errored('a');
  await sentAre(sent, 3);
  t.deepEqual(sent.slice(1), ['Errored: broken (was Healthy) x2', 'x3']);
});

test('an object that flaps costs few requests, its count is right, and others are not affected', async (t) => {
  const clock = new ScriptedClock();
  const { sent, errored, outcomes } = setUp({ clock });
  for (let index = 1; index <= 50; index++) {
    errored('a');
    await eventually('sent or dropped', () =>
      Object.values(outcomes).reduce((sum, count) => sum + count, 0) === index ? true : undefined,
    );
  }
  t.is(sent.length, 10);
  t.is(outcomes['dropped'], 40);
  errored('b');
  await sentAre(sent, 11);
  await clock.pass(60_000);
  errored('a');
  await sentAre(sent, 12);
  t.is(sent.at(-1), 'x51');
});

test('many at once: a burst, then a pace; what does not fit into the queue is dropped', async (t) => {
  const clock = new ScriptedClock();
  const { sent, errored, outcomes } = setUp({ clock });
  for (let index = 0; index < 1_500; index++) errored(`server-${index}`);
  await sentAre(sent, 100);
  const dropped = outcomes['dropped'] ?? 0;
  t.true(dropped >= 499 && dropped <= 500, `${dropped}`);
  await eventually('its pause', () => clock.sleeping > 0);
  await clock.pass(1_000);
  await sentAre(sent, 120);
  t.is(outcomes['created'], 120);
});

test('a failure is logged once, and its end; what is refused is not tried again', async (t) => {
  const { api, sent, errored, logger, outcomes } = setUp();
  let asked = 0;
  api.fail = () => {
    asked += 1;
    throw refused(403);
  };
  errored('a');
  errored('b');
  await eventually('both failed', () => outcomes['failed'] === 2);
  t.is(asked, 2);
  api.fail = null;
  errored('c');
  await sentAre(sent, 1);
  t.deepEqual(
    logger.lines.map(({ level, msg }) => `${level} ${msg}`),
    ['error failed to write Events', 'info Events are written again'],
  );
});

test('an API server that is busy is asked again, after the pause that it asks for; not for ever', async (t) => {
  const clock = new ScriptedClock();
  const { api, sent, errored, outcomes } = setUp({ clock });
  let asked = 0;
  api.fail = () => {
    asked += 1;
    if (asked === 1) throw refused(429, 5_000);
  };
  errored('a');
  await eventually('a pause', () => asked === 1 && clock.sleeping === 1);
  await clock.pass(4_900);
  t.is(asked, 1);
  await clock.pass(200);
  await sentAre(sent, 1);
  asked = 0;
  api.fail = () => {
    asked += 1;
    throw refused(503);
  };
  errored('b');
  for (let attempt = 1; attempt < 4; attempt++) {
    await eventually('a pause', () => asked === attempt && clock.sleeping === 1);
    await clock.pass(20_000);
  }
  await eventually('it is given up', () => outcomes['failed'] === 1);
  t.is(asked, 4);
});

test('a stop does not wait for an API server that does not answer', async (t) => {
  const clock = new ScriptedClock();
  const { api, errored, outcomes, sender } = setUp({ clock });
  const hung = Promise.withResolvers<void>();
  api.fail = async () => hung.promise;
  errored('a');
  errored('b');
  await eventually('the request', () => clock.sleeping === 0);
  const closed = sender.close();
  await eventually('its patience', () => clock.sleeping === 1);
  await clock.pass(1_000);
  // As the client does when its signal aborts.
  hung.reject(new Error('aborted'));
  await closed;
  t.is(outcomes['dropped'], 2);
  errored('c');
  t.is(outcomes['dropped'], 3);
});

test('what waits at a stop is sent, if that does not take long', async (t) => {
  const { errored, sent, sender } = setUp();
  for (let index = 0; index < 20; index++) errored(`server-${index}`);
  await sender.close();
  t.is(sent.length, 20);
});
