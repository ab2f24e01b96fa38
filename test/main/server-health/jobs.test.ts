import test from 'ava';
import * as fc from 'fast-check';
import { groupObjects } from '../../../src/main/checks/grouping.ts';
import { Project } from '../../../src/main/regions/project.ts';
import { isReconcileDue } from '../../../src/main/regions/reconciling.ts';
import { Region } from '../../../src/main/regions/region.ts';
import { type RegionJobInput, regionJobs, sliceProjects } from '../../../src/main/server-health/jobs.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { KnownPage, ProjectResult, ServerHealthJob } from '../../../src/shared/server-health.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import type { Credentials } from '../../../src/shared/session.ts';
import { drained } from '../../fixtures/monitor/drained.ts';
import { createdAt, observation, serverRecord } from '../../fixtures/monitor/records.ts';
import {
  openstackAccess,
  projectCredentials,
  regionRecord,
  serviceCredentials,
  session,
  simulatedAccess,
} from '../../fixtures/monitor/region-records.ts';

function server(name: string, regionId: string | undefined, identityId: string | undefined): ServerRecord {
  return serverRecord({ name, regionId, identityId });
}

function names(servers: readonly ServerRecord[]): string {
  return servers.map(({ name }) => name).join();
}

test('servers are grouped by region and identity', async (t) => {
  const { regions, withoutRegion } = await groupObjects([
    server('a', 'r1', 'p1'),
    server('b', 'r1', 'p2'),
    server('c', 'r2', 'p1'),
    server('d', 'r1', 'p1'),
    server('e', 'r2', undefined),
    server('f', undefined, 'p1'),
    server('g', '', ''),
    serverRecord({ name: 'h', regionId: undefined, deleting: true }),
    serverRecord({ name: 'i', regionId: 'r3', deleting: true }),
  ]);
  const grouped = Object.fromEntries(
    [...regions.values()].map(({ region, identities, withoutIdentity }) => [
      region.name,
      {
        ...Object.fromEntries([...identities].map(([id, servers]) => [id, names(servers)])),
        none: names(withoutIdentity),
      },
    ]),
  );
  t.deepEqual(grouped, {
    r1: { p1: 'a,d', p2: 'b', none: '' },
    r2: { p1: 'c', none: 'e' },
    // An empty label is a label.
    '': { '': 'g', none: '' },
  });
  t.is(names(withoutRegion), 'f');
});

test('a server belongs to the Region of its own namespace', async (t) => {
  const { regions } = await groupObjects([
    server('a', 'r1', 'p1'),
    serverRecord({ name: 'b', namespace: 'other', regionId: 'r1', identityId: 'p1' }),
  ]);
  t.deepEqual(
    [...regions.values()].map(({ region, identities }) => [
      region.namespace,
      names(identities.get('p1') ?? []),
    ]),
    [
      [serverRecord().namespace, 'a'],
      ['other', 'b'],
    ],
  );
});

function input(region: Region, changes: Partial<RegionJobInput> = {}): RegionJobInput {
  return {
    profile: 'v1.16',
    region,
    access: region.access ?? openstackAccess,
    projects: changes.projects ?? [plan(region)],
    limits: {
      deadlineMs: 50_000,
      requestTimeoutMs: 10_000,
      concurrency: 4,
      loginsPerSecond: 20,
      reconcileEvery: 1_000_000,
      serversPerJob: 2_500,
      traced: true,
    },
    reconcile: true,
    probe: false,
    pollNumber: 1,
    nowMs: createdAt + 60_000,
    monotonicMs: 1_000,
    ...changes,
  };
}

const pollPeriodMs = 60_000;

function openRegion(): Region {
  const region = new Region(regionRecord(), pollPeriodMs);
  region.define(regionRecord());
  region.use(openstackAccess);
  return region;
}

/** The project p1, as it is planned. */
function plan(
  region: Region,
  {
    credentials = projectCredentials,
    servers = [serverRecord()],
  }: { credentials?: Credentials | null; servers?: readonly ServerRecord[] } = {},
): Project {
  const project = region.project('p1');
  project.use(credentials ?? undefined);
  project.servers = servers;
  return project;
}

const listPage: KnownPage = { digest: 'of the list', next: null, records: 1, serverDigests: [1] };

