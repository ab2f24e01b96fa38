import test from 'ava';
import { LoadBalancerProject } from '../../../src/main/load-balancer-health/projects.ts';
import { inTurn } from '../../../src/main/regions/in-turn.ts';
import { Region } from '../../../src/main/regions/region.ts';
import type { LoadBalancerList } from '../../../src/shared/load-balancer-health.ts';
import { regionRecord } from '../../fixtures/monitor/region-records.ts';

function project(identityId: string): LoadBalancerProject {
  return new LoadBalancerProject(identityId, { era: 0 }, 60_000);
}

function answer(outcome: LoadBalancerList['outcome']): LoadBalancerList {
  return { identityId: '', outcome, session: null };
}

test('projects that hang do not keep others from their turn', (t) => {
  const region = new Region(regionRecord(), 60_000);
  const [hung, answered, unasked] = [project('hung'), project('answered'), project('unasked')];
  const list = { observations: [], malformed: [], digest: null, unchanged: false };
  const error = { code: 'timeout', message: 'no answer' } as const;
  for (const each of [hung, answered, unasked]) each.take(region, answer({ ok: true, ...list }), 1_000);
  hung.take(region, answer({ ok: false, error }), 2_000);
  answered.take(region, answer({ ok: true, ...list }), 2_000);
  unasked.take(region, answer({ ok: false, error, unasked: true }), 2_000);
  const order = inTurn([hung, answered, unasked]).map(({ identityId }) => identityId);
  t.deepEqual(order, ['unasked', 'answered', 'hung']);
});
