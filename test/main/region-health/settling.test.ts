// A region's health changes when two polls in a row agree.

import test from 'ava';
import * as fc from 'fast-check';
import { Settling } from '../../../src/main/region-health/settling.ts';
import type { Verdict } from '../../../src/main/region-health/verdict.ts';
import type { Condition } from '../../../src/shared/conditions.ts';

const well: Verdict = {
  gist: 'Healthy',
  health: { status: 'True', reason: 'Healthy', message: 'all services answer' },
};
const degraded = (code: string): Verdict => ({
  gist: 'Degraded network',
  health: { status: 'False', reason: 'Degraded', message: `network (${code}) is not available` },
});
const errored: Verdict = {
  gist: 'Errored compute',
  health: { status: 'False', reason: 'Errored', message: 'compute (timeout) is not available' },
};
const conditionOf = ({ health }: Verdict): Condition => ({
  type: 'Healthy',
  ...health,
  lastTransitionTime: '2026-11-22T07:01:00Z',
});

/** What the object shows after each poll, when what is settled is written at once. */
function played(verdicts: readonly Verdict[], shown?: Verdict): readonly string[] {
  const settling = new Settling();
  let condition = shown === undefined ? undefined : conditionOf(shown);
  return verdicts.map((verdict) => {
    const health = settling.take(verdict, condition);
    if (health !== null) condition = conditionOf({ gist: '', health });
    return condition?.message ?? '';
  });
}

const [good, bad, slow, worse] = [well, degraded('refused'), degraded('timeout'), errored].map(
  ({ health }) => health.message,
);

test('good news of a region that shows nothing is believed at once, bad news by the second poll', (t) => {
  t.deepEqual(played([well]), [good]);
  t.deepEqual(played([errored, errored]), ['', worse]);
  t.deepEqual(played([errored, well]), ['', good]);
});

test('a change is shown by the second poll that sees it', (t) => {
  t.deepEqual(played([well, errored, errored, well, well]), [good, good, worse, worse, good]);
  t.deepEqual(played([well, well], errored), [worse, good]);
});

test('what is shown already needs no second poll', (t) => {
  t.deepEqual(played([errored, well, errored], errored), [worse, worse, worse]);
});

test('while the same services fail, the first message stays', (t) => {
  const varying = [degraded('refused'), degraded('timeout'), degraded('refused'), degraded('timeout')];
  t.deepEqual(played([well, ...varying]), [good, good, slow, slow, slow]);
  t.true(bad !== slow);
});

const gistOf = (message: string | undefined): string | undefined =>
  [well, degraded('refused'), degraded('timeout'), errored].find(({ health }) => health.message === message)
    ?.gist;

test('in any order of verdicts, no change is shown that the poll before did not see', (t) => {
  const verdict = fc.constantFrom(well, degraded('refused'), degraded('timeout'), errored);
  fc.assert(
    fc.property(fc.array(verdict, { maxLength: 30 }), verdict, (verdicts, first) => {
      const shown = played([...verdicts], first);
      return shown.every((message, index) => {
        const before = index === 0 ? first.health.message : shown[index - 1];
        if (gistOf(message) === gistOf(before)) return true;
        return verdicts[index]?.gist === gistOf(message) && verdicts[index - 1]?.gist === gistOf(message);
      });
    }),
  );
  t.pass();
});

test('a service that flaps at every poll changes nothing, however long', (t) => {
  const flapping = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? errored : well));
  t.deepEqual(new Set(played([well, ...flapping])), new Set([good]));
});
