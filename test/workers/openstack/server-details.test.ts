import test from 'ava';
import { imageId, macAddresses } from '../../../src/workers/openstack/server-details.ts';

const mac = (address: unknown) => ({ addr: '10.0.0.1', version: 4, 'OS-EXT-IPS-MAC:mac_addr': address });

const cases: [name: string, addresses: unknown, found: Readonly<Record<string, string>> | null][] = [
  ['of one network', { 'network-a': [mac('fa:00')] }, { a: 'fa:00' }],
  ['the first of an entry that has one', { 'network-a': [mac(''), mac(null), mac('fa:01')] }, { a: 'fa:01' }],
  [
    'of several networks',
    { 'network-a': [mac('fa:00')], 'network-b': [mac('fa:01')] },
    { a: 'fa:00', b: 'fa:01' },
  ],
  ["not of networks that are not the platform's", { private: [mac('fa:00')] }, null],
  ['none', {}, null],
  ['none in an empty network', { 'network-a': [] }, null],
  ['what is not a list', { 'network-a': 'x', 'network-b': [7, null], 'network-c': {}, 'network-d': 7 }, null],
  ['what is not an object', 'x', null],
  ['nothing', undefined, null],
];

for (const [name, addresses, found] of cases) {
  test(`MAC addresses: ${name}`, (t) => {
    t.deepEqual(macAddresses(addresses), found);
  });
}

const images: [name: string, image: unknown, id: string | null][] = [
  ['a UUID', { id: '75EAAFED-ab46-415c-95e2-fe9d3b941e86' }, '75eaafed-ab46-415c-95e2-fe9d3b941e86'],
  ['none: the server is booted from a volume', '', null],
  ['not a UUID', { id: 'not-a-uuid' }, null],
  ['not text', { id: 7 }, null],
  ['null', null, null],
  ['missing', undefined, null],
];

for (const [name, image, id] of images) {
  test(`image: ${name}`, (t) => {
    t.is(imageId(image), id);
  });
}
