import test from 'ava';
import {
  readEndpoints,
  readFlavorPage,
  readNodePage,
  readServerPage,
  readVersions,
} from '../../../src/workers/openstack/schema.ts';

test('a list that is null is empty, as for gophercloud', (t) => {
  t.deepEqual(readServerPage({ servers: null }, 1), { servers: [], malformed: [], listed: [], next: null });
  t.deepEqual(readFlavorPage({ flavors: null }), { flavors: [], next: null });
  t.deepEqual(readNodePage({ nodes: null }), { nodes: [], next: null });
  t.deepEqual(readVersions({ versions: null }), []);
  const endpoint = { interface: 'public', url: 'http://nova' };
  const catalog = [
    { type: 'compute', endpoints: null },
    { type: 'compute', endpoints: [endpoint] },
  ];
  t.deepEqual(readEndpoints(catalog, 'compute'), [endpoint]);
});

test('a list that is missing is not a list', (t) => {
  t.throws(() => readServerPage({}, 1), { message: /the list of servers is not of the documented shape/ });
  t.throws(() => readFlavorPage({}), { message: /the list of flavors is not of the documented shape/ });
});
