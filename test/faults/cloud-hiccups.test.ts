// Faults that nobody but the cloud's own log should ever know of: the monitor copes with them within the poll, or has no
// need of what is away. It makes one complete list of each project, and asks for changes from then on.

import test, { type ExecutionContext } from 'ava';
import type { SandboxCloudOptions } from '../../src/sandbox/openstack/cloud.ts';
import { type Clock, systemClock } from '../../src/shared/clock.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { FaultSuite, type WatchedRegion } from '../fixtures/fault-suite.ts';

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start('--reconcile-every=1000000');
});

test.afterEach(assertDocumented);

test.after.always('all is as it was before', async (t) => suite.finish(t));

interface Hiccup {
  readonly id: string;
  readonly name: string;
  readonly cloud?: SandboxCloudOptions;
  readonly inject: (watched: WatchedRegion) => void | Promise<void>;
  /** What it did to the cloud's requests. */
  readonly met?: (watched: WatchedRegion, t: ExecutionContext) => void;
}

const login = 'POST /v3/auth/tokens';
const list = 'GET /servers/detail';
const minute = 60_000;

/** A clock that is wrong, and can be set. */
class OddClock implements Clock {
  offsetMs: number;

  constructor(offsetMs: number) {
    this.offsetMs = offsetMs;
  }

  now(): number {
    return systemClock.now() + this.offsetMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await systemClock.sleep(ms, signal);
  }
}

/** A cloud whose clock is so far off, and then so far. */
function skewed(from: number, to: number): Pick<Hiccup, 'cloud' | 'inject'> {
  const clock = new OddClock(from * minute);
  return {
    // Tokens that outlive the jump: it is about lists.
    cloud: { clock, tokenLifetimeMs: 1_000 * minute },
    inject: () => {
      clock.offsetMs = to * minute;
    },
  };
}

/** The project logged in so many times in all. */
function logins(count: number): NonNullable<Hiccup['met']> {
  return ({ region, project }, t) => {
    const { projectId } = project.credentials;
    t.is(region.cloud.requests.count({ route: login, projectId, status: 201 }), count);
  };
}

/** Its list was asked for without a filter so many times. */
function completeLists(count: number): NonNullable<Hiccup['met']> {
  return ({ region }, t) => {
    t.is(region.cloud.requests.latest({ route: list }).filter(({ query }) => query === '').length, count);
  };
}

const jumping = new OddClock(0);

const hiccups: readonly Hiccup[] = [
  {
    id: 'half',
    name: 'half of all requests get status 401',
    inject: ({ region, project }) => {
      const { projectId } = project.credentials;
      region.cloud.faults.add({ kind: 'status', status: 401 }, { route: list, projectId, every: 2 });
    },
    met: ({ region }, t) => t.true(region.cloud.requests.count({ route: list, status: 401 }) > 0),
  },
  {
    id: 'revoked',
    name: 'tokens are revoked',
    inject: ({ region }) => region.cloud.revokeTokens(),
    met: logins(2),
  },
  {
    id: 'wavering',
    name: 'a revoked token is accepted and refused by turns',
    inject: ({ region }) => region.cloud.revokeTokens(undefined, { wavering: true }),
    met: logins(2),
  },
  {
    id: 'expired',
    name: 'tokens have expired because the clock jumped',
    cloud: { clock: jumping },
    inject: () => {
      jumping.offsetMs = 120 * minute;
    },
    met: logins(2),
  },
  {
    id: 'keystone-away',
    name: 'Keystone is down while tokens are valid',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'status', status: 503 }, { route: login }),
    met: logins(1),
  },
  {
    id: 'lowered',
    name: 'a microversion is refused with 406 once',
    inject: ({ region }) =>
      void region.cloud.faults.add({ kind: 'status', status: 406 }, { route: list, times: 1 }),
    met: ({ region }, t) => t.is(region.cloud.requests.count({ route: list, status: 406 }), 1),
  },
  {
    id: 'old-nova',
    name: 'Nova does not have microversion 2.90',
    cloud: { microversionMax: '2.60' },
    inject: () => {},
    met: ({ region }, t) => {
      const asked = region.cloud.requests.latest({ route: list, status: 200 });
      t.true(asked.every(({ microversion }) => microversion === '2.60'));
    },
  },
  {
    id: 'reset-once',
    name: 'a connection is reset once',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'reset' }, { route: list, times: 1 }),
  },
  {
    id: 'cut-once',
    name: 'a connection is cut in the middle of a body once',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'cut' }, { route: list, times: 1 }),
  },
  {
    id: 'restarted',
    name: 'the cloud closes all connections',
    inject: async ({ region }) => {
      await region.cloud.pause();
      await region.cloud.resume();
    },
  },
  {
    id: 'ahead',
    name: "the cloud's clock is ten minutes ahead",
    ...skewed(10, 10),
    met: completeLists(1),
  },
  {
    id: 'behind',
    name: "the cloud's clock is ten minutes behind",
    ...skewed(-10, -10),
    met: completeLists(1),
  },
  {
    id: 'set-ahead',
    name: "the cloud's clock is set ten minutes ahead",
    ...skewed(0, 10),
    met: completeLists(1),
  },
  {
    id: 'set-back',
    name: "the cloud's clock is set ten minutes back",
    ...skewed(0, -10),
    met: completeLists(2),
  },
];

for (const { id, name, cloud, inject, met } of hiccups)
  test(name, async (t) => {
    const { monitor, sandbox } = suite;
    const watched = await suite.addRegion(id, cloud);
    const { region, steady, lively } = watched;
    // Now that it is known, changes are asked for.
    await monitor.untilRegionPolled(id);
    const assertPace = await suite.watchPace();
    await inject(watched);
    await monitor.untilRegionPolled(id);
    region.cloud.stop(lively.providerId);
    await sandbox.untilPhase(lively.id, 'Stopped');
    await monitor.untilStates(id, { running: 1, stopped: 1 });
    await monitor.untilRegionPolled(id, 2);
    t.is(await suite.failedPolls(id), 0);
    t.deepEqual(suite.problems(id), []);
    await suite.assertTold(t, steady, ['Running Healthy']);
    await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
    met?.(watched, t);
    await assertPace(t);
  });

test('a cell that was down from the start comes back without a change: its servers are seen', async (t) => {
  const { monitor, sandbox } = suite;
  const region = await sandbox.addRegion('dark-cell');
  const project = region.addProject();
  const steady = sandbox.addServer(project, { id: 'dark-cell-steady' });
  // So old that lists of changes do not have it.
  const cloud = { status: 'SHUTOFF', createdMs: Date.now() - 60 * minute };
  const dark = sandbox.addServer(project, { id: 'dark-cell-dark', cloud });
  // Nothing was awaited since the region came: the monitor has not seen it yet.
  region.cloud.setCellDown({ serverIds: [dark.providerId] }, true);
  await sandbox.untilHealth(dark.id, 'Unknown/Unknown: unable to determine server status');
  await monitor.untilRegionPolled('dark-cell');
  region.cloud.setCellDown({ serverIds: [dark.providerId] }, false);
  await sandbox.untilPhase(dark.id, 'Stopped');
  await monitor.untilStates('dark-cell', { running: 1, stopped: 1 });
  t.deepEqual(suite.problems('dark-cell'), []);
  await suite.assertTold(t, steady, ['Running Healthy']);
  await suite.assertTold(t, dark, ['Pending Unknown', 'Stopped Degraded']);
});
