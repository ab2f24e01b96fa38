import test from 'ava';
import { Region } from '../../../src/main/regions/region.ts';
import type { Transition, TransitionKind } from '../../../src/main/regions/transitions.ts';
import type { FlavorResult, ProjectResult } from '../../../src/shared/server-health.ts';
import { drained } from '../../fixtures/monitor/drained.ts';
import { observation } from '../../fixtures/monitor/records.ts';
import {
  openstackAccess,
  projectCredentials,
  regionRecord,
  serviceCredentials,
  session,
  simulatedAccess,
} from '../../fixtures/monitor/region-records.ts';

function openRegion(flavorIds: readonly string[] | null = null): Region {
  const record = regionRecord(flavorIds);
  const region = new Region(record, 60_000);
  region.define(record);
  region.use(openstackAccess);
  return region;
}

const flavors: FlavorResult = {
  outcome: {
    ok: true,
    flavors: [
      { id: 'f1', name: 'small' },
      { id: 'f2', name: 'large' },
    ],
  },
  session: session('flavors'),
};

function listed(...providerIds: string[]): ProjectResult {
  return {
    identityId: 'p1',
    outcome: {
      ok: true,
      complete: true,
      observations: providerIds.map((providerId) => observation({ providerId })),
      malformed: [],
      watermark: '2026-11-22T07:00:00Z',
      pages: [],
    },
    session: session('of p1'),
  };
}

/** A region that has answered for its flavors and one project. */
function knownRegion(): Region {
  const region = openRegion();
  region.takeFlavors(flavors, 0);
  const project = region.project('p1');
  project.use(projectCredentials);
  drained(project.take(listed('1'), { pollNumber: 1, nowMs: 0, complete: true }));
  return region;
}

const down = { code: 'unreachable', message: 'connection refused' } as const;

/** A region whose breaker is open, and that rests. */
function restingRegion(): Region {
  const region = knownRegion();
  for (let failure = 0; failure < 20; failure++) region.health.failed(down, 0);
  return region;
}

test('the region’s own session is made by its service account', (t) => {
  const region = knownRegion();
  t.deepEqual(region.login.session(serviceCredentials), session('flavors'));
  t.is(region.login.session({ ...serviceCredentials, password: 'rotated' }), undefined);
});

test('only selected flavors have names', (t) => {
  const region = openRegion(['f2']);
  region.takeFlavors(flavors, 0);
  t.is(region.flavors.name('f1'), '');
  t.is(region.flavors.name('f2'), 'large');
});

test('an unchanged region keeps what was learnt of it', (t) => {
  const region = knownRegion();
  const project = region.project('p1');
  region.define({ ...regionRecord(), displayName: 'renamed', resourceVersion: '2' });
  region.use(structuredClone(openstackAccess));
  t.is(region.project('p1'), project);
  t.deepEqual(project.login.session(projectCredentials), session('of p1'));
  t.false(region.flavors.due(1));
  t.is(region.displayName, 'renamed');
});

test('another cloud drops sessions, views and flavors', (t) => {
  for (const access of [
    simulatedAccess,
    { ...openstackAccess, target: { ...openstackAccess.target, endpoint: 'https://other.example' } },
  ]) {
    const region = knownRegion();
    region.use(access);
    t.is(region.projects.size, 0);
    t.is(region.login.session(serviceCredentials), undefined);
    t.is(region.flavors.name('f1'), '');
    t.true(region.flavors.due(1));
    t.is(region.access, access);
  }
});

test('another service account costs the projects nothing', (t) => {
  const region = knownRegion();
  region.use({ ...openstackAccess, service: { ...serviceCredentials, password: 'rotated' } });
  t.is(region.login.session(serviceCredentials), undefined);
  t.true(region.flavors.due(1));
  t.is(region.flavors.name('f1'), 'small');
  t.deepEqual(region.project('p1').login.session(projectCredentials), session('of p1'));
});

test('another object of its name is another region', (t) => {
  const region = knownRegion();
  region.define({ ...regionRecord(), uid: 'another' });
  t.is(region.access, null);
  t.is(region.projects.size, 0);
});

test('another selection of flavors is asked for at once', (t) => {
  const region = knownRegion();
  region.define(regionRecord(['f1']));
  t.true(region.flavors.due(1));
  region.takeFlavors(flavors, 1);
  t.is(region.flavors.name('f2'), '');
});

test('a rest ends with a change of what the Region defines, or of its access', (t) => {
  const record = regionRecord();
  const { openstack } = record;
  if (openstack === null) throw new Error('the fixture has no openstack');
  for (const change of [
    (region: Region) => region.define({ ...record, openstack: { ...openstack, endpoint: 'https://other' } }),
    (region: Region) => region.define({ ...record, uid: 'another' }),
    (region: Region) =>
      region.use({ ...openstackAccess, service: { ...serviceCredentials, password: 'rotated' } }),
  ]) {
    const region = restingRegion();
    t.false(region.health.takeTurn(0));
    change(region);
    t.true(region.health.takeTurn(0));
    t.true(region.health.breakerOpen);
  }
});

test('a rest does not end because somebody wrote the Region’s status, or renamed it', (t) => {
  const region = restingRegion();
  region.define({ ...regionRecord(), resourceVersion: '2' });
  region.define({ ...regionRecord(), resourceVersion: '3', displayName: 'renamed' });
  region.use(structuredClone(openstackAccess));
  t.false(region.health.takeTurn(0));
});