function take(region: Region, ...observations: Observation[]): void {
  drained(
    plan(region).take(
      {
        identityId: 'p1',
        outcome: {
          ok: true,
          complete: true,
          observations,
          malformed: [],
          watermark: '2026-11-22T07:00:00Z',
          pages: [{ ...listPage, unchanged: false, places: observations.map(() => null) }],
        },
        session: session('of p1'),
      },
      { pollNumber: 1, nowMs: 0, complete: true },
    ),
  );
}

/** The one job of a region that needs no more. */
function regionJob(given: RegionJobInput): ServerHealthJob | null {
  const [job = null, ...more] = regionJobs(given);
  if (more.length > 0) throw new Error('the region was sliced');
  return job;
}

test('the first job of a region logs in and asks for everything', (t) => {
  t.deepEqual(regionJob(input(openRegion())), {
    region: { namespace: 'default', name: 'region-1' },
    target: openstackAccess.target,
    projects: [{ identityId: 'p1', credentials: projectCredentials }],
    flavors: { credentials: serviceCredentials },
    deadlineMs: 50_000,
    requestTimeoutMs: 10_000,
    concurrency: 4,
    loginsPerSecond: 20,
    probe: false,
    traced: true,
  });
});

test('a later job uses its session and asks for changes only', (t) => {
  const region = openRegion();
  region.takeFlavors({ outcome: { ok: true, flavors: [] }, session: session('flavors') }, 1_000);
  take(region, observation());
  const job = regionJob(input(region));
  t.deepEqual(job?.projects, [
    {
      identityId: 'p1',
      credentials: projectCredentials,
      session: session('of p1'),
      changesSince: '2026-11-22T07:00:00Z',
    },
  ]);
  t.is(job?.flavors, undefined);
});

test('flavors that are due again are asked for with the region’s session', (t) => {
  const region = openRegion();
  region.takeFlavors({ outcome: { ok: true, flavors: [] }, session: session('flavors') }, 0);
  const job = regionJob(input(region, { monotonicMs: 4_000_000 }));
  t.deepEqual(job?.flavors, { credentials: serviceCredentials, session: session('flavors') });
});

test('rotated credentials mean a new login', (t) => {
  const region = openRegion();
  take(region);
  const rotated = { ...projectCredentials, password: 'rotated' };
  const job = regionJob(input(region, { projects: [plan(region, { credentials: rotated })] }));
  t.is(job?.projects[0]?.session, undefined);
  t.is(job?.projects[0]?.credentials, rotated);
});

test('a project is listed completely when its turn has come', (t) => {
  const region = openRegion();
  take(region);
  const limits = { ...input(region).limits, reconcileEvery: 1 };
  t.is(regionJob(input(region, { limits }))?.projects[0]?.changesSince, undefined);
});

test('a project that is listed completely says which pages are known, while what is known is just that list', (t) => {
  const region = openRegion();
  const limits = { ...input(region).limits, reconcileEvery: 1 };
  const knownPages = (): readonly KnownPage[] | undefined =>
    regionJob(input(region, { limits }))?.projects[0]?.knownPages;
  t.is(knownPages(), undefined);
  take(region, observation());
  t.deepEqual(knownPages(), [listPage]);
  t.is(regionJob(input(region))?.projects[0]?.knownPages, undefined, 'changes are asked for');
});

test('faults that are known are handed along, with the time that they were seen at', (t) => {
  const region = openRegion();
  take(
    region,
    observation({ providerId: '1', updated: 'u1', fault: 'No valid host' }),
    observation({ providerId: '2', updated: 'u2', fault: null }),
    observation({ providerId: '3', updated: 'u3' }),
    observation({ providerId: '4', updated: null, fault: 'of unknown age' }),
  );
  t.deepEqual(regionJob(input(region))?.projects[0]?.knownFaults, {
    1: { updated: 'u1', fault: 'No valid host' },
    2: { updated: 'u2', fault: null },
  });
});

test('a region without projects is asked for its flavors, so that it is known whether it answers', (t) => {
  const region = openRegion();
  region.takeFlavors({ outcome: { ok: true, flavors: [] }, session: session('flavors') }, 1_000);
  t.deepEqual(regionJob(input(region, { projects: [] })), {
    ...regionJob(input(openRegion(), { projects: [] })),
    flavors: { credentials: serviceCredentials, session: session('flavors') },
  });
  t.is(regionJob(input(region, { projects: [], reconcile: false })), null);
  t.is(regionJob(input(region))?.flavors, undefined, 'with a project they are not due');
  t.is(regionJob(input(region, { projects: [] })), null, 'all of its projects pause');
});

