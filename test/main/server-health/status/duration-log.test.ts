import test from 'ava';
import { DurationLog } from '../../../../src/main/server-health/status/duration-log.ts';
import { serverFields } from '../../../../src/main/server-health/status/server-fields.ts';
import { RecordedLog } from '../../../fixtures/monitor/recorded-log.ts';
import { serverRecord } from '../../../fixtures/monitor/records.ts';

const server = serverRecord({ name: 'web' });
const fields = { instance_id: 'web', org_id: 'organization-1', region_id: 'region-1' };

test('the lines about durations are the original’s, to the letter', (t) => {
  const log = new RecordedLog();
  const durations = new DurationLog(log);
  durations.invalidPendingTime(server, 'yesterday');
  durations.clockSkew(server, '2026-11-22T07:00:00Z');
  durations.bootClockSkew(server, { created_at: 'c', scheduled_at: 's' });
  const skewed = 'skipping duration metric: negative duration (clock skew?)';
  t.deepEqual(log.lines, [
    {
      level: 'error',
      msg: 'skipping provision duration: invalid pending-entry-time annotation',
      error: 'cannot parse "yesterday" as an RFC 3339 time',
      fields,
    },
    { level: 'info', msg: skewed, fields: { ...fields, pending_entry_time: '2026-11-22T07:00:00Z' } },
    { level: 'info', msg: skewed, fields: { ...fields, created_at: 'c', scheduled_at: 's' } },
  ]);
});

test('a server without a region has an empty one in the log', (t) => {
  t.deepEqual(serverFields(serverRecord({ name: 'web', regionId: undefined })), { ...fields, region_id: '' });
});
