// What is remembered of a region's services: when the catalog is in doubt.

import test from 'ava';
import { RegionServices } from '../../../src/main/region-health/services.ts';
import type { RegionService, ServiceAnswer } from '../../../src/shared/region-health.ts';

const answered = (service: RegionService): ServiceAnswer => ({ service, seconds: 0.1, error: null });
const failed = (service: RegionService): ServiceAnswer => ({
  service,
  seconds: 0.1,
  error: { code: 'unreachable', message: 'connection refused' },
});

/** In which polls of an outage the catalog is doubted, from 1. */
function doubts(services: RegionServices, polls: number, ...answers: readonly ServiceAnswer[]): number[] {
  return Array.from({ length: polls }, (_, index) => index + 1).filter(
    () => !services.takeAnswers(answers, {}),
  );
}

test('the catalog is doubted when a service begins to fail, and now and then while it does', (t) => {
  const services = new RegionServices({ era: 0 });
  t.deepEqual(doubts(services, 20, answered('compute'), answered('network')), []);
  t.deepEqual(doubts(services, 20, answered('compute'), failed('network')), [1, 9, 17]);
  t.deepEqual(doubts(services, 3, failed('compute'), failed('network')), [1]);
  t.deepEqual(doubts(services, 20, answered('compute'), answered('network')), []);
});
