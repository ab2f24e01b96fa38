// What a running monitor serves on /metrics, as promtool judges it.

import { startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { Program } from '../fixtures/programs.ts';

const promtool = new Program('PROMTOOL', 'promtool');

promtool.test('promtool finds nothing wrong with /metrics', async (t) => {
  const { sandbox, monitor } = await startWatchedSandbox(t);
  // A write, a failure and a skipped server: metrics that come with what they count.
  const broken = await sandbox.addRegion('broken');
  sandbox.addServer(broken.addProject(), { id: 'lost', cloud: null });
  await monitor.untilRegionPolled('broken');
  const { text } = await monitor.get('/metrics');
  for (const name of [
    'region_up',
    'status_writes_total',
    'poll_duration_seconds_bucket',
    'worker_busy_ratio',
  ])
    t.true(text.includes(`unikorn_region_monitor_${name}{`), name);
  const { ok, stdout, stderr } = await promtool.run(['check', 'metrics'], { input: text });
  t.is(stdout + stderr, '');
  t.true(ok);
});
