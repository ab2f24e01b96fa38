// A stop at every stage of a start and of a poll: it comes soon, nothing is left half done, nothing is reported as a
// failure, and a second life does what the first one left, so that every transition is told once by the two together.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { findCondition, healthyType } from '../../src/shared/conditions.ts';
import { namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { LogLine, MonitorUnderTest } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

/** The promise is 3 s; a busy machine gets more. */
const stopMs = 8_000;

interface Stage {
  /** Arranges that `reached` is called when the monitor comes to the stage. */
  readonly arrange: (sandbox: Sandbox, cluster: Sandbox['cluster'], reached: () => void) => void;
}

/** A request of this action to the API server, before it is answered. */
function request(action: string): Stage {
  return {
    arrange: (_, cluster, reached) => {
      cluster.faults.add({ action }, { kind: 'before', run: reached });
      // The answer is still out when the stop comes.
      cluster.faults.add({ action }, { kind: 'delay', ms: 200 });
    },
  };
}

const stages: Readonly<Record<string, Stage>> = {
  'a list': request('list servers'),
  'the start of a watch': request('watch servers'),
  'a read of a Secret': request('get secrets'),
  'a read of the definitions': request('get /openapi/v3'),
  'a status write': request('patch servers/status'),
  'an annotation write': request('patch servers'),
  'a read after a conflict': {
    arrange: (sandbox, cluster, reached) => {
      cluster.faults.conflict({ times: 3 });
      request('get servers').arrange(sandbox, cluster, reached);
    },
  },
};

const cloudRoutes = ['POST /v3/auth/tokens', 'GET /servers/detail', 'GET /flavors/detail'] as const;

const servers = Array.from({ length: 6 }, (_, index) => `web-${index}`);

async function fleet(t: ExecutionContext) {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const project = region.addProject();
  for (const id of servers) sandbox.addServer(project, { id });
  sandbox.addServer(project, { id: 'building', cloud: { status: 'BUILD', powerState: 0 } });
  return { sandbox, region };
}

const transitions = ({ lines }: { readonly lines: readonly LogLine[] }, id: string) =>
  lines.filter(({ msg, fields }) => msg.endsWith('transition') && fields['instance_id'] === id);

async function stopsWell(t: ExecutionContext, sandbox: Sandbox, monitor: MonitorUnderTest): Promise<void> {
  const asked = performance.now();
  await monitor.stop();
  t.true(performance.now() - asked < stopMs);
  t.deepEqual(
    // On a busy machine a poll of a second may miss its deadline; what a stop ends is cancelled, not late.
    monitor.lines.filter(({ level, fields }) => level === 'error' && fields['code'] !== 'timeout'),
    [],
  );
  t.is(monitor.logged('service stopping').length, 1);
  for (const id of servers) {
    const { phase, conditions } = sandbox.server(id);
    const written = phase !== '';
    t.is(findCondition(conditions, healthyType) !== undefined, written, `${id}: both or neither`);
    t.is(transitions(monitor, id).length, written ? 2 : 0, `${id}: told as it was written`);
  }
}

async function secondLife(t: ExecutionContext, sandbox: Sandbox, first: MonitorUnderTest): Promise<void> {
  sandbox.cluster.faults.clear();
  const second = await sandbox.startMonitor();
  await second.untilStates('east', { running: servers.length, pending: 1 });
  await second.untilRegionPolled('east', 2);
  for (const id of servers) {
    const told = [...transitions(first, id), ...transitions(second, id)].map(({ msg }) => msg);
    t.deepEqual(told.toSorted(), ['instance phase transition', 'instance state transition'], id);
  }
}

for (const [name, { arrange }] of Object.entries(stages))
  test(`a stop during ${name}`, async (t) => {
    t.timeout(120_000);
    const { sandbox } = await fleet(t);
    const reached = Promise.withResolvers<void>();
    arrange(sandbox, sandbox.cluster, reached.resolve);
    const monitor = await sandbox.startMonitor();
    await reached.promise;
    await stopsWell(t, sandbox, monitor);
    await secondLife(t, sandbox, monitor);
  });

for (const route of cloudRoutes)
  test(`a stop during ${route}`, async (t) => {
    t.timeout(120_000);
    const { sandbox, region } = await fleet(t);
    region.cloud.faults.add({ kind: 'latency', ms: 400 }, { route, times: 1 });
    const monitor = await sandbox.startMonitor();
    await eventually('the request', () => region.cloud.requests.count({ route }) > 0, { everyMs: 5 });
    await stopsWell(t, sandbox, monitor);
    await secondLife(t, sandbox, monitor);
  });

test('a stop before anything has begun', async (t) => {
  const { sandbox } = await fleet(t);
  const monitor = await sandbox.startMonitor();
  await stopsWell(t, sandbox, monitor);
  await secondLife(t, sandbox, monitor);
});

test('two signals at any moment of a start: the process ends at once or cleanly', async (t) => {
  t.timeout(180_000);
  const { sandbox } = await fleet(t);
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
  const program = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));
  for (const [index, delayMs] of [0, 40, 100, 200, 350, 600, 1_000, 1_600].entries()) {
    const [first, second] =
      index % 2 === 0 ? (['SIGTERM', 'SIGINT'] as const) : (['SIGINT', 'SIGTERM'] as const);
    const child = spawn(
      program,
      ['run', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, '--workers=1'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const ended = once(child, 'close');
    await sleep(delayMs);
    child.kill(first);
    await sleep(30);
    child.kill(second);
    const deadline = sleep(stopMs, 'late', { ref: false });
    t.not(await Promise.race([ended, deadline]), 'late', `${first} after ${delayMs} ms`);
    child.kill('SIGKILL');
    await ended;
    // By the signal itself before there was anybody to take it; 128 and its number at the second one; or 0, all done.
    const code = child.exitCode ?? 'signal';
    t.true([0, 130, 143, 'signal'].includes(code), `${first} after ${delayMs} ms: ${code}\n${log}`);
    t.false(log.includes('"level":"error"'), log);
  }
  for (const id of servers) {
    const { phase, conditions } = sandbox.server(id);
    t.is(findCondition(conditions, healthyType) !== undefined, phase !== '', id);
  }
});
