import test from 'ava';
import { buildPhase } from '../../../../src/main/server-health/status/build-phase.ts';

const queued = [
  'available',
  'manageable',
  'enroll',
  'cleaning',
  'clean wait',
  'verifying',
  'inspecting',
  'inspect wait',
  'adopting',
  'clean hold',
  'deploy complete',
  'deleting',
  'rebuild',
  'rescue',
  'servicing',
  'a state of tomorrow',
  '',
  null,
];
const building = [
  'deploying',
  'wait call-back',
  'deploy hold',
  'active',
  'clean failed',
  'inspect failed',
  'adopt failed',
  'deploy failed',
  'error',
];

for (const state of queued) {
  test(`a server whose node is ${JSON.stringify(state)} is queued`, (t) => {
    t.is(buildPhase(state), 'Queued');
  });
}

for (const state of building) {
  test(`a server whose node is ${JSON.stringify(state)} is building`, (t) => {
    t.is(buildPhase(state), 'Building');
  });
}
