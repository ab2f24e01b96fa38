import test from 'ava';
import { macAddress } from '../../../../src/main/server-health/status/mac-address.ts';
import { observeServer } from '../../../../src/workers/server-health/server-observation.ts';

const mac = (address: string) => [{ 'OS-EXT-IPS-MAC:mac_addr': address }];
const primary = { 'network-n1': mac('fa:16:3e:00:00:01') };

const rows: [name: string, known: string, status: string, addresses: object, wanted: string][] = [
  ['an active server has it', '', 'ACTIVE', primary, 'fa:16:3e:00:00:01'],
  ['one that is building not yet', '', 'BUILD', primary, ''],
  ['an answer without it keeps it', 'fa:old', 'ACTIVE', { 'network-n1': [{}] }, 'fa:old'],
  ['another one takes its place', 'fa:old', 'ACTIVE', primary, 'fa:16:3e:00:00:01'],
  [
    'the primary network counts',
    '',
    'ACTIVE',
    { 'network-n2': mac('fa:other'), ...primary },
    'fa:16:3e:00:00:01',
  ],
];

for (const [name, known, status, addresses, wanted] of rows) {
  test(`MAC address: ${name}`, (t) => {
    const observation = observeServer({ id: 'id-1', name: 'web', status, addresses }, undefined);
    t.is(macAddress({ networkId: 'n1', macAddress: known }, observation), wanted);
  });
}

test('MAC address: a server without networks has none', (t) => {
  const observation = observeServer(
    { id: 'id-1', name: 'web', status: 'ACTIVE', addresses: primary },
    undefined,
  );
  t.is(macAddress({ networkId: null, macAddress: '' }, observation), '');
});
