import test from 'ava';
import { RecentTransitions } from '../../../src/main/projection/recent-transitions.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';

const nowMs = Date.UTC(2026, 10, 22, 7);
const server = serverRecord({ name: 'web' });

test('the latest transitions are kept, the newest first, with numbers of their own', (t) => {
  const recent = new RecentTransitions({ now: () => nowMs });
  for (let count = 1; count <= 52; count++)
    recent.phase('servers', server, { from: 'Running', to: `phase-${count}` });
  const kept = recent.newestFirst();
  t.is(kept.length, 50);
  t.deepEqual(kept[0], {
    sequence: 52,
    at: '2026-11-22T07:00:00.000Z',
    resource: 'servers',
    name: 'web',
    displayName: 'display-web',
    namespace: 'default',
    regionId: 'region-1',
    kind: 'phase',
    from: 'Running',
    to: 'phase-52',
    message: '',
  });
  t.is(kept.at(-1)?.sequence, 3);
});

test('the message of a cloud is cut, and a server without a region has none', (t) => {
  const recent = new RecentTransitions({ now: () => nowMs });
  recent.health('servers', serverRecord({ regionId: undefined }), {
    from: 'Healthy',
    to: 'Errored',
    status: 'False',
    durationMs: 1_000,
    message: 'x'.repeat(1_000),
  });
  const [{ kind, message, regionId } = { kind: '', message: '', regionId: '?' }] = recent.newestFirst();
  t.is(kind, 'health');
  t.regex(message, /^x{200,300}/);
  t.true(message.length < 400);
  t.is(regionId, '');
});
