// How the process stops: with exit code 0, soon, whatever it is doing, and with no status written by half. Each test has
// a cluster, and a process as an operator starts it. One after the other, so that each has the machine to itself.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { findCondition, healthyType } from '../../src/shared/conditions.ts';
import { namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { type RunningCommand, startCommand } from '../fixtures/command.ts';
import { eventually } from '../fixtures/eventually.ts';
import { refuseSecrets } from '../fixtures/monitor/monitor.ts';

const program = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));

/** The promise is 3 s; a busy machine gets twice as much. */
const stopMs = 6_000;

async function startProcess(
  t: ExecutionContext,
  sandbox: Sandbox,
  ...flags: readonly string[]
): Promise<RunningCommand> {
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
  return startCommand(t, [
    program,
    'run',
    `--kubeconfig=${kubeconfig}`,
    `--namespace=${namespace}`,
    '--workers=1',
    '--poll-period=1s',
    ...flags,
  ]);
}

/** Sends SIGTERM; the process ends with 0 in time. Returns its log. */
async function stopped(t: ExecutionContext, sandbox: Sandbox, command: RunningCommand): Promise<string> {
  const sent = performance.now();
  command.kill('SIGTERM');
  const { code, stderr } = await command.ended;
  const tookMs = performance.now() - sent;
  t.is(code, 0, stderr);
  t.true(tookMs < stopMs, `took ${Math.round(tookMs)} ms`);
  t.true(stderr.includes('"msg":"service stopping"'));
  t.false(stderr.includes('"level":"error"'), stderr);
  refuseSecrets('the log', stderr, sandbox.secrets());
  return stderr;
}

/** Every object has both phase and condition or neither, and a line for each that has. */
function assertWhole(t: ExecutionContext, sandbox: Sandbox, names: readonly string[], log: string): void {
  for (const name of names) {
    const { phase, conditions } = sandbox.server(name);
    const written = phase !== '';
    t.is(findCondition(conditions, healthyType) !== undefined, written, name);
    const lines = log.split('\n').filter((line) => line.includes(`"instance_id":"${name}"`));
    t.is(lines.length, written ? 2 : 0, `${name}: ${lines.join('\n')}`);
  }
}

test.serial('SIGTERM while idle', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  const command = await startProcess(t, sandbox, '--poll-period=1m');
  await command.untilPrinted('"msg":"instance state transition"');
  assertWhole(t, sandbox, ['web'], await stopped(t, sandbox, command));
});

test.serial('SIGTERM in the middle of a poll, while statuses are written', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const project = region.addProject();
  const names = Array.from({ length: 60 }, (_, index) => `web-${index}`);
  for (const id of names) sandbox.addServer(project, { id });
  const slow = { method: 'PATCH', path: /\/status/, times: Number.POSITIVE_INFINITY };
  sandbox.cluster.faults.add(slow, { kind: 'delay', ms: 300 });
  const command = await startProcess(t, sandbox, '--poll-period=1m');
  await eventually(
    'a write',
    () => sandbox.cluster.requests.count({ method: 'PATCH', path: /\/status/ }) > 0,
  );
  const log = await stopped(t, sandbox, command);
  assertWhole(t, sandbox, names, log);
  const written = names.filter((name) => sandbox.server(name).phase !== '').length;
  t.true(written > 0 && written < names.length, `${written} of ${names.length} were written`);
});

test.serial('SIGTERM while a region hangs', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  region.cloud.faults.add({ kind: 'hang' }, { route: 'GET /servers/detail' });
  const command = await startProcess(t, sandbox, '--poll-period=1m');
  await eventually('a list', () => region.cloud.requests.count({ route: 'GET /servers/detail' }) > 0);
  assertWhole(t, sandbox, ['web'], await stopped(t, sandbox, command));
});