test('a region without projects whose service account is refused is tried less and less', (t) => {
  const region = openRegion();
  const refused = { code: 'unauthorized', message: 'no' } as const;
  const polls: number[] = [];
  for (let poll = 1; poll <= 20; poll++) {
    const monotonicMs = poll * 60_000;
    if (regionJob(input(region, { projects: [], monotonicMs })) === null) continue;
    polls.push(poll);
    region.takeFlavors({ outcome: { ok: false, error: refused }, session: null }, monotonicMs);
  }
  t.deepEqual(polls, [1, 2, 4, 8, 16]);
});

test('projects that failed are asked after the others', (t) => {
  const region = openRegion();
  const projects = ['p1', 'p2', 'p3'].map((id) => region.project(id));
  for (const project of projects) project.use(projectCredentials);
  for (const project of projects.slice(0, 1))
    drained(
      project.take(
        {
          identityId: 'p1',
          outcome: { ok: false, error: { code: 'timeout', message: 'no answer' } },
          session: null,
        },
        { pollNumber: 1, nowMs: 0, complete: true },
      ),
    );
  t.deepEqual(
    regionJob(input(region, { projects }))?.projects.map(({ identityId }) => identityId),
    ['p2', 'p3', 'p1'],
  );
});

function projectResult(outcome: ProjectResult['outcome']): ProjectResult {
  return { identityId: '', outcome, session: null };
}

function takeResult(project: Project | undefined, answer: ProjectResult, pollNumber: number): void {
  if (project === undefined) throw new Error('there is no such project');
  drained(project.take(answer, { pollNumber, nowMs: 0, complete: true }));
}

test('a project whose turn did not come is asked before those that were asked; those that failed still wait', (t) => {
  const region = openRegion();
  const projects = ['failed', 'answered', 'unasked', 'failed-before'].map((id) => region.project(id));
  const [failed, answered, unasked, failedBefore] = projects;
  const error = { code: 'timeout', message: 'no answer' } as const;
  const list = { complete: true, observations: [], malformed: [], watermark: null } as const;
  const ok = projectResult({ ok: true, ...list, pages: [] });
  const failure = projectResult({ ok: false, error });
  const notAsked = projectResult({ ok: false, error, unasked: true });
  for (const project of projects) project.use(projectCredentials);
  for (const project of [failed, answered, unasked]) takeResult(project, ok, 1);
  takeResult(failedBefore, failure, 1);
  takeResult(failed, failure, 2);
  takeResult(answered, ok, 2);
  takeResult(unasked, notAsked, 2);
  takeResult(failedBefore, notAsked, 2);
  const order = ({ probe = false }) =>
    regionJob(input(region, { projects, probe, pollNumber: 8 }))?.projects.map(
      ({ identityId }) => identityId,
    );
  t.deepEqual(order({}), ['unasked', 'answered', 'failed-before', 'failed']);
  t.deepEqual(order({ probe: true }), ['failed', 'unasked', 'answered', 'failed-before']);
  t.is(unasked?.pageSize, null, 'what was not asked says nothing about the size of its list');
});

test('a simulated region is given its servers, and no credentials', (t) => {
  const region = new Region(regionRecord(), pollPeriodMs);
  region.define({ ...regionRecord(), provider: 'simulated', openstack: null });
  region.use(simulatedAccess);
  const servers = [
    serverRecord({ name: 'a', phase: 'Pending' }),
    serverRecord({ name: 'b', createdAt: createdAt + 120_000 }),
  ];
  const job = regionJob(input(region, { projects: [plan(region, { credentials: null, servers })] }));
  t.deepEqual(job?.projects, [
    {
      identityId: 'p1',
      simulatedServers: [
        { name: 'a', displayName: 'display-a', phase: 'Pending', createdAt, ageMs: 60_000 },
        { name: 'b', displayName: 'display-b', phase: 'Running', createdAt: createdAt + 120_000, ageMs: 0 },
      ],
    },
  ]);
  t.deepEqual(job?.flavors, {});
});

