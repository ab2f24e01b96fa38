import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { allFlags, flagGroups } from '../../src/main/options/flags.ts';
import { type Ended, startCommand } from '../fixtures/command.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const launcher = join(root, 'bin', 'region-monitor');

/** No Node at all on it, but the tools that the launcher uses. */
const systemPath = '/usr/bin:/bin';

async function regionMonitor(t: ExecutionContext, args: readonly string[], env = {}): Promise<Ended> {
  return startCommand(t, [launcher, ...args], { cwd: tmpdir(), env: { PATH: systemPath, ...env } }).ended;
}

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A kubeconfig whose API server takes connections and never answers. */
async function silentCluster(t: ExecutionContext): Promise<string> {
  const server = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error('not listening'));
    });
  });
  server.on('connection', (socket) => socket.on('error', () => socket.destroy()));
  t.teardown(() => server.close());
  const file = join(await temporaryFolder(t), 'kubeconfig');
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'silent', cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: 'nobody', user: {} }],
      contexts: [{ name: 'silent', context: { cluster: 'silent', user: 'nobody' } }],
      'current-context': 'silent',
    }),
  );
  return file;
}

test('--help names every flag, in groups, within 80 columns; so does the help of a command', async (t) => {
  const { code, stdout, stderr } = await regionMonitor(t, ['--help']);
  t.is(code, 0);
  t.is(stderr, '');
  for (const { name } of allFlags) t.regex(stdout, new RegExp(`^  --${name} `, 'm'));
  for (const group of flagGroups) t.regex(stdout, new RegExp(`^${group}:$`, 'm'));
  t.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  );
  t.is((await regionMonitor(t, ['run', '--help'])).stdout, stdout);
});

test('--version', async (t) => {
  const { code, stdout } = await regionMonitor(t, ['--version']);
  t.is(code, 0);
  t.regex(stdout, /^region-monitor \d+\.\d+\.\d+/);
});

const unusable: readonly (readonly [string, RegExp])[] = [
  ['--poll-period=60', /missing unit in duration "60"/],
  ['--poll-period -1s', /"-1s" for --poll-period: must be at least 100ms/],
  ['--workers 0', /for --workers: must be a whole number from 1 to 64/],
  ['--check-timeout=2m', /--check-timeout \(2m0s\) must be less than --poll-period \(1m0s\): lower/],
  ['--bogus', /unknown option '--bogus'/],
  ['--namespaces=x', /unknown option '--namespaces=x'/],
  ['--namespace', /option '--namespace <name>' argument missing/],
  ['watch', /unknown command "watch": choose run, check, doctor, completion or sandbox/],
  ['run --reconcile-every=0', /--reconcile-every: must be a whole number/],
];

for (const [line, message] of unusable)
  test(`${line}: exit code 2 and one line that says what to change`, async (t) => {
    const { code, stdout, stderr } = await regionMonitor(t, line.split(' '));
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, /^region-monitor: .+ \(see region-monitor --help\)\n$/);
    t.regex(stderr, message);
  });

