import test from 'ava';
import { RegionState } from '../../../src/main/regions/region-state.ts';
import type { ErrorCode } from '../../../src/shared/errors.ts';
import type { FlavorResult, ProjectResult } from '../../../src/shared/server-health.ts';
import { observation } from '../../fixtures/monitor/records.ts';
import {
  openstackAccess,
  projectCredentials,
  regionRecord,
  serviceCredentials,
  session,
  simulatedAccess,
} from '../../fixtures/monitor/region-records.ts';

function openState(flavorIds: readonly string[] | null = null): RegionState {
  return new RegionState(regionRecord(flavorIds), openstackAccess);
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

function flavorsFailed(code: ErrorCode): FlavorResult {
  return { outcome: { ok: false, error: { code, message: 'failed' } }, session: null };
}

function listed(...providerIds: string[]): ProjectResult {
  return {
    identityId: 'p1',
    outcome: {
      ok: true,
      complete: true,
      observations: providerIds.map((providerId) => observation({ providerId })),
      malformed: [],
      watermark: '2026-11-22T07:00:00Z',
      digest: null,
      unchanged: false,
    },
    session: session('of p1'),
  };
}

const hour = 3_600_000;

test('a session is used again with exactly its credentials', (t) => {
  const state = openState();
  state.keepSession('p1', projectCredentials, session('one'));
  t.deepEqual(state.session('p1', { ...projectCredentials }), session('one'));
  t.is(state.session('p1', { ...projectCredentials, password: 'rotated' }), undefined);
  t.is(state.session('p2', projectCredentials), undefined);
  state.keepSession('p1', projectCredentials, null);
  t.is(state.session('p1', projectCredentials), undefined);
});

test('flavours are due at first, and then every hour', (t) => {
  const state = openState();
  t.true(state.flavorsDue(5));
  state.takeFlavors(flavors, 5);
  t.false(state.flavorsDue(hour));
  t.true(state.flavorsDue(hour + 5));
  t.is(state.flavorName('f1'), 'small');
  t.is(state.flavorName('private'), '');
  t.deepEqual(state.session('', serviceCredentials), session('flavors'));
});

test('only selected flavours have names', (t) => {
  const state = openState(['f2']);
  state.takeFlavors(flavors, 0);
  t.is(state.flavorName('f1'), '');
  t.is(state.flavorName('f2'), 'large');
});

test('flavours that could not be had keep their names; a failure that passes is tried again at once', (t) => {
  const state = openState();
  state.takeFlavors(flavors, 0);
  state.takeFlavors(flavorsFailed('unreachable'), hour);
  t.is(state.flavorName('f1'), 'small');
  t.true(state.flavorsDue(hour + 1));
});

test('flavours are asked for again when the region said that it could be asked', (t) => {
  const state = openState();
  state.takeFlavors(
    {
      outcome: { ok: false, error: { code: 'rate-limited', message: 'slow down', retryAfterMs: 20_000 } },
      session: null,
    },
    1_000,
  );
  t.false(state.flavorsDue(20_999));
  t.true(state.flavorsDue(21_000));
  state.takeFlavors(flavorsFailed('rate-limited'), 30_000);
  t.false(state.flavorsDue(90_000));
  state.takeFlavors(flavorsFailed('tls'), 90_000);
  t.true(state.flavorsDue(90_000));
});

test('flavours that were refused are not asked for at every poll', (t) => {
  const state = openState();
  state.takeFlavors(flavorsFailed('unauthorized'), 0);
  t.false(state.flavorsDue(60_000));
  t.true(state.flavorsDue(hour));
});

test('an unchanged region keeps what was learnt of it', (t) => {
  const state = openState();
  state.takeFlavors(flavors, 0);
  state.takeProject(listed('1'), projectCredentials, 1);
  const view = state.view('p1');
  state.update({ ...regionRecord(), displayName: 'renamed' }, structuredClone(openstackAccess));
  t.is(state.view('p1'), view);
  t.deepEqual(state.session('p1', projectCredentials), session('of p1'));
  t.false(state.flavorsDue(1));
  t.is(state.record.displayName, 'renamed');
});

test('another access drops sessions, views and flavours', (t) => {
  for (const access of [
    { ...openstackAccess, service: { ...serviceCredentials, password: 'rotated' } },
    simulatedAccess,
  ]) {
    const state = openState();
    state.takeFlavors(flavors, 0);
    state.takeProject(listed('1'), projectCredentials, 1);
    state.update(regionRecord(), access);
    t.is(state.session('p1', projectCredentials), undefined);
    t.is(state.view('p1').watermark, null);
    t.true(state.flavorsDue(1));
    t.is(state.access, access);
  }
});

test('another selection of flavours is asked for at once', (t) => {
  const state = openState();
  state.takeFlavors(flavors, 0);
  state.update(regionRecord(['f1']), openstackAccess);
  t.true(state.flavorsDue(1));
  state.takeFlavors(flavors, 1);
  t.is(state.flavorName('f2'), '');
});

test('projects that no server names are let go, the region’s own session is not', (t) => {
  const state = openState();
  state.takeFlavors(flavors, 0);
  state.takeProject(listed('1'), projectCredentials, 1);
  state.retainProjects(new Set(['p1']));
  t.not(state.view('p1').watermark, null);
  state.retainProjects(new Set());
  t.is(state.view('p1').watermark, null);
  t.is(state.session('p1', projectCredentials), undefined);
  t.deepEqual(state.session('', serviceCredentials), session('flavors'));
});

test('a project’s failure leaves what is known of it, and keeps the session that it ended with', (t) => {
  const state = openState();
  state.takeProject(listed('1'), projectCredentials, 1);
  const failed: ProjectResult = {
    identityId: 'p1',
    outcome: { ok: false, error: { code: 'timeout', message: 'failed' } },
    session: session('renewed'),
  };
  t.true(state.takeProject(failed, projectCredentials, 1));
  t.is([...state.view('p1').observations()].length, 1);
  t.deepEqual(state.session('p1', projectCredentials), session('renewed'));
});

test('a list that is not believed is confirmed with a new login', (t) => {
  const state = openState();
  state.takeProject(listed('1', '2', '3'), projectCredentials, 1);
  t.false(state.takeProject(listed(), projectCredentials, 1));
  t.is(state.session('p1', projectCredentials), undefined);
  t.true(state.takeProject(listed(), projectCredentials, 1));
  t.deepEqual(state.session('p1', projectCredentials), session('of p1'));
});
