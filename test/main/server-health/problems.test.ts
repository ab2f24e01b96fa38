import test from 'ava';
import { BuildingNodes } from '../../../src/main/regions/building-nodes.ts';
import {
  checkFailed,
  isServerSubject,
  listTooLarge,
  malformedRecord,
  nodeProblems,
  notFound,
  serverSubject,
  unsupportedPowerState,
} from '../../../src/main/server-health/problems.ts';
import { observation, serverRecord } from '../../fixtures/monitor/records.ts';

const error = { code: 'timeout', message: 'it was slow' } as const;
const server = serverRecord({ name: 'web', regionId: undefined });

test('a server without a region has an empty one in its lines', (t) => {
  const paused = observation({ unsupportedPowerState: 'PAUSED' });
  for (const { fields } of [
    checkFailed(server, error, {}),
    notFound(server),
    unsupportedPowerState(server, paused),
  ])
    t.is(fields['region'], '');
});

test('the subject of a server is told from others', (t) => {
  t.true(isServerSubject(serverSubject(server)));
  t.false(isServerSubject('region'));
});

test('a record that cannot be read is named as far as it can be', (t) => {
  t.deepEqual(malformedRecord('region-1', 'p1', 'nova-1', error), {
    key: 'malformed/p1/nova-1',
    message: 'failed to read a server record of the region, skipping',
    error: 'it was slow',
    fields: { region: 'region-1', identity: 'p1', provider_id: 'nova-1' },
  });
  t.like(malformedRecord('region-1', 'p1', null, error), {
    key: 'malformed/p1/',
    fields: { provider_id: '' },
  });
});

test('a list that does not fit says which flags to raise', (t) => {
  const { key, error: text, fields } = listTooLarge('region-1', 'p1', error);
  t.is(key, 'list/p1');
  t.regex(String(text), /^it was slow: raise --check-timeout and --poll-period, or --request-timeout/);
  t.deepEqual(fields, { region: 'region-1', identity: 'p1', code: 'timeout' });
});

test('nodes that are not known are one problem a project, those that are ambiguous one a server', (t) => {
  const nodes = new BuildingNodes(60_000);
  const problems = () => nodeProblems('region-1', { identityId: 'p1', nodes });
  t.deepEqual(problems(), []);
  nodes.take({ outcome: { ok: true, states: {}, ambiguous: ['nova-1'] }, session: null }, 0);
  t.like(problems(), [
    { key: 'node/p1/nova-1', error: 'multiple ironic nodes found for instance_uuid "nova-1"' },
  ]);
  for (const [step, message] of [
    ['session', 'failed to create ironic client for server phase derivation'],
    ['list', 'failed to get ironic node for server'],
  ] as const) {
    nodes.take({ outcome: { ok: false, step, asked: ['nova-1', 'nova-2'], error }, session: null }, 0);
    t.like(problems(), [
      { key: 'nodes/p1/timeout', message, error: 'it was slow', fields: { identity: 'p1', servers: 2 } },
    ]);
  }
});
