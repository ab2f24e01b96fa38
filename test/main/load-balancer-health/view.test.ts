// Which load balancer belongs to which object, and when one counts as missing.

import test from 'ava';
import { type LoadBalancerAnswer, LoadBalancerView } from '../../../src/main/load-balancer-health/view.ts';
import type { LoadBalancerObservation } from '../../../src/shared/load-balancer-health.ts';

const one = (name: string, providerId = `id-of-${name}`): LoadBalancerObservation => ({
  providerId,
  name,
  provisioningStatus: 'ACTIVE',
  operatingStatus: 'ONLINE',
});

const list = (
  observations: readonly LoadBalancerObservation[],
  changes: Partial<LoadBalancerAnswer> = {},
): LoadBalancerAnswer => ({
  ok: true,
  observations,
  malformed: [],
  digest: 'd1',
  unchanged: false,
  ...changes,
});

const malformed = (name: string | null) => ({
  name,
  error: { code: 'invalid-response' as const, message: 'odd' },
});

test('an object has the load balancer of its name, exactly', (t) => {
  const view = new LoadBalancerView();
  t.true(view.take(list([one('lb-a'), one('a'), one('lb-a-1'), one('LB-a')])));
  t.deepEqual(view.find('a'), { kind: 'observed', observation: one('lb-a') });
  t.deepEqual(view.find('b'), { kind: 'missing' });
  t.deepEqual(view.find('lb-a'), { kind: 'missing' });
});

test('two of one name are neither of them', (t) => {
  const view = new LoadBalancerView();
  view.take(list([one('lb-a', '1'), one('lb-a', '2'), one('lb-b')]));
  t.deepEqual(view.find('a'), { kind: 'ambiguous', count: 2 });
  t.is(view.find('b').kind, 'observed');
});

test('a record that cannot be read is not missing; one without a name may be anyone', (t) => {
  const view = new LoadBalancerView();
  view.take(list([one('lb-a')], { malformed: [malformed('lb-b')] }));
  t.is(view.find('b').kind, 'unreadable');
  t.is(view.find('c').kind, 'missing');
  view.take(list([one('lb-a')], { malformed: [malformed(null)] }));
  t.is(view.find('c').kind, 'unreadable');
  t.is(view.find('a').kind, 'observed');
});

test('an unchanged list changes nothing', (t) => {
  const view = new LoadBalancerView();
  view.take(list([one('lb-a')]));
  t.is(view.digest, 'd1');
  t.true(view.take(list([], { unchanged: true })));
  t.is(view.find('a').kind, 'observed');
});

test('when most vanish at once, only the next list is believed, and it must be read', (t) => {
  const view = new LoadBalancerView();
  view.take(list(['lb-a', 'lb-b', 'lb-c'].map((name) => one(name))));
  t.false(view.take(list([], { digest: 'empty' })));
  t.is(view.find('a').kind, 'observed');
  t.is(view.digest, null);
  t.true(view.take(list([], { digest: 'empty' })));
  t.is(view.find('a').kind, 'missing');
  t.is(view.digest, 'empty');
});

test('when they come back after all, nothing was missing', (t) => {
  const view = new LoadBalancerView();
  const three = list(['lb-a', 'lb-b', 'lb-c'].map((name) => one(name)));
  view.take(three);
  t.false(view.take(list([one('lb-c')])));
  t.true(view.take(three));
  t.is(view.find('a').kind, 'observed');
});

test('few that vanish, and what cannot be read, need no second list', (t) => {
  const view = new LoadBalancerView();
  view.take(list(['lb-a', 'lb-b', 'lb-c'].map((name) => one(name))));
  t.true(view.take(list([one('lb-a'), one('lb-b')])));
  t.true(view.take(list([one('lb-a')], { malformed: [malformed('lb-b')] })));
  const empty = new LoadBalancerView();
  t.true(empty.take(list([])));
});
