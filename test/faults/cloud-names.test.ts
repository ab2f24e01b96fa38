// Name servers that do not answer, as the system's own resolver meets them: it waits, and while it waits it holds one of the
// few threads that a process has for that. Needs root, to give a process another resolv.conf; skipped, saying so, elsewhere.

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { NameServer } from '../fixtures/clouds/name-server.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { startCommand } from '../fixtures/command.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { refuseSecrets } from '../fixtures/monitor/monitor.ts';

test.afterEach(assertDocumented);

const unresolved = 'failed to resolve region, skipping';
/** Many more than Node looks up at once by itself. */
const lost = Array.from({ length: 40 }, (_, index) => `lost-${index}`);

/** Whether a process can be given another name server here. */
const mayChangeNames = spawnSync('unshare', ['--mount', 'true']).status === 0;

(mayChangeNames ? test : test.skip)(
  'name servers do not answer for the names of forty regions: other names are resolved as usual',
  async (t) => {
    t.timeout(120_000);
    const names = await NameServer.start(t);
    const sandbox = await startSandbox(t);
    const named = async (id: string, zone: string) => {
      const region = await sandbox.addRegion(id);
      const server = sandbox.addServer(region.addProject(), { id: `in-${id}` });
      const url = new URL(region.cloud.endpoint);
      url.hostname = `${id}.${zone}.test`;
      sandbox.cluster.patch('regions', namespace, id, { spec: { openstack: { endpoint: url.href } } });
      return { region, server };
    };
    const { region, server } = await named('good', 'here');
    for (const id of lost) await named(id, 'silent');

    const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
    t.teardown(async () => rm(folder, { recursive: true, force: true }));
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
    const program = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));
    const flags = ['--workers=2', '--poll-period=4s'];
    const monitor = startCommand(
      t,
      names.commandFor(program, 'run', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, ...flags),
    );
    await eventually('lines about all that are lost', () =>
      lost.every((id) => monitor.printed.includes(`"region":"${id}"`)),
    );
    for (const phase of ['Stopped', 'Running', 'Stopped'] as const) {
      // A login by name is needed, and a connection for it.
      region.cloud.revokeTokens();
      await region.cloud.pause();
      await region.cloud.resume();
      if (phase === 'Running') region.cloud.start(server.providerId);
      else region.cloud.stop(server.providerId);
      await sandbox.untilPhase(server.id, phase);
    }
    t.true((names.asked.get('good.here.test') ?? 0) >= 3);
    const lines = monitor.printed.split('\n').filter((line) => line.includes(unresolved));
    for (const line of lines) t.regex(line, /"region":"lost-\d+"/);
    refuseSecrets('the log', monitor.printed, sandbox.secrets());
  },
);
