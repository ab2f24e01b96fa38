import test from 'ava';
import { WritePause } from '../../../src/main/projection/write-pause.ts';

function setUp() {
  const slept: number[] = [];
  const time = { nowMs: 0 };
  const pause = new WritePause({
    monotonicMs: () => time.nowMs,
    sleep: async (ms) => void slept.push(ms),
  });
  const waits = async (signal = new AbortController().signal): Promise<number> => {
    await pause.over(signal);
    return slept.splice(0).reduce((sum, ms) => sum + ms, 0);
  };
  return { pause, time, waits };
}

test('writes wait as long as the API server asks, within bounds, and not at all before it asks', async (t) => {
  const { pause, time, waits } = setUp();
  t.is(await waits(), 0);
  pause.begin(null);
  t.is(await waits(), 1_000);
  pause.begin(5_000);
  pause.begin(2_000);
  t.is(await waits(), 5_000, 'a shorter one takes nothing back');
  time.nowMs = 4_000;
  t.is(await waits(), 1_000);
  time.nowMs = 5_000;
  t.is(await waits(), 0);
  pause.begin(3_600_000);
  t.is(await waits(), 30_000);
});

test('a monitor that stops waits for no pause and begins no write', async (t) => {
  const { waits } = setUp();
  await t.throwsAsync(waits(AbortSignal.abort(new Error('stopping'))), { message: 'stopping' });
});
