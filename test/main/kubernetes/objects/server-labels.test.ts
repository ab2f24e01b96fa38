// Labels are written by others, and may be missing, empty, or anything: each server counts in exactly one place.

import test from 'ava';
import * as fc from 'fast-check';
import { groupObjects } from '../../../../src/main/checks/grouping.ts';
import { parseServer } from '../../../../src/main/kubernetes/objects/resource-records.ts';
import { identityLabel, nameLabel, organizationLabel, regionLabel } from '../../../../src/shared/labels.ts';
import { serverRecord } from '../../../fixtures/monitor/records.ts';

const odd = ['', 'a', 'A', 'a ', '__proto__', 'constructor', 'toString', '../a', 'ä', 'a\nb'];
const value = fc.oneof(fc.constantFrom(...odd), fc.string({ unit: 'binary' }));
const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(regionLabel, identityLabel, nameLabel, organizationLabel) },
  fc.constantFrom(...odd, regionLabel.toUpperCase(), `${regionLabel} `, identityLabel.slice(0, -1)),
);
const labels = fc.uniqueArray(fc.tuple(key, value), { selector: ([each]) => each, maxLength: 8 });

test('a label is what it is, missing is not empty, and no other key stands in for it', (t) => {
  fc.assert(
    fc.property(fc.option(labels), (pairs) => {
      const metadata = {
        name: 'web-1',
        namespace: 'shop',
        uid: 'u-1',
        resourceVersion: '42',
        creationTimestamp: '2026-05-01T10:00:00Z',
      };
      // As they come from the API server: "__proto__" is a key like any other.
      const text = `{${(pairs ?? []).map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`).join(',')}}`;
      const given: unknown = pairs === null ? null : JSON.parse(text);
      const record = parseServer({ metadata: { ...metadata, labels: given } });
      const label = (name: string) => pairs?.find(([each]) => each === name)?.[1];
      t.is(record.regionId, label(regionLabel));
      t.is(record.identityId, label(identityLabel));
      t.is(record.organizationId, label(organizationLabel) ?? '');
      t.is(record.displayName, label(nameLabel) ?? '');
    }),
  );
});

const anyServer = fc
  .record({
    regionId: fc.option(fc.constantFrom(...odd), { nil: undefined }),
    identityId: fc.option(fc.constantFrom(...odd), { nil: undefined }),
    deleting: fc.boolean(),
  })
  .map((fields) => serverRecord(fields));

test('every server that is not being deleted is in exactly one group, by its labels and nothing else', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyServer, { maxLength: 40 }), async (servers) => {
      const { regions, withoutRegion } = await groupObjects(servers);
      const found = new Map(withoutRegion.map((server) => [server, 'without a region']));
      t.true(withoutRegion.every(({ regionId }) => regionId === undefined));
      for (const region of regions.values()) {
        const regionId = region.region.name;
        const groups = [[undefined, region.withoutIdentity] as const, ...region.identities];
        for (const [identityId, group] of groups)
          for (const server of group) {
            t.false(found.has(server), 'once');
            found.set(server, regionId);
            t.is(server.regionId, regionId);
            t.is(server.identityId, identityId);
          }
      }
      t.deepEqual(
        servers.filter((server) => found.has(server)),
        servers.filter(({ deleting }) => !deleting),
      );
    }),
  );
});
