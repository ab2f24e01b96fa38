// Whether an answer still belongs to what was asked, after each change that may come in between.

import test from 'ava';
import type { RegionRecord } from '../../../src/main/kubernetes/objects/resource-records.ts';
import { AccessReader } from '../../../src/main/regions/access.ts';
import { Question } from '../../../src/main/regions/question.ts';
import { Region } from '../../../src/main/regions/region.ts';
import { openstackAccess, projectCredentials, regionRecord } from '../../fixtures/monitor/region-records.ts';

const object = { namespace: 'default', name: 'identity', uid: 'uid', resourceVersion: '1' };

function ask({ resolved = true }: { resolved?: boolean } = {}) {
  const world: {
    region: RegionRecord | undefined;
    projectId: string | null;
  } = { region: regionRecord(), projectId: projectCredentials.projectId };
  const access = new AccessReader({
    namespace: 'default',
    secrets: { read: async () => ({ ok: true, result: new Map() }), retain: () => {} },
    regions: { get: () => world.region, values: () => [] },
    identities: { get: () => object },
    openstackIdentities: {
      get: () =>
        world.projectId === null
          ? undefined
          : { ...object, ...projectCredentials, projectId: world.projectId },
    },
  });
  const record = regionRecord();
  const region = new Region(record, 60_000);
  region.define(record);
  if (resolved) region.use(openstackAccess);
  const project = { identityId: 'identity', credentials: projectCredentials };
  return { world, region, access, record, project, question: new Question(region, record, access) };
}

const changes: readonly [what: string, change: Partial<RegionRecord> | null, current: boolean][] = [
  ['nothing', {}, true],
  ['another version of it, another name to show', { resourceVersion: '2', displayName: 'south' }, true],
  ['other flavors', { openstack: { ...regionOpenstack(), flavorIds: ['f1'] } }, true],
  ['another address', { openstack: { ...regionOpenstack(), endpoint: 'https://other.example' } }, false],
  [
    'another Secret',
    {
      openstack: {
        ...regionOpenstack(),
        serviceAccountSecret: { namespace: 'default', name: 'other' },
      },
    },
    false,
  ],
  ['another provider', { provider: 'kubernetes' }, false],
  ['another object of its name', { uid: 'another' }, false],
  ['no object', null, false],
];

function regionOpenstack() {
  const { openstack } = regionRecord();
  if (openstack === null) throw new Error('the fixture has no openstack');
  return openstack;
}

for (const [what, change, current] of changes)
  test(`the Region changes: ${what}`, (t) => {
    const { world, question } = ask();
    world.region = change === null ? undefined : { ...regionRecord(), ...change };
    t.false(question.overtaken);
    t.is(question.isCurrent(), current);
    t.is(question.overtaken, !current);
  });

test('the access to the region was lost meanwhile', (t) => {
  const { region, question } = ask();
  region.loseAccess();
  t.false(question.isCurrent());
});

test('a region that was not defined has no answers', (t) => {
  const { region, access } = ask();
  t.false(new Question(region, null, access).isCurrent());
});

test('the project of an identity counts, not its password', (t) => {
  const { world, project, question } = ask();
  t.is(question.current(project), project);
  const other = { ...project, credentials: { ...projectCredentials, password: 'rotated' } };
  t.is(question.current(other), other);
  t.false(question.overtaken);
  t.is(question.current(undefined), undefined);
  t.false(question.overtaken, 'of what was not asked, nothing is known');
  world.projectId = 'another';
  t.is(question.current(project), undefined);
  t.true(question.overtaken);
});

test('an identity that is gone has no project, nor has a region without access', (t) => {
  const { world, project, question } = ask();
  world.projectId = null;
  t.is(question.current(project), undefined);
  t.true(question.overtaken);
  t.is(ask({ resolved: false }).question.current(project), undefined);
});

test('once overtaken, it stays so', (t) => {
  const { world, question } = ask();
  world.region = undefined;
  question.isCurrent();
  world.region = regionRecord();
  t.true(question.isCurrent());
  t.true(question.overtaken);
});