test('a start that fails: exit code 1 and one log line with the reason', async (t) => {
  const { code, stdout, stderr } = await regionMonitor(t, ['--kubeconfig=/no/such/file']);
  t.is(code, 1);
  t.is(stdout, '');
  const errors = stderr.split('\n').filter((line) => line.includes('"level":"error"'));
  t.is(errors.length, 1, stderr);
  t.regex(errors.join(''), /"error":"no kubeconfig at \/no\/such\/file/);
  t.notRegex(stderr, /stacktrace|\n\s+at /);
});

test('a check that cannot begin: exit code 1 and one line for whoever waits, not an entry of a log', async (t) => {
  const { code, stdout, stderr } = await regionMonitor(t, ['check', '--kubeconfig=/no/such/file']);
  t.is(code, 1);
  t.is(stdout, '');
  t.is(
    stderr,
    'region-monitor: failed to create client: no kubeconfig at /no/such/file: ' +
      'give --kubeconfig, set KUBECONFIG, or run inside a cluster\n',
  );
});

test('a variable is as good as a flag', async (t) => {
  const { code, stderr } = await regionMonitor(t, [], { REGION_MONITOR_WORKERS: 'many' });
  t.is(code, 2);
  t.regex(stderr, /^region-monitor: invalid argument "many" for REGION_MONITOR_WORKERS: /);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`${signal} reaches the monitor and ends it cleanly, even while it starts`, async (t) => {
    const kubeconfig = await silentCluster(t);
    const monitor = startCommand(t, [launcher, '--kubeconfig', kubeconfig, '--workers=1'], {
      env: { PATH: systemPath },
    });
    await monitor.untilPrinted('service starting');
    monitor.kill(signal);
    const { code, stderr } = await monitor.ended;
    t.is(code, 0, stderr);
    t.regex(stderr, new RegExp(`received ${signal}`));
  });

test('a second signal ends a stop that takes too long, at once', async (t) => {
  const fixture = join(root, 'test', 'fixtures', 'monitor', 'stops-slowly.ts');
  const command = startCommand(t, [process.execPath, fixture]);
  await command.untilPrinted('started');
  command.kill('SIGTERM');
  await command.untilPrinted('stopping: AbortError: received SIGTERM');
  command.kill('SIGINT');
  t.is((await command.ended).code, 130);
});

// An installed package has dist/ and no src/; this one says how it was started.
async function installedPackage(folder: string): Promise<string> {
  await mkdir(join(folder, 'dist', 'cli'), { recursive: true });
  await cp(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(
    join(folder, 'dist', 'cli', 'cli.js'),
    'console.log(JSON.stringify([process.pid, process.argv0, ...process.argv.slice(2)]));',
  );
  return join(folder, 'bin', 'region-monitor');
}

/** Something that calls itself node. */
async function fakeNode(folder: string, script: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'node'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'node'), 0o755);
  return folder;
}

test('the launcher finds the Node that npm put into a folder further up, through symbolic links', async (t) => {
  const project = await temporaryFolder(t);
  const installed = await installedPackage(join(project, 'node_modules', 'region-monitor'));
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const nodeFolder = join(project, 'node_modules', `node-linux-${arch}`, 'bin');
  await mkdir(nodeFolder, { recursive: true });
  await symlink(process.execPath, join(nodeFolder, 'node'));
  const binFolder = join(project, 'node_modules', '.bin');
  await mkdir(binFolder);
  await symlink('../region-monitor/bin/region-monitor', join(binFolder, 'region-monitor'));
  await symlink(join(binFolder, 'region-monitor'), join(project, 'monitor'));
  const old = await fakeNode(join(project, 'old'), 'echo v20.20.2');

  for (const link of [installed, join(binFolder, 'region-monitor'), join(project, 'monitor')]) {
    const command = startCommand(t, [link, '--a=1', 'b c', ''], {
      cwd: '/',
      env: { PATH: `${old}:${systemPath}` },
    });
    const { code, stdout, stderr } = await command.ended;
    t.is(code, 0, stderr);
    // The process id is the launcher's: whoever signals the one signals the other.
    t.deepEqual(JSON.parse(stdout), [command.pid, join(nodeFolder, 'node'), '--a=1', 'b c', '']);
  }
});

test("without it the launcher takes the system's Node, if that is new enough", async (t) => {
  const folder = await temporaryFolder(t);
  const installed = await installedPackage(join(folder, 'region-monitor'));
  const recent = join(folder, 'recent');
  await mkdir(recent);
  await symlink(process.execPath, join(recent, 'node'));
  const taken = await startCommand(t, [installed, 'x'], { env: { PATH: `${recent}:${systemPath}` } }).ended;
  t.is(taken.code, 0, taken.stderr);
  t.regex(taken.stdout, /"x"\]/);

  const old = await fakeNode(join(folder, 'old'), 'echo v22.11.0');
  const odd = await fakeNode(join(folder, 'odd'), 'echo what');
  for (const path of [old, odd]) {
    const { code, stdout, stderr } = await startCommand(t, [installed], {
      env: { PATH: `${path}:${systemPath}` },
    }).ended;
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, /^region-monitor: needs Node 24 or newer: .*npm ci.*\n$/);
  }
});

test('the launcher says so when there is nothing to run', async (t) => {
  const folder = await temporaryFolder(t);
  const installed = await installedPackage(folder);
  await rm(join(folder, 'dist'), { recursive: true });
  const recent = join(folder, 'recent');
  await mkdir(recent);
  await symlink(process.execPath, join(recent, 'node'));
  const { code, stderr } = await startCommand(t, [installed], { env: { PATH: `${recent}:${systemPath}` } })
    .ended;
  t.is(code, 1);
  t.regex(stderr, /^region-monitor: .+ holds neither src\/ nor dist\/.*\n$/);
});