test.serial(
  'SIGTERM while the API server does not answer a write: it waits --drain-timeout, and names the object',
  async (t) => {
    const sandbox = await startSandbox(t);
    const region = await sandbox.addRegion('east');
    sandbox.addServer(region.addProject(), { id: 'web' });
    const fault = sandbox.cluster.faults.add({ method: 'PATCH' }, { kind: 'hang' });
    const command = await startProcess(t, sandbox, '--poll-period=1m', '--drain-timeout=500ms');
    await eventually('a write', () => fault.hits > 0);
    command.kill('SIGTERM');
    const { code, stderr } = await command.ended;
    t.is(code, 0, stderr);
    const errors = stderr.split('\n').filter((line) => line.includes('"level":"error"'));
    t.is(errors.length, 1, stderr);
    t.regex(
      errors[0] ?? '',
      /status write did not end before the stop.*"instance_id":"web".*"drain_timeout":"500ms"/,
    );
  },
);

test.serial(
  'SIGTERM while ten writes take two seconds each: all stand, and all are in the log',
  async (t) => {
    const sandbox = await startSandbox(t);
    const region = await sandbox.addRegion('east');
    const project = region.addProject();
    const names = Array.from({ length: 10 }, (_, index) => `web-${index}`);
    for (const id of names) sandbox.addServer(project, { id });
    const fault = sandbox.cluster.faults.add(
      { method: 'PATCH', path: /\/status/, times: Number.POSITIVE_INFINITY },
      { kind: 'delay', ms: 2_000 },
    );
    const command = await startProcess(t, sandbox, '--poll-period=1m');
    await eventually('ten writes', () => fault.hits === 10);
    command.kill('SIGTERM');
    const { code, stderr } = await command.ended;
    t.is(code, 0, stderr);
    t.false(stderr.includes('"level":"error"'), stderr);
    t.is(names.filter((name) => sandbox.server(name).phase !== '').length, 10);
    assertWhole(t, sandbox, names, stderr);
  },
);

test.serial('SIGTERM before the API server is there', async (t) => {
  const sandbox = await startSandbox(t);
  await sandbox.cluster.pause();
  const command = await startProcess(t, sandbox);
  await command.untilPrinted('"msg":"failed to list or watch, trying again"');
  command.kill('SIGTERM');
  const { code, stderr } = await command.ended;
  t.is(code, 0, stderr);
});

test.serial('SIGTERM beside a receiver of telemetry that never answers', async (t) => {
  const receiver = createServer(() => {});
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const address = receiver.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  const command = await startProcess(
    t,
    sandbox,
    '--poll-period=1m',
    `--otlp-endpoint=127.0.0.1:${port}`,
    '--trace-sampling-ratio=1',
  );
  await command.untilPrinted('"msg":"instance state transition"');
  const sent = performance.now();
  command.kill('SIGTERM');
  const { code, stderr } = await command.ended;
  t.is(code, 0, stderr);
  t.true(performance.now() - sent < stopMs);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test.serial(`a second signal, ${signal}, ends it at once`, async (t) => {
    const sandbox = await startSandbox(t);
    const region = await sandbox.addRegion('east');
    sandbox.addServer(region.addProject(), { id: 'web' });
    // A write without an answer holds the stop up for a second.
    const fault = sandbox.cluster.faults.add({ method: 'PATCH' }, { kind: 'hang' });
    const command = await startProcess(t, sandbox, '--poll-period=1m');
    await eventually('a write', () => fault.hits > 0);
    command.kill('SIGINT');
    await command.untilPrinted('"msg":"service stopping"');
    command.kill(signal);
    const { code } = await command.ended;
    t.is(code, signal === 'SIGTERM' ? 143 : 130);
  });

test.serial('a start that fails ends with exit code 1 and one line that says why', async (t) => {
  const sandbox = await startSandbox(t);
  sandbox.cluster.access.restrict([{ apiGroups: ['*'], resources: ['regions'], verbs: ['*'] }]);
  const command = await startProcess(t, sandbox, '--startup-timeout=1s');
  const { code, stderr } = await command.ended;
  t.is(code, 1);
  const [last = ''] = stderr.trim().split('\n').slice(-1);
  t.regex(last, /"level":"error".*"msg":"failed to sync caches".*list servers.*403/);
});
