// `region-monitor sandbox --replicas`: real processes, one of which is killed.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type RunningCommand, startCommand } from '../fixtures/command.ts';
import { eventually } from '../fixtures/eventually.ts';

const launcher = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));

interface Row {
  readonly name: string;
  readonly pid: number;
  readonly page: string;
  readonly regions: string;
}

/** What was printed last of each replica that runs, once each of them works on something. */
async function shared(sandbox: RunningCommand, replicas: number): Promise<readonly Row[]> {
  const look = () => {
    const rows = new Map<string, Row>();
    for (const line of sandbox.printed.split('\n')) {
      const [, name = '', pid = '', page = '', regions = ''] =
        /(replica-\d) +pid (\d+) +(\S+\/) {2}(.+)$/.exec(line) ?? [];
      if (name !== '') rows.set(name, { name, pid: Number(pid), page, regions });
      const [, gone = ''] = /(replica-\d) +ended: /.exec(line) ?? [];
      rows.delete(gone);
    }
    const found = [...rows.values()];
    const held = found.flatMap(({ regions }) => (regions === 'waits' ? [] : regions.split(', ')));
    return found.length === replicas && held.length === 3 && !found.some(({ regions }) => regions === 'waits')
      ? found
      : false;
  };
  // Four processes start, on a machine that may have other things to do.
  return eventually(`${replicas} replicas at work`, look, { timeoutMs: 100_000 });
}

function runs(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

function start(t: ExecutionContext, ...flags: string[]): RunningCommand {
  t.timeout(180_000);
  const args = ['sandbox', '--replicas=3', '--workers=1', '--checkers=server-health', ...flags] as const;
  return startCommand(t, [launcher, ...args], { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
}

test.serial('three replicas divide the regions; one is killed, and its regions move', async (t) => {
  const sandbox = start(t, '--lease-duration=4s');
  const before = await shared(sandbox, 3);
  t.regex(sandbox.printed, /with 3 replicas and 3 shards/);
  const [killed] = before;
  process.kill(killed?.pid ?? 0, 'SIGKILL');
  await sandbox.untilPrinted('ended: SIGKILL');
  const after = await shared(sandbox, 2);
  t.false(after.some(({ name }) => name === killed?.name));
  t.true(after.some(({ regions }) => regions.split(', ').includes(killed?.regions ?? '?')));
  t.regex(await (await fetch(after[0]?.page ?? '')).text(), /<title>Region monitor<\/title>/);
  await sandbox.untilPrinted(' → ');
  sandbox.kill('SIGINT');
  const { code, stdout, stderr } = await sandbox.ended;
  t.is(stderr, '');
  t.is(code, 0);
  t.regex(stdout, /\n\nstopped\.\n$/);
  t.deepEqual(
    before.filter(({ pid }) => runs(pid)),
    [],
  );
});

test.serial('its replicas end with it, even when it is killed', async (t) => {
  const sandbox = start(t);
  const replicas = await shared(sandbox, 3);
  sandbox.kill('SIGKILL');
  await eventually('the end of all replicas', () => !replicas.some(({ pid }) => runs(pid)));
  t.pass();
});

test.serial('it ends when all its replicas have ended', async (t) => {
  const sandbox = start(t);
  for (const { pid } of await shared(sandbox, 3)) process.kill(pid, 'SIGKILL');
  const { code, stderr } = await sandbox.ended;
  t.is(code, 1);
  t.regex(stderr, /all of its replicas have ended/);
});

test.serial('what does not go with several replicas is refused', async (t) => {
  const { code, stderr } = await start(t, '--shadow').ended;
  t.is(code, 1);
  t.is(
    stderr,
    'region-monitor: --replicas: --shadow does not go with several replicas: leave one of them out\n',
  );
});

test.serial('for programs, each line is JSON and names its replica', async (t) => {
  const sandbox = start(t, '--zap-encoder=json');
  await sandbox.untilPrinted('"msg":"shard taken"');
  await sandbox.untilPrinted('"msg":"replica of the sandbox"');
  sandbox.kill('SIGTERM');
  const { code, stdout, stderr } = await sandbox.ended;
  t.is(code, 0);
  t.is(stdout, '');
  const lines = stderr.trim().split('\n');
  t.true(lines.every((line) => /"replica":"replica-[123]"/.test(line) && JSON.parse(line) !== null));
});
