import test from 'ava';
import { endpointsOf, endpointUrl } from '../../../src/workers/openstack/catalog.ts';

function service(type: string, ...endpoints: readonly object[]) {
  return {
    type,
    endpoints: endpoints.map((one) => ({ interface: 'public', region_id: 'one', ...one })),
  };
}

test('the services that the platform uses, in the region', (t) => {
  const catalog = [
    service('compute', { url: 'http://internal', interface: 'internal' }, { url: 'http://nova/v2.1' }),
    service('network', { url: 'http://elsewhere', region_id: 'two' }, { url: 'http://neutron' }),
    service('placement', { url: 'http://placement' }),
    'odd',
  ];
  t.deepEqual(endpointsOf(catalog, 'one'), {
    compute: { url: 'http://nova/v2.1' },
    network: { url: 'http://neutron' },
  });
  t.deepEqual(endpointsOf(catalog, null).network, { url: 'http://elsewhere' }, 'the first of all regions');
});

test('an older catalog names the region in another field', (t) => {
  const catalog = [
    service(
      'compute',
      { url: 'http://elsewhere', region_id: null, region: 'two' },
      { url: 'http://nova', region_id: null, region: 'one' },
    ),
  ];
  t.is(endpointUrl(endpointsOf(catalog, 'one'), 'compute', 'one'), 'http://nova');
});

test('block storage goes by several types', (t) => {
  const catalog = [
    service('volumev2', { url: 'http://cinder/v2/p' }),
    service('volumev3', { url: 'http://cinder/v3/p' }),
  ];
  t.deepEqual(endpointsOf(catalog, 'one'), { 'block-storage': { url: 'http://cinder/v3/p' } });
});

test('what the catalog lacks is said with the regions that have it', (t) => {
  const endpoints = endpointsOf([service('compute', { url: 'http://nova', region_id: 'two' })], 'one');
  const missing = (of: 'compute' | 'image') => t.throws(() => endpointUrl(endpoints, of, 'one'))?.message;
  t.is(missing('compute'), "the token's catalog has no public compute endpoint in region one, only in two");
  const unnamed = endpointsOf([service('compute', { url: 'http://nova', region_id: null })], 'one');
  t.is(
    t.throws(() => endpointUrl(unnamed, 'compute', 'one'))?.message,
    "the token's catalog has no public compute endpoint in region one, only in an unnamed region",
  );
  t.is(missing('image'), "the token's catalog has no public endpoint of type image");
});
