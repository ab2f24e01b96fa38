// Runs of real programs. Those of a whole credential plugin are in credential-plugin.test.ts.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runPlugin } from '../../../../src/main/kubernetes/access/plugin-process.ts';
import { eventually } from '../../../fixtures/eventually.ts';

/** Runs a script of sh; it has plenty of time. */
async function run(script: string, { signal = new AbortController().signal, timeoutMs = 60_000 } = {}) {
  const shell = { command: 'sh', args: ['-c', script], env: process.env };
  return runPlugin(shell, { timeoutMs, signal });
}

async function program(t: ExecutionContext, text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'plugin-process-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'plugin'), text);
  await chmod(join(dir, 'plugin'), 0o755);
  return join(dir, 'plugin');
}

test('a run gives what was written to both outputs, to the last word', async (t) => {
  t.deepEqual(await run('echo one; echo two >&2; echo three'), {
    kind: 'done',
    stdout: 'one\nthree\n',
    stderr: 'two\n',
  });
  t.deepEqual(await run('echo why >&2; exit 3'), {
    kind: 'failed',
    detail: 'it failed with exit code 3',
    stderr: 'why\n',
  });
});

test('a program gets its arguments as they are, and its environment and no other', async (t) => {
  const answer = await runPlugin(
    { command: '/bin/sh', args: ['-c', 'echo "$1|$ONE|$HOME"', 'sh', 'a b $c'], env: { ONE: '1' } },
    { timeoutMs: 60_000, signal: new AbortController().signal },
  );
  t.like(answer, { kind: 'done', stdout: 'a b $c|1|\n' });
});

test('a mebibyte of output is taken, and not one byte more', async (t) => {
  const most = await run('head -c 1048576 /dev/zero');
  t.is(most.kind === 'done' ? most.stdout.length : most.kind, 1_048_576);
  t.like(await run('head -c 1048577 /dev/zero; sleep 1000'), {
    kind: 'failed',
    detail: 'it printed more than 1048576 bytes',
  });
});

test('of a long error output the end is kept', async (t) => {
  const many = await run('i=0; while [ $i -lt 40000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1');
  const { stderr } = { stderr: '', ...many };
  t.is(stderr.length, 65_536);
  t.true(stderr.endsWith('\nline 39998\nline 39999\n'));
});

test('a program that does not end in time has failed, and what it wrote until then is kept', async (t) => {
  const late = await run('echo waiting for a browser >&2; exec sleep 1000', { timeoutMs: 4_500 });
  t.deepEqual(late, {
    kind: 'failed',
    detail: 'it did not end within 4.5 s, and was killed',
    stderr: 'waiting for a browser\n',
  });
});

/** Says what was printed beside a process with a session of its own, which outlives the run, but not the test. */
async function runWithDaemon(t: ExecutionContext): Promise<string> {
  const { stdout } = { stdout: '', ...(await run('setsid sleep 60 & echo $!; echo credential')) };
  const [pid = '', said = ''] = stdout.split('\n');
  t.teardown(() => process.kill(Number(pid)));
  return said;
}

test('what left the group, and holds the output open, does not hold up the run', async (t) => {
  t.is(await runWithDaemon(t), 'credential');
});

test('a run that is given up rejects with the reason, and one that was given up before does not begin', async (t) => {
  const stop = new AbortController();
  const running = run('sleep 1000', { signal: stop.signal });
  stop.abort(new Error('the monitor ends'));
  await t.throwsAsync(running, { message: 'the monitor ends' });
  await t.throwsAsync(
    runPlugin(
      { command: '/no/such/program', args: [], env: {} },
      { timeoutMs: 60_000, signal: AbortSignal.abort(new Error('ended before')) },
    ),
    { message: 'ended before' },
  );
});

/** Listeners and pipes of this process. */
function left(): readonly number[] {
  return [
    process.listenerCount('exit'),
    process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length,
  ];
}

// By itself: the other runs have listeners.
test.serial(
  'a run leaves neither a listener nor a pipe behind, though a daemon holds its output open',
  async (t) => {
    const before = left();
    await run('exit 0');
    await run('exit 1');
    await runWithDaemon(t);
    await eventually('the end of the pipes', () => left().join() === before.join(), { timeoutMs: 20_000 });
    t.pass();
  },
);

for (const [what, command, detail] of [
  ['a name that is not in PATH', 'no-such-program', 'it is not in PATH (ENOENT)'],
  ['a path that does not exist', '/no/such/program', 'it does not exist (ENOENT)'],
  ['a folder', tmpdir(), 'it is not executable (EACCES)'],
] as const)
  test(`a program that cannot be started says why: ${what}`, async (t) => {
    const signal = new AbortController().signal;
    t.deepEqual(await runPlugin({ command, args: [], env: process.env }, { timeoutMs: 60_000, signal }), {
      kind: 'not-started',
      detail,
    });
  });

test('a program whose interpreter is missing says so', async (t) => {
  const command = await program(t, '#!/no/such/interpreter\n');
  const signal = new AbortController().signal;
  t.deepEqual(await runPlugin({ command, args: [], env: process.env }, { timeoutMs: 60_000, signal }), {
    kind: 'not-started',
    detail: 'the interpreter in its first line does not exist (ENOENT)',
  });
});
