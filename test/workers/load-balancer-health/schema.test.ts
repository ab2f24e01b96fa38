// What is read of Octavia's answers, and what of a record that is not as it should be.

import test from 'ava';
import { readLoadBalancerPage, readMemberCounts } from '../../../src/workers/load-balancer-health/schema.ts';

const record = { id: 'i1', name: 'lb-a', provisioning_status: 'ACTIVE', operating_status: 'ONLINE' };
const page = (records: readonly unknown[], links: unknown = []) =>
  readLoadBalancerPage({ loadbalancers: records, loadbalancers_links: links }, 1);

test('a record that cannot be read leaves the others', (t) => {
  const { observations, malformed } = page([
    { ...record, operating_status: 7 },
    record,
    {},
    'none',
    { ...record, id: '' },
  ]);
  t.is(observations.length, 1);
  t.deepEqual(
    malformed.map(({ name, error }) => [name, error.message]),
    [
      [
        'lb-a',
        'load balancer i1 is not of the documented shape: operating_status: expected string, got number',
      ],
      [
        null,
        'load balancer at index 2 of page 1 is not of the documented shape: id: expected "id", got undefined',
      ],
      [
        null,
        'load balancer at index 3 of page 1 is not of the documented shape: the record: expected Object, got string',
      ],
      [
        'lb-a',
        'load balancer at index 4 of page 1 is not of the documented shape: id: expected >=1, got string',
      ],
    ],
  );
});

test('a load balancer without a name has an empty one', (t) => {
  for (const name of [null, undefined, '']) t.is(page([{ ...record, name }]).observations[0]?.name, '');
});

test('a page follows where there is a link by that name, and the page is not empty', (t) => {
  const next = [
    { rel: 'previous', href: 'p' },
    { rel: 'next', href: 'n' },
  ];
  t.like(page([record], next), { more: true, lastId: 'i1' });
  t.like(page([record], [{ rel: 'previous', href: 'p' }]), { more: false });
  t.like(page([record, { ...record, id: 'i2' }], next), { more: true, lastId: 'i2' });
  t.like(page([], next), { more: false, lastId: null });
  t.like(readLoadBalancerPage({ loadbalancers: [record] }, 1), { more: false });
});

test('what is no list is refused', (t) => {
  for (const answer of [null, [], {}, { loadbalancers: {} }, 'text'])
    t.throws(() => readLoadBalancerPage(answer, 1), {
      message: /^the list of load balancers is not of the documented shape/,
    });
});

test('each member of the tree counts once', (t) => {
  const members = [
    { id: 'm1', operating_status: 'ERROR' },
    { id: 'm2', operating_status: 'ONLINE' },
    { id: 'm3', operating_status: null },
  ];
  const listeners = [
    { pools: [{ members }] },
    { pools: [{ members }, { members: null }] },
    { pools: null },
    {},
  ];
  t.deepEqual(readMemberCounts({ statuses: { loadbalancer: { listeners } } }), { failing: 1, all: 3 });
  t.deepEqual(readMemberCounts({ statuses: { loadbalancer: {} } }), { failing: 0, all: 0 });
});

test('a list that is null is empty', (t) => {
  t.like(readLoadBalancerPage({ loadbalancers: null }, 1), { observations: [], malformed: [], more: false });
});
