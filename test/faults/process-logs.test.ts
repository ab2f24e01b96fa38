// Nobody takes the log lines: the disk is full, the reader is gone or does not read. The monitor does its work as before,
// and ends as before.

import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { startCommand } from '../fixtures/command.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { type MonitorProcess, startMonitorProcess } from '../fixtures/monitor/monitor-process.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

/** Each with two lines: more than a pipe holds. */
const many = 200;

async function fleet(t: ExecutionContext, count: number) {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const project = region.addProject();
  const { providerId } = sandbox.addServer(project, { id: 'lively' });
  for (let index = 1; index < count; index++) sandbox.addServer(project, { id: `web-${index}` });
  return { sandbox, region, providerId };
}

/** It polls, writes and answers. */
async function works(
  t: ExecutionContext,
  life: MonitorProcess,
  { sandbox, region, providerId }: { sandbox: Sandbox; region: SandboxRegion; providerId: string },
): Promise<void> {
  region.cloud.stop(providerId);
  await sandbox.untilPhase('lively', 'Stopped');
  region.cloud.start(providerId);
  await sandbox.untilPhase('lively', 'Running');
  t.is((await life.get('/healthz'))?.status, 200);
  t.is((await life.get('/readyz'))?.status, 200);
}

test('the disk of the log is full', async (t) => {
  const cluster = await fleet(t, 1);
  const full = openSync('/dev/full', 'w');
  const life = await startMonitorProcess(t, cluster.sandbox, { stderr: full });
  closeSync(full);
  await cluster.sandbox.untilPhase('lively', 'Running');
  await works(t, life, cluster);
  t.is(await life.end('SIGTERM'), 0);
});

test('the reader of the log is gone', async (t) => {
  const cluster = await fleet(t, 1);
  const life = await startMonitorProcess(t, cluster.sandbox);
  await cluster.sandbox.untilPhase('lively', 'Running');
  life.child.stderr?.destroy();
  await works(t, life, cluster);
  t.is(await life.end('SIGTERM'), 0);
});

test('Node warns, in the main thread and in a worker', async (t) => {
  const { sandbox } = await fleet(t, 1);
  const warns =
    "data:text/javascript,setTimeout(() => process.emitWarning('look out', { code: 'W1' }), 3000)";
  const life = await startMonitorProcess(t, sandbox, { env: { NODE_OPTIONS: `--import="${warns}"` } });
  await sandbox.untilPhase('lively', 'Running');
  const text = 'Warning: look out';
  await eventually('both lines', () => {
    const lines = life.lines.filter(({ error }) => error === text).map(({ msg }) => msg);
    return lines.includes('warning of Node.js') && lines.includes('warning of Node.js in a worker thread');
  });
  t.is(await life.end('SIGTERM'), 0);
});

test('standard error is closed', async (t) => {
  const { sandbox, region, providerId } = await fleet(t, 1);
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
  const program = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));
  const flags = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, '--workers=1', '--poll-period=1s'];
  const life = startCommand(t, ['sh', '-c', 'exec "$0" "$@" 2>&-', program, 'run', ...flags]);
  await sandbox.untilPhase('lively', 'Running');
  region.cloud.stop(providerId);
  await sandbox.untilPhase('lively', 'Stopped');
  life.kill('SIGTERM');
  t.is((await life.ended).code, 0);
});

test('the reader of the log does not read: work continues, and no line is lost when it reads again', async (t) => {
  t.timeout(120_000);
  const cluster = await fleet(t, many);
  const { sandbox } = cluster;
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  // This end never blocks; the other one would, as a shell and a container runtime hand it over.
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  t.teardown(() => closeSync(reader));
  const writer = openSync(path, 'w');
  const life = await startMonitorProcess(t, sandbox, { stderr: writer });
  closeSync(writer);
  await eventually('all writes', () => {
    return sandbox.cluster.list('servers').every(({ status }) => status?.['phase'] === 'Running');
  });
  await works(t, life, cluster);

  let log = '';
  const buffer = Buffer.alloc(65_536);
  await eventually('all lines', () => {
    try {
      for (;;) {
        const count = readSync(reader, buffer);
        if (count === 0) break;
        log += buffer.toString('latin1', 0, count);
      }
    } catch {
      // Empty for now.
    }
    return log.split('"msg":"instance phase transition"').length - 1 === many + 2;
  });
  for (let index = 1; index < many; index++)
    t.is(log.split(`"instance_id":"web-${index}"`).length - 1, 2, `web-${index}`);
  t.is(await life.end('SIGTERM'), 0);
});
