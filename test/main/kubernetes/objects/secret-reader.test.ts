// What polls are given while the API server answers, refuses, is slow or is away.

import test from 'ava';
import { ApiError } from '../../../../src/main/kubernetes/errors.ts';
import { SecretReader } from '../../../../src/main/kubernetes/objects/secret-reader.ts';
import type { Outcome } from '../../../../src/shared/checker.ts';
import { ScriptedClock } from '../../../fixtures/scripted-clock.ts';

const ref = { namespace: 'region', name: 'east' };
const patienceMs = 1_000;

function secret(password: string): unknown {
  const data = { password: Buffer.from(password).toString('base64') };
  return { metadata: { resourceVersion: '1' }, data };
}

function refused(status: number, reason = 'as scripted'): ApiError {
  const fields = { status, verb: 'get', resource: 'secrets', reason, retryAfterMs: null };
  return new ApiError(`get secrets east in namespace region: ${status} ${reason}`, fields);
}

/** Answers stay out until the test gives them, in the order of the requests. */
function setUp() {
  const asked: { path: string; answer: PromiseWithResolvers<unknown> }[] = [];
  const clock = new ScriptedClock();
  const reader = new SecretReader({
    client: {
      get: async (path) => {
        const answer = Promise.withResolvers<unknown>();
        asked.push({ path, answer });
        return answer.promise;
      },
    },
    clock,
    patienceMs,
  });
  const { signal } = new AbortController();
  const read = async () => shown(await reader.read(ref, signal));
  return {
    asked,
    clock,
    reader,
    read,
    /** Reads, and answers at once. */
    readWith: async (answer: unknown) => {
      const reading = read();
      const last = asked.at(-1)?.answer;
      if (answer instanceof Error) last?.reject(answer);
      else last?.resolve(answer);
      return reading;
    },
  };
}

/** The password, or the error. */
function shown(outcome: Outcome<ReadonlyMap<string, string>>): string {
  return outcome.ok ? (outcome.result.get('password') ?? 'none') : outcome.error.message;
}

test('each poll reads anew', async (t) => {
  const { readWith, asked, clock } = setUp();
  t.is(await readWith(secret('one')), 'one');
  t.is(await readWith(secret('two')), 'two');
  t.is(asked.length, 2);
  t.is(clock.sleeping, 0);
});

for (const error of [refused(0, 'Unreachable'), refused(500), refused(429)])
  test(`what was read before serves while the API server answers ${error.status}`, async (t) => {
    const { readWith } = setUp();
    t.regex(await readWith(error), /^Secret region\/east cannot be read: /);
    t.is(await readWith(secret('one')), 'one');
    t.is(await readWith(error), 'one');
  });

test('that it is gone counts at once, and goes on while the API server is away', async (t) => {
  const { readWith } = setUp();
  t.is(await readWith(secret('one')), 'one');
  t.regex(await readWith(refused(404)), /cannot be read: .*404/);
  t.regex(await readWith(refused(0)), /cannot be read: .*404/, 'it is not known again');
  t.is(await readWith(secret('two')), 'two');
});

for (const error of [refused(401), refused(403)])
  test(`${error.status} counts when it lasts, and goes on while the API server is away`, async (t) => {
    const { readWith, clock } = setUp();
    const refusal = new RegExp(`cannot be read: .*${error.status}`);
    t.regex(await readWith(error), refusal, 'at once where there is nothing to go on with');
    t.is(await readWith(secret('one')), 'one');
    t.is(await readWith(error), 'one');
    await clock.pass(4_000);
    t.is(await readWith(secret('two')), 'two');
    t.is(await readWith(error), 'two', 'a new refusal is doubted anew');
    await clock.pass(5_000);
    t.regex(await readWith(error), refusal);
    t.regex(await readWith(refused(0)), refusal, 'it is not known again');
    t.is(await readWith(secret('three')), 'three');
  });

test('a Secret that became malformed is not used as it was', async (t) => {
  const { readWith } = setUp();
  t.is(await readWith(secret('one')), 'one');
  t.is(
    await readWith({ metadata: {}, data: { password: 7 } }),
    'Secret region/east: data.password must be a string, not number',
  );
  t.regex(await readWith(refused(500)), /must be a string/);
});

test('a slow API server is waited for once; from then on polls go on with what it said last', async (t) => {
  const { read, asked, clock } = setUp();
  const first = read();
  await clock.pass(60_000);
  asked[0]?.answer.resolve(secret('one'));
  t.is(await first, 'one', 'there was nothing to go on with');

  const second = read();
  await clock.pass(patienceMs);
  t.is(await second, 'one');
  const third = read();
  await clock.pass(patienceMs);
  t.is(await third, 'one');
  t.is(asked.length, 2, 'one read at a time');
  asked[1]?.answer.resolve(secret('two'));
  await clock.pass(0);

  const fourth = read();
  await clock.pass(patienceMs);
  t.is(await fourth, 'two');
  t.is(clock.sleeping, 0);
});

test('Secrets that no Region names any more are let go', async (t) => {
  const { readWith, reader } = setUp();
  t.is(await readWith(secret('one')), 'one');
  reader.retain(new Set(['region/east']));
  t.is(await readWith(refused(500)), 'one');
  reader.retain(new Set(['region/west']));
  t.regex(await readWith(refused(500)), /cannot be read/);
});

test('a name that is none is an error, not a request', async (t) => {
  const { reader, asked } = setUp();
  const outcome = await reader.read({ namespace: '..', name: 'east' }, new AbortController().signal);
  t.regex(shown(outcome), /"\.\." is not a name/);
  t.deepEqual(asked, []);
});
