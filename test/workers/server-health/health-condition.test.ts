import test from 'ava';
import { healthCondition } from '../../../src/workers/server-health/health-condition.ts';

const degraded = [
  'BUILD',
  'DELETED',
  'HARD_REBOOT',
  'MIGRATING',
  'PASSWORD',
  'PAUSED',
  'REBOOT',
  'REBUILD',
  'RESCUE',
  'RESIZE',
  'REVERT_RESIZE',
  'SHELVED',
  'SHELVED_OFFLOADED',
  'SHUTOFF',
  'SOFT_DELETED',
  'SUSPENDED',
  'VERIFY_RESIZE',
  'A_STATUS_OF_NEXT_YEAR',
  'active',
];

for (const status of degraded) {
  test(`${status} is degraded and names the state`, (t) => {
    t.deepEqual(healthCondition(status, null), {
      status: 'False',
      reason: 'Degraded',
      message: `server is in state ${status}`,
    });
  });
}

test('ACTIVE is healthy', (t) => {
  t.deepEqual(healthCondition('ACTIVE', null), {
    status: 'True',
    reason: 'Healthy',
    message: 'server is healthy',
  });
});

for (const status of ['UNKNOWN', null]) {
  test(`${status} is unknown`, (t) => {
    t.deepEqual(healthCondition(status, null), {
      status: 'Unknown',
      reason: 'Unknown',
      message: 'unable to determine server status',
    });
  });
}

const errored: [name: string, fault: string | null, message: string][] = [
  ['without a fault', null, 'server is in an error state'],
  ['with an empty fault', ' \n', 'server is in an error state'],
  ['with a fault', 'No valid host was found. ', 'server is in an error state: No valid host was found.'],
  ['with a fault of several lines', 'Build\n  failed:\tno', 'server is in an error state: Build failed: no'],
];

for (const [name, fault, message] of errored) {
  test(`ERROR ${name}`, (t) => {
    t.deepEqual(healthCondition('ERROR', fault), { status: 'False', reason: 'Errored', message });
  });
}

test('a long fault is cut at 512 characters', (t) => {
  const { message } = healthCondition('ERROR', 'x'.repeat(2000));
  t.is(message.length, 512);
  t.true(message.startsWith('server is in an error state: xxx'));
});

test('a fault that just fits is shown whole', (t) => {
  const fault = 'x'.repeat(512 - 'server is in an error state: '.length);
  t.is(healthCondition('ERROR', fault).message, `server is in an error state: ${fault}`);
});

test('the cut leaves no half of a character', (t) => {
  for (const prefix of ['', 'x']) {
    const { message } = healthCondition('ERROR', prefix + '🔥'.repeat(1000));
    t.true(message.isWellFormed());
    t.true(message.length <= 512);
  }
});