test('a region that cannot be resolved loses its sessions, never its breaker', (t) => {
  const region = restingRegion();
  region.loseAccess();
  t.is(region.access, null);
  t.is(region.projects.size, 0);
  t.true(region.health.breakerOpen);
});

test('projects that no server names are dropped, the region’s own session is not', (t) => {
  const region = knownRegion();
  region.retainProjects(new Set(['p1']));
  t.is(region.projects.size, 1);
  region.retainProjects(new Set());
  t.is(region.projects.size, 0);
  t.deepEqual(region.login.session(serviceCredentials), session('flavors'));
});

test('flavors that could not be listed keep their names, and say why', (t) => {
  const region = knownRegion();
  region.takeFlavors({ outcome: { ok: false, error: down }, session: null }, 1);
  t.is(region.flavors.error, down);
  t.is(region.flavors.name('f1'), 'small');
});

test('a region is unsettled while a server of any of its projects will soon be different', (t) => {
  const region = openRegion();
  t.false(region.unsettled);
  const transition = { kind: 'task', stage: 'resize_prep', sinceMs: 5, progressMs: 5 } as const;
  region.project('p1');
  region.project('p2').transitions.take(new Map([['uid', transition]]), 10);
  t.true(region.unsettled);
  region.project('p2').transitions.take(new Map(), 20);
  t.false(region.unsettled);
});

test('a region that is as it was is not waked by its definition', (t) => {
  const region = restingRegion();
  region.define(region.record);
  t.false(region.health.takeTurn(0));
});

test('of the projects of an identity, only the one that it has now is known', (t) => {
  const region = knownRegion();
  const known = region.project('p1');
  const rotated = { ...projectCredentials, password: 'rotated' };
  t.is(region.useProject('p1', rotated), known);
  t.deepEqual(known.credentials, rotated);
  const other = region.useProject('p1', { ...rotated, projectId: 'another' });
  t.not(other, known);
  t.is(other.listedAt, null);
  t.not(region.useProject('p1', rotated), known, 'back again');
});

test('the access of a Region that was changed is out of date until it is read again', (t) => {
  const region = knownRegion();
  const { era } = region;
  t.false(region.redefined);
  region.define({ ...regionRecord(), resourceVersion: '2' });
  t.false(region.redefined);
  region.define(regionRecord(['f1']));
  t.true(region.redefined);
  region.use(structuredClone(openstackAccess));
  t.false(region.redefined);
  t.is(region.era, era, 'the same cloud');
  region.define({ ...regionRecord(['f1']), uid: 'another' });
  t.not(region.era, era);
});

function since(kind: TransitionKind, sinceMs: number): Transition {
  return { kind, stage: '', sinceMs, progressMs: sinceMs };
}

test('of transitions in several projects the oldest of each kind counts', (t) => {
  const region = openRegion();
  const take = (identityId: string, ...running: Transition[]) =>
    region
      .project(identityId)
      .transitions.take(new Map(running.map((each, index) => [`${index}`, each])), 100);
  take('p1', since('task', 20));
  take('p2', since('task', 10), since('build', 50));
  take('p3', since('task', 30));
  t.deepEqual(Object.fromEntries(region.oldestTransitions), { task: 10, build: 50 });
});

test('a service account that is refused again and again is left alone, until it or its region is another', (t) => {
  const refused = { code: 'unauthorized', message: 'wrong password' } as const;
  const ends: Record<string, (region: Region) => void> = {
    'another password': (region) =>
      region.use({ ...openstackAccess, service: { ...serviceCredentials, password: 'rotated' } }),
    'another cloud': (region) => region.use(simulatedAccess),
    'no access': (region) => region.loseAccess(),
  };
  for (const [what, happens] of Object.entries(ends)) {
    const region = openRegion();
    for (const nowMs of [0, 1]) {
      t.is(region.loginPause.errorAt(nowMs), null);
      region.takeFlavors({ outcome: { ok: false, error: refused }, session: null }, nowMs);
    }
    t.deepEqual(region.loginPause.errorAt(2), refused);
    happens(region);
    t.is(region.loginPause.errorAt(2), null, what);
  }
});

test('a failure after the login is not one of the login', (t) => {
  const busy = { code: 'rate-limited', message: 'slow down', retryAfterMs: 10_000 } as const;
  const region = openRegion();
  region.takeFlavors({ outcome: { ok: false, error: busy }, session: session('made') }, 0);
  t.is(region.loginPause.errorAt(1), null);
  region.takeFlavors({ outcome: { ok: false, error: busy }, session: null }, 0);
  t.not(region.loginPause.errorAt(1), null);
  region.takeFlavors(flavors, 2);
  t.is(region.loginPause.errorAt(3), null);
});

test('without its object a region has no name, and nothing of it is known', (t) => {
  const region = knownRegion();
  region.services = new Map([['compute', true]]);
  t.is(region.displayName, 'north');
  region.define(null);
  t.is(region.displayName, '');
  t.is(region.record, null);
  t.is(region.access, null);
  t.is(region.services.size, 0);
  const { era } = region;
  region.loseAccess();
  t.is(region.era, era, 'there was nothing to lose');
});

test('another provider makes the access out of date', (t) => {
  const region = knownRegion();
  region.define({ ...regionRecord(), provider: 'simulated' });
  t.true(region.redefined);
});