test('a project with servers in transition is asked between two polls for changes only', (t) => {
  const region = openRegion();
  take(region);
  const limits = { ...input(region).limits, reconcileEvery: 1 };
  const job = regionJob(input(region, { limits, reconcile: false, monotonicMs: 10_000_000 }));
  t.is(job?.projects[0]?.changesSince, '2026-11-22T07:00:00Z');
  t.is(job?.flavors, undefined);
});

function projectOf(identityId: string, servers: number): Project {
  const project = new Project(identityId, pollPeriodMs);
  project.use(projectCredentials);
  project.servers = Array.from({ length: servers }, (_, index) =>
    serverRecord({ name: `${identityId}-${index}` }),
  );
  return project;
}

test('a large region is sliced, and its limits are shared among the slices', (t) => {
  const projects = Array.from({ length: 8 }, (_, index) => projectOf(`p${index}`, 1_000));
  const jobs = regionJobs(input(openRegion(), { projects }));
  t.deepEqual(
    jobs.map((job) => [job.projects.length, job.concurrency, job.loginsPerSecond]),
    [
      [2, 1, 5],
      [2, 1, 5],
      [2, 1, 5],
      [2, 1, 5],
    ],
  );
  t.is(jobs.filter(({ flavors }) => flavors !== undefined).length, 1);
  t.deepEqual(
    jobs.flatMap((job) => job.projects.map(({ identityId }) => identityId)).toSorted(),
    projects.map(({ identityId }) => identityId),
  );
});

test('a region that is probed is asked by one job', (t) => {
  const projects = Array.from({ length: 8 }, (_, index) => projectOf(`p${index}`, 1_000));
  const jobs = regionJobs(input(openRegion(), { projects, probe: true }));
  t.deepEqual(
    jobs.map((job) => [job.projects.length, job.probe]),
    [[8, true]],
  );
  t.deepEqual(regionJobs(input(openRegion(), { projects: [], probe: true, reconcile: false })), []);
});

test('each probe begins with another project, and asks for all', (t) => {
  const projects = [projectOf('p0', 9), projectOf('p1', 1), projectOf('p2', 5)];
  const asked = [7, 8, 9].map((pollNumber) => {
    const [job] = regionJobs(input(openRegion(), { projects, probe: true, pollNumber }));
    return job?.projects.map(({ identityId }) => identityId) ?? [];
  });
  t.is(new Set(asked.map(([first]) => first)).size, 3);
  for (const ids of asked) t.deepEqual(ids.toSorted(), ['p0', 'p1', 'p2']);
});

test('slices hold about as many servers each, and every project once', (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 5_000 }),
      (servers, most, each) => {
        const plans = servers.map((count, index) => {
          const project = projectOf(`p${index}`, 0);
          project.servers = Array(count).fill(serverRecord());
          return project;
        });
        const slices = sliceProjects(plans, { most, servers: each });
        t.true(slices.length <= most);
        const total = servers.reduce((sum, count) => sum + count, 0);
        t.is(slices.length, Math.min(most, plans.length, Math.ceil(total / each)));
        t.is(slices.flat().length, plans.length);
        const loads = slices.map((slice) => slice.reduce((sum, plan) => sum + plan.servers.length, 0));
        // No slice could be relieved by giving its smallest project to the one that has least.
        t.true(Math.max(...loads) - Math.min(...loads) <= Math.max(...servers));
      },
    ),
    { numRuns: 50 },
  );
});

test('with --reconcile-every=1 every list is complete', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.nat(), (identityId, pollNumber, listedAt) => {
      t.true(isReconcileDue({ identityId, listedAt, pollNumber, every: 1 }));
    }),
  );
});

test('no project waits longer than `every` polls for a complete list, whichever of its polls fail', (t) => {
  fc.assert(
    fc.property(
      fc.uuid(),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.boolean(), { minLength: 50, maxLength: 100 }),
      (identityId, every, answers) => {
        let listedAt = 0;
        answers.forEach((answered, index) => {
          const pollNumber = index + 1;
          const due = isReconcileDue({ identityId, listedAt, pollNumber, every });
          t.true(due || pollNumber - listedAt < every);
          if (answered && due) listedAt = pollNumber;
        });
      },
    ),
  );
});

