// Credential plugins that misbehave, beneath a whole monitor.

import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { TokenGate } from '../fixtures/kubernetes/token-gate.ts';
import { outageBegins, untilOutagesEnded } from '../fixtures/kubernetes/watched-cluster.ts';
import { startMonitor } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

/** A monitor that runs a plugin: `script` is what the plugin does before it gives the token of its file. */
async function startWithPlugin(t: ExecutionContext, script: string) {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const { providerId } = sandbox.addServer(region.addProject(), { id: 'web' });
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const command = join(folder, 'plugin');
  const expiry = '"expirationTimestamp":"2099-01-01T00:00:00Z"';
  await writeFile(
    command,
    `#!/bin/sh
cd "${folder}"
echo $$ >> runs
${script}
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'"$(cat token)"'",${expiry}}}'
`,
  );
  await chmod(command, 0o755);
  const put = async (file: string, content: string) => writeFile(join(folder, file), content);
  const first = sandbox.newPassword();
  await put('token', first);
  const gate = await TokenGate.start(t, sandbox.cluster.url, first);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' };
  const monitor = await startMonitor(t, {
    kubeconfig: JSON.stringify({
      'current-context': 'gate',
      clusters: [{ name: 'gate', cluster: { server: `http://127.0.0.1:${gate.port}` } }],
      users: [{ name: 'monitor', user: { exec } }],
      contexts: [{ name: 'gate', context: { cluster: 'gate', user: 'monitor' } }],
    }),
    flags: [`--namespace=${namespace}`],
    secrets: () => sandbox.secrets(),
  });
  await sandbox.untilPhase('web', 'Running');
  const pids = async () => {
    const text = await readFile(join(folder, 'runs'), 'utf8');
    return text.trim().split('\n').map(Number);
  };
  return { sandbox, region, providerId, folder, put, gate, monitor, pids };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a plugin’s token is refused long before it expires; the next time the plugin fails, too', async (t) => {
  t.timeout(180_000);
  const started = await startWithPlugin(t, 'test -e down && { echo "please log in again" >&2; exit 1; }');
  const { sandbox, region, providerId, folder, put, gate, monitor, pids } = started;
  const second = sandbox.newPassword();
  await put('token', second);
  gate.rotate(second);
  region.cloud.stop(providerId);
  await sandbox.untilPhase('web', 'Stopped');
  await untilOutagesEnded(monitor);
  t.is((await pids()).length, 2);
  t.deepEqual(
    monitor.lines.filter(({ error }) => error.includes('401')),
    [],
  );

  const third = sandbox.newPassword();
  await put('token', third);
  await put('down', '');
  gate.rotate(third);
  const { error } = await eventually('a failure', () =>
    monitor.logged(outageBegins).find((line) => line.error.includes('credential plugin')),
  );
  t.regex(
    error,
    /plugin of user "monitor" failed: it failed with exit code 1: please log in again: does kubectl/,
  );
  region.cloud.start(providerId);
  await monitor.untilPolled(2);
  t.is(sandbox.server('web').phase, 'Stopped');
  t.true((await pids()).length < 12, 'not for each request');
  await rm(join(folder, 'down'));
  await sandbox.untilPhase('web', 'Running');
  await untilOutagesEnded(monitor);
  const phases = monitor.logged('instance phase transition').map(({ fields }) => fields['to_phase']);
  t.deepEqual(phases, ['Running', 'Stopped', 'Running']);
});

test('a plugin hangs: one process at a time, and none when the monitor has ended', async (t) => {
  t.timeout(180_000);
  const { sandbox, put, gate, monitor, pids } = await startWithPlugin(t, 'test -e hang && sleep 1000');
  await put('hang', '');
  gate.rotate(sandbox.newPassword());
  await monitor.untilPolled(3);
  await eventually('requests that wait', async () => (await pids()).length === 2);
  const [, hanging = 0] = await pids();
  t.true(isAlive(hanging));
  t.is((await pids()).filter((pid) => isAlive(pid)).length, 1);
  t.is((await monitor.get('/healthz')).status, 200);
  await monitor.stop();
  await eventually('the end of the plugin', () => !isAlive(hanging));
});
