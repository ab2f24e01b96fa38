// Against a real Keystone and Nova, where they run: LAB_DIR names the lab's folder. Skips, saying so, where they do not.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { request } from 'undici';
import * as v from 'valibot';
import { monotonicMs } from '../../../src/shared/clock.ts';
import type { HealthReason } from '../../../src/shared/conditions.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { ListedPage, ProjectTask, ServerHealthJob } from '../../../src/shared/server-health.ts';
import type { Phase } from '../../../src/shared/server-record.ts';
import type { Credentials, Session } from '../../../src/shared/session.ts';
import { identityUrl } from '../../../src/workers/openstack/login.ts';
import { failure, listed, runJob } from '../../fixtures/clouds/health-job.ts';
import { credentialsOf, passing } from '../../fixtures/clouds/openstack-lab.ts';

const userSchema = v.object({ id: v.string(), password: v.string(), project_id: v.string() });
const labSchema = v.object({
  auth_url: v.string(),
  projects: v.record(v.string(), v.string()),
  users: v.record(v.string(), userSchema),
  image_id: v.string(),
});
const rawListSchema = v.object({
  servers: v.array(
    v.object({
      id: v.string(),
      status: v.string(),
      'OS-EXT-STS:power_state': v.number(),
      'OS-EXT-STS:task_state': v.nullable(v.string()),
    }),
  ),
});

type Lab = v.InferOutput<typeof labSchema>;

const reasons = new Map<string, HealthReason>([
  ['ACTIVE', 'Healthy'],
  ['ERROR', 'Errored'],
]);
const phases = new Map<string, Phase>([
  ['1', 'Running'],
  ['4', 'Stopped'],
]);
const unsupported = new Map<string, 'PAUSED' | 'SUSPENDED'>([
  ['3', 'PAUSED'],
  ['7', 'SUSPENDED'],
]);

const stateFile = path.join(process.env['LAB_DIR'] ?? '/var/tmp/openstack-lab', 'state', 'lab.json');

async function findLab(): Promise<Lab | string> {
  try {
    const lab = v.parse(labSchema, JSON.parse(readFileSync(stateFile, 'utf8')));
    const { statusCode, body } = await request(identityUrl(lab.auth_url), {
      signal: AbortSignal.timeout(5000),
    });
    await body.dump();
    return statusCode === 200 ? lab : `the identity service answered ${statusCode}`;
  } catch (thrown) {
    return String(thrown);
  }
}

const found = await findLab();
if (typeof found === 'string') {
  test.skip(`the OpenStack lab (none by ${stateFile}: ${found})`, (t) => t.fail());
} else {
  testWith(found);
}