/** How many projects are listed completely in each of `every` polls that follow each other. */
function loads(identityIds: readonly string[], every: number): number[] {
  return Array.from(
    { length: every },
    (_, pollNumber) =>
      identityIds.filter((identityId) =>
        isReconcileDue({ identityId, listedAt: pollNumber, pollNumber, every }),
      ).length,
  );
}

test('complete lists of many projects are spread over the polls', (t) => {
  const projects = 200;
  const every = fc.integer({ min: 2, max: 10 });
  const spread = (identityIds: readonly string[], polls: number) => {
    const load = loads(identityIds, polls);
    t.is(
      load.reduce((sum, count) => sum + count, 0),
      projects,
      'each has its turn',
    );
    t.true(Math.max(...load) <= (2 * projects) / polls, `${polls}: ${load.join(' ')}`);
  };
  const ids = fc.uniqueArray(fc.uuid(), { minLength: projects, maxLength: projects });
  // The seed is fixed: an unlucky choice of ids is possible, and proves nothing.
  fc.assert(fc.property(ids, every, spread), { numRuns: 50, seed: 1 });
  // Ids that differ in a few characters only.
  const numbered = fc
    .tuple(fc.constantFrom('project-', 'identity-', 'i', '', 'team-a-'), fc.nat(1_000_000))
    .map(([prefix, first]) => Array.from({ length: projects }, (_, index) => `${prefix}${first + index}`));
  fc.assert(fc.property(numbered, every, spread), { numRuns: 50, seed: 1 });
});

test('bare-metal servers that may be building are asked for as the region’s account in their project', (t) => {
  const record = regionRecord();
  const openstack = record.openstack === null ? null : { ...record.openstack, baremetalFlavorIds: ['metal'] };
  const region = new Region(record, pollPeriodMs);
  region.define({ ...record, openstack });
  region.use(openstackAccess);
  const servers = [serverRecord({ name: 'a', flavorId: 'metal', phase: 'Pending' })];
  const projects = [plan(region, { servers })];
  t.deepEqual(regionJob(input(region, { projects, profile: 'v1.19' }))?.projects[0]?.baremetal, {
    credentials: { ...serviceCredentials, projectId: projectCredentials.projectId },
    servers: [{ name: 'a', displayName: 'display-a' }],
    building: [],
  });
  t.is(regionJob(input(region, { projects, profile: 'v1.16' }))?.projects[0]?.baremetal, undefined);
  const access = { ...openstackAccess, service: null };
  t.is(regionJob(input(region, { projects, access, profile: 'v1.19' }))?.projects[0]?.baremetal, undefined);
  region.define(record);
  t.is(regionJob(input(region, { projects, profile: 'v1.19' }))?.projects[0]?.baremetal, undefined);
  region.define({ ...record, openstack });
  const loginless = [plan(region, { servers, credentials: null })];
  const job = regionJob(input(region, { projects: loginless, profile: 'v1.19' }));
  t.deepEqual(job?.projects, [{ identityId: 'p1' }]);
});

test('a list that did not fit is asked for after the changes, in smaller pages, when its turn has come', (t) => {
  const region = openRegion();
  take(region);
  const project = region.project('p1');
  const tooSlow = {
    identityId: 'p1',
    session: null,
    outcome: { ok: false, error: { code: 'timeout', message: 'slow' } },
  } as const;
  drained(project.take(tooSlow, { pollNumber: 2, nowMs: 0, complete: true }));
  const limits = { ...input(region).limits, reconcileEvery: 1 };
  const taskOf = (pollNumber: number) =>
    regionJob(input(region, { limits, pollNumber, projects: [project] }))?.projects[0];
  t.is(taskOf(3)?.alsoComplete, undefined);
  t.is(taskOf(4)?.alsoComplete, true);
  t.not(taskOf(4)?.changesSince, undefined);
  const { outcome } = tooSlow;
  const partly = {
    ok: true,
    complete: false,
    observations: [],
    malformed: [],
    watermark: '2026-11-22T07:00:00Z',
    pages: [],
    completeError: outcome.error,
  } as const;
  drained(
    project.take(
      { identityId: 'p1', session: null, outcome: partly },
      { pollNumber: 4, nowMs: 0, complete: false },
    ),
  );
  t.is(taskOf(5)?.pageSize, undefined, 'changes have no pages of that kind');
  t.is(taskOf(8)?.pageSize, 500);
});
