// A short soak, so that the long one keeps working: `npm run soak`.

import test from 'ava';
import { soak } from '../../soak/run.ts';
import { calmPeriodMs } from '../fixtures/monitor/monitor.ts';

test('some storms of faults, and everything is true after each', async (t) => {
  t.timeout(180_000);
  const options = { minutes: 0.3, seed: 7, periodMs: calmPeriodMs(1_000), only: [], log: null };
  const { breaches, tally, log } = await soak(options, (text) => t.log(text));
  t.deepEqual(breaches, [], log.split('\n').slice(-50).join('\n'));
  t.true(tally.storms > 0);
  t.true(tally.told > 0);
});