function testWith(lab: Lab): void {
  const credentials = (user: string): Credentials => {
    const known = lab.users[user];
    if (known === undefined) throw new Error(`the lab has no user ${user}`);
    return credentialsOf(known);
  };

  const job = (...projects: ProjectTask[]): ServerHealthJob => ({
    region: { namespace: 'default', name: 'lab' },
    deadlineMs: monotonicMs() + 50_000,
    target: {
      provider: 'openstack',
      endpoint: lab.auth_url,
      catalogRegion: 'RegionOne',
      caCertificate: null,
    },
    projects,
    requestTimeoutMs: 40_000,
    concurrency: 4,
    loginsPerSecond: 100,
    probe: false,
    traced: false,
  });

  const alice = (): ProjectTask => ({ identityId: 'alice', credentials: credentials('alice') });

  async function project(task: ProjectTask): Promise<{
    observations: readonly Observation[];
    session: Session;
    watermark: string;
    pages: readonly ListedPage[];
  }> {
    const { projects } = await runJob(job(task));
    const [result] = projects;
    if (result === undefined || result.session === null) throw new Error('no result, or no session');
    const { observations, malformed, watermark, pages } = listed(result);
    if (malformed.length > 0) throw new Error(JSON.stringify(malformed));
    if (watermark === null) throw new Error('Nova told no time');
    return { observations, session: result.session, watermark, pages };
  }

  // One after another: other tests share this lab, and a login costs it half a second.
  test.serial('both projects and the flavors in one job', async (t) => {
    const bob = { identityId: 'bob', credentials: credentials('bob') };
    const { projects, flavors } = await runJob({
      ...job(alice(), bob),
      flavors: { credentials: credentials('ada') },
    });
    for (const result of projects) {
      t.true(listed(result).complete);
      t.is(result.session?.compute?.microversion, '2.90');
    }
    t.true(flavors?.outcome.ok === true && flavors.outcome.flavors.some(({ name }) => name === 'lab.tiny'));
  });

  test.serial('every endpoint form logs in', async (t) => {
    const base = lab.auth_url.replace(/\/v3\/?$/, '');
    for (const endpoint of [base, `${base}/`, `${base}/v3`, `${base}/v3/`]) {
      const { projects } = await runJob({
        ...job(alice()),
        target: { provider: 'openstack', endpoint, catalogRegion: null, caCertificate: null },
      });
      t.true(projects[0]?.outcome.ok, endpoint);
    }
  });

  test.serial('a list in which nothing changed comes again byte for byte', async (t) => {
    let { pages, session } = await project(alice());
    // Others may work with the lab at the same time.
    for (let attempt = 0; attempt < 5; attempt++) {
      const again = await project({ ...alice(), session, knownPages: pages });
      if (again.pages.every(({ unchanged }) => unchanged)) {
        t.deepEqual(again.observations, []);
        return;
      }
      ({ pages, session } = again);
    }
    t.fail(`no list was as the one before: ${JSON.stringify(pages)}`);
  });

  test.serial('servers have the phase and health of their states', async (t) => {
    const { session } = await project(alice());
    const before = await statesOf(session);
    const { observations } = await project({ ...alice(), session });
    const after = await statesOf(session);
    // Others may work with the lab at the same time: only what stood still can be compared.
    const still = observations.filter(({ providerId }) => before.get(providerId) === after.get(providerId));
    if (still.length === 0) t.log('SKIPPED: the lab has no servers; seed it');
    for (const { providerId, phase, health, unsupportedPowerState } of still) {
      const [status, power, task] = (before.get(providerId) ?? '').split(' ');
      t.is(health.reason, reasons.get(status ?? '') ?? 'Degraded', `${providerId} in ${status}`);
      const moves = task === 'powering-off' || task === 'powering-on';
      if (!moves) t.is(phase, phases.get(power ?? '') ?? null, `${providerId} at ${power}`);
      t.is(unsupportedPowerState, unsupported.get(power ?? '') ?? null, `${providerId} at ${power}`);
    }
    const nohost = observations.find(({ name }) => name === 'alpha-nohost-1');
    if (nohost !== undefined) {
      t.regex(nohost.health.message, /^server is in an error state: No valid host was found/);
    }
    t.pass();
  });

  test.serial(
    'a server made and deleted shows in the changes, with its owner, and alone in a known list',
    async (t) => {
      const { session, watermark, pages } = await project(alice());
      const server = {
        name: `${passing}${process.pid}`,
        flavorRef: '1',
        imageRef: lab.image_id,
        networks: 'none',
        metadata: { 'region:server_id': 'owner-1' },
      };
      const made = await nova(session, 'POST', '/servers', { server });
      const { id } = v.parse(v.object({ server: v.object({ id: v.string() }) }), made).server;
      const seen = async (wanted: (server: Observation) => boolean): Promise<Observation | undefined> => {
        let last: Observation | undefined;
        for (let polls = 0; polls < 60 && (last === undefined || !wanted(last)); polls += 1) {
          await sleep(200);
          const { observations } = await project({ ...alice(), session, changesSince: watermark });
          last = observations.find(({ providerId }) => providerId === id);
        }
        return last;
      };
      try {
        // Deleted any earlier, Nova would forget it without a trace in the changes.
        const running = await seen(({ phase }) => phase === 'Running');
        t.like(running, { ownerId: 'owner-1', name: server.name, phase: 'Running', deleted: false });
        const whole = await project({ ...alice(), session, knownPages: pages });
        t.like(
          whole.observations.find(({ providerId }) => providerId === id),
          { phase: 'Running' },
        );
        const known = pages.reduce((count, { records }) => count + records, 0);
        if (known < 10) t.log('SKIPPED: the lab has few servers; seed it');
        // Others may work with the lab at the same time.
        else t.true(whole.observations.length < known / 2, 'those that are as they were are not reported');
      } finally {
        await nova(session, 'DELETE', `/servers/${id}`);
      }
      t.like(await seen(({ deleted }) => deleted), { ownerId: 'owner-1', deleted: true });
    },
  );

  test.serial('a session lists changes without a login, down to the watermark', async (t) => {
    const first = await project(alice());
    const task = { ...alice(), session: first.session, changesSince: first.watermark };
    const { projects, requests } = await runJob(job(task));
    const [result] = projects;
    t.false(result === undefined || listed(result).complete);
    t.deepEqual(result?.session, first.session);
    t.false(requests.some(({ route }) => route.startsWith('POST')));
    const epoch = await project({ ...task, changesSince: '2000-01-01T00:00:00Z' });
    t.true(epoch.observations.length >= first.observations.length);
  });

  test.serial('a token that Nova refuses is renewed once', async (t) => {
    const { session } = await project(alice());
    const { projects, requests } = await runJob(
      job({ ...alice(), session: { ...session, token: 'garbage' } }),
    );
    t.true(projects[0]?.outcome.ok);
    t.not(projects[0]?.session?.token, 'garbage');
    t.deepEqual(
      requests.filter(({ status }) => status === 401),
      [{ route: 'GET /servers/detail', status: 401, count: 1 }],
    );
  });

  test.serial('a microversion that Nova does not have is lowered to what it offers', async (t) => {
    const { session } = await project(alice());
    const high = await project({
      ...alice(),
      session: { ...session, compute: { url: urlOf(session), microversion: '2.999' } },
    });
    t.is(high.session.compute?.microversion, '2.90');
  });

  test.serial('a wrong password and a foreign project are refused by the login', async (t) => {
    const wrong = { ...credentials('alice'), password: 'not this' };
    const foreign = { ...credentials('alice'), projectId: credentials('bob').projectId };
    const { projects } = await runJob(
      job({ identityId: 'wrong', credentials: wrong }, { identityId: 'foreign', credentials: foreign }),
    );
    for (const result of projects) t.is(failure(result).code, 'unauthorized');
  });
}

function urlOf({ compute }: Session): string {
  if (compute === null) throw new Error('the session does not know the compute service');
  return compute.url;
}

/** A request of our own, past the code under test. */
async function nova(
  session: Session,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  const response = await request(urlOf(session) + path, {
    method,
    headers: {
      'x-auth-token': session.token,
      'x-openstack-nova-api-version': '2.90',
      'content-type': 'application/json',
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.body.text();
  if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** "STATUS power task" of each server, by id. */
async function statesOf(session: Session): Promise<Map<string, string>> {
  const { servers } = v.parse(rawListSchema, await nova(session, 'GET', '/servers/detail'));
  return new Map(
    servers.map((raw) => [
      raw.id,
      `${raw.status} ${raw['OS-EXT-STS:power_state']} ${raw['OS-EXT-STS:task_state'] ?? '-'}`,
    ]),
  );
}
