import test from 'ava';
import { buildPhase } from '../../../../src/main/server-health/status/build-phase.ts';
import { building, queued } from '../../../fixtures/monitor/original-rows.ts';

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
