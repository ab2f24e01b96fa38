// What the program prints, to readers of other programs: slow ones, and those that leave.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { type Ended, startCommand } from '../fixtures/command.ts';

const program = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));
const servers = 150;

/** What is left of a report of some 170 kB behind a reader, and the exit codes of both. */
async function pipedInto(t: ExecutionContext, reader: string): Promise<Ended> {
  const sandbox = await startSandbox(t);
  const project = (await sandbox.addRegion('east')).addProject();
  for (let index = 0; index < servers; index++) sandbox.addServer(project, { id: `web-${index}` });
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
  const check = `'${program}' check --dry-run --output=json --namespace=${namespace} --kubeconfig='${kubeconfig}'`;
  return startCommand(t, ['bash', '-c', `${check} | ${reader}; echo "\${PIPESTATUS[*]}" >&2`]).ended;
}

test('a reader that takes its time gets all of it', async (t) => {
  t.timeout(60_000);
  const { stdout, stderr } = await pipedInto(t, '(sleep 1; cat)');
  t.is(stderr, '0 0\n');
  t.is(stdout.match(/"name": "web-/g)?.length, servers);
});

for (const [what, reader] of [
  ['leaves in the middle', 'head -c 10'],
  ['leaves at once', 'true'],
] as const)
  test(`a reader that ${what} is no failure`, async (t) => {
    t.timeout(60_000);
    const { stderr } = await pipedInto(t, reader);
    t.is(stderr, '0 0\n');
  });
