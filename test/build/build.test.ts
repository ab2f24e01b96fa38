// What the build makes is what the container runs: built here into a folder of its own, laid out as the Dockerfile says,
// and started from an empty folder, without rights and without anything else.

import { execFile, spawnSync } from 'node:child_process';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { readStatusPage } from '../../src/main/web/status-page.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { startCommand } from '../fixtures/command.ts';
import { eventually } from '../fixtures/eventually.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** As root, a file system can be made read-only for one process, and the process be one without rights. */
function confined(command: readonly string[]): [string, ...string[]] {
  const enter =
    'mount -o remount,bind,ro / && exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs "$@"';
  return ['unshare', '--mount', 'sh', '-c', enter, 'sh', ...command];
}

function canConfine(): boolean {
  const [program, ...args] = confined(['true']);
  return spawnSync(program, args).status === 0;
}

interface Copy {
  readonly stage: string | undefined;
  readonly sources: readonly string[];
  readonly destination: string;
}

interface Stage {
  readonly copies: readonly Copy[];
  readonly workdir: string;
  readonly user: string | undefined;
  readonly entrypoint: string | undefined;
}

async function dockerfile(): Promise<readonly Stage[]> {
  const text = await readFile(join(root, 'Dockerfile'), 'utf8');
  return text
    .split(/^(?=FROM )/m)
    .slice(1)
    .map(stage);
}

function stage(text: string): Stage {
  const argument = (instruction: string): string | undefined =>
    new RegExp(`^${instruction} (.+)$`, 'm').exec(text)?.[1];
  const copies = [...text.matchAll(/^COPY (?:--from=(?<stage>\S+) )?(?<paths>.+)$/gm)].map(
    ({ groups = {} }) => {
      const paths = (groups['paths'] ?? '').split(' ');
      return { stage: groups['stage'], sources: paths.slice(0, -1), destination: paths.at(-1) ?? '' };
    },
  );
  return {
    copies,
    workdir: argument('WORKDIR') ?? '/',
    user: argument('USER'),
    entrypoint: argument('ENTRYPOINT'),
  };
}

/** One build for all tests of this file, in `built`/dist, as the container's first stage has it in /build/dist. */
let built = '';
test.before(async () => {
  built = await mkdtemp(join(tmpdir(), 'region-monitor-build-'));
  await chmod(built, 0o755);
  await run(process.execPath, [join(root, 'build', 'build.ts'), join(built, 'dist')], { cwd: root });
  for (const name of ['package.json', 'LICENSE']) await copyFile(join(root, name), join(built, name));
  await symlink(join(root, 'node_modules'), join(built, 'node_modules'));
});
test.after.always(async () => rm(built, { recursive: true, force: true }));

/** The file system of the container as far as the Dockerfile makes it, and a Node. */
async function containerRoot(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-root-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'nodejs', 'bin'), { recursive: true });
  await copyFile(process.execPath, join(folder, 'nodejs', 'bin', 'node'));
  await mkdir(join(folder, 'empty'));
  const final = (await dockerfile()).at(-1);
  for (const { stage: from, sources, destination } of final?.copies ?? []) {
    t.is(from, 'build', 'the last stage takes nothing but what was built');
    for (const source of sources) {
      const path = join(built, source.replace(/^\/build\//, ''));
      const into = join(folder, resolve(final?.workdir ?? '/', destination));
      const isFile = source.includes('.') || basename(source) === 'LICENSE';
      await cp(path, isFile ? join(into, basename(source)) : into, { recursive: true });
    }
  }
  return folder;
}

async function entrypoint(folder: string): Promise<[string, ...string[]]> {
  const text = (await dockerfile()).at(-1)?.entrypoint ?? '[]';
  const words: unknown = JSON.parse(text);
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) throw new Error(text);
  const [program = '', ...args] = words.map((word) => (word.startsWith('/') ? join(folder, word) : word));
  return [program, ...args];
}

test('the Dockerfile copies what is there, and .dockerignore lets it through', async (t) => {
  const [first, final] = await dockerfile();
  const ignore = (await readFile(join(root, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '');
  t.is(ignore[0], '*');
  const admitted = new Set(ignore.slice(1).map((line) => line.replace(/^!/, '')));
  const inRepository = new Set(await readdir(root));
  for (const source of first?.copies.flatMap(({ sources }) => sources) ?? []) {
    t.true(inRepository.has(source), `${source} is in the repository`);
    t.true(admitted.has(source), `${source} is admitted by .dockerignore`);
  }
  // A number: with runAsNonRoot, Kubernetes does not believe a name.
  t.is(final?.user, '65532:65532');
});

test('every base image of the Dockerfile can be given, by digest for one', async (t) => {
  const text = await readFile(join(root, 'Dockerfile'), 'utf8');
  const bases = [...text.matchAll(/^FROM (\S+)/gm)].map(([, base = '']) => base);
  t.is(bases.length, 2);
  const [head = ''] = text.split(/^FROM /m);
  for (const base of bases)
    t.regex(head, new RegExp(`^ARG ${base.replace(/^\$\{(\w+)\}$/, '$1')}=\\S+$`, 'm'));
});

test('the bundle starts as the Dockerfile says, and checks a region in its workers', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  region.addProject({ organization: 'acme' }).addServer({ name: 'web', id: 'web' });
  const folder = await containerRoot(t);
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
  const command: [string, ...string[]] = [
    ...(await entrypoint(folder)),
    `--kubeconfig=${kubeconfig}`,
    `--namespace=${namespace}`,
    '--listen=127.0.0.1:0',
    '--poll-period=5s',
  ];
  const able = canConfine();
  const startMs = performance.now();
  if (!able) t.log('skipped: a read-only file system and another user, which only root can set up');
  const monitor = startCommand(t, able ? confined(command) : command, {
    cwd: join(folder, 'empty'),
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  await monitor.untilPrinted('"msg":"watching"');
  t.log(`watches after ${Math.round(performance.now() - startMs)} ms`);
  const port = /"msg":"listening".*?"port":(\d+)/.exec(monitor.printed)?.[1];
  for (const { path, body } of readStatusPage())
    t.is(await (await fetch(`http://127.0.0.1:${port}${path}`)).text(), body, path);
  await sandbox.untilPhase('web', 'Running');
  monitor.kill('SIGTERM');
  const { code, stderr } = await monitor.ended;
  t.is(code, 0, stderr);
  t.notRegex(stderr, /"level":"error"/);
});

test('the bundle holds no sandbox, and says what to do instead', async (t) => {
  const folder = await containerRoot(t);
  const app = join(folder, 'app');
  const files = (await readdir(app, { recursive: true })).filter((name) => name.endsWith('.js'));
  const bundled = await Promise.all(files.map(async (name) => readFile(join(app, name), 'utf8')));
  // The bundler names the source of each part.
  const sources = new Set(bundled.flatMap((text) => text.match(/^\/\/ (?:src|build)\/.+$/gm) ?? []));
  t.true(sources.has('// src/main/run.ts'));
  t.deepEqual(
    [...sources].filter((source) => /sandbox/.test(source)),
    ['// build/image-sandbox-command.ts'],
  );

  const program = await entrypoint(folder);
  const { code, stdout, stderr } = await startCommand(t, [...program, 'sandbox']).ended;
  t.is(code, 1);
  t.is(stdout, '');
  t.is(stderr, 'region-monitor: the sandbox is not in this image: run "npm ci && npm start" in a checkout\n');
  const help = await startCommand(t, [...program, '--help']).ended;
  t.regex(help.stdout, /^ {2}sandbox +not in this image/m);
});

test('the bundle knows its version, and carries the licences and a bill of materials', async (t) => {
  const folder = await containerRoot(t);
  const { stdout } = await startCommand(t, [...(await entrypoint(folder)), '--version']).ended;
  const version = /^region-monitor (\d+\.\d+\.\d+)(?: \([0-9a-f]{12}\))?\n$/.exec(stdout)?.[1];
  t.truthy(version, stdout);
  const notices = await readFile(join(folder, 'app', 'NOTICES.txt'), 'utf8');
  for (const name of ['piscina', 'undici', '@kubernetes/client-node', 'js-yaml'])
    t.true(notices.includes(`\n${name}\n\n`) || notices.startsWith(`${name}\n\n`), name);
  t.true((await readFile(join(folder, 'app', 'LICENSE'), 'utf8')).includes('Apache License'));
  const bom: unknown = JSON.parse(await readFile(join(folder, 'app', 'sbom.json'), 'utf8'));
  t.like(bom, {
    bomFormat: 'CycloneDX',
    metadata: { component: { type: 'application', 'bom-ref': `region-monitor@${version}` } },
  });
});

const packageSchema = v.object({
  exports: v.object({ '.': v.object({ types: v.string(), default: v.string() }) }),
});

test('the compiled library offers what the package promises, with types', async (t) => {
  const text = await readFile(join(built, 'package.json'), 'utf8');
  const entry = v.parse(packageSchema, JSON.parse(text)).exports['.'];
  const library: unknown = await import(pathToFileURL(join(built, entry.default)).href);
  for (const name of ['addFlags', 'readOptions', 'run']) t.true(name in Object(library), name);
  const types = await readFile(join(built, entry.types), 'utf8');
  for (const name of ['Checker', 'Options', 'run', 'addFlags']) t.regex(types, new RegExp(`\\b${name}\\b`));
});

test('the example compiles against the library, and its checker runs beside the monitor', async (t) => {
  // As a package that depends on this one: what `region-monitor` means comes from package.json, not from our sources.
  const folder = join(built, 'examples');
  await cp(join(root, 'examples'), folder, { recursive: true });
  const { compilerOptions } = v.parse(
    v.object({ compilerOptions: v.looseObject({}) }),
    JSON.parse(await readFile(join(root, 'tsconfig.json'), 'utf8')),
  );
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, paths: {} }, include: ['*.ts'] }),
  );
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const compiled = await startCommand(t, [process.execPath, compiler, '-p', folder]).ended;
  t.is(compiled.code, 0, compiled.stdout);

  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
  const monitor = startCommand(t, [
    process.execPath,
    join(folder, 'monitor.ts'),
    `--kubeconfig=${kubeconfig}`,
    `--namespace=${namespace}`,
    '--listen=127.0.0.1:0',
    '--poll-period=1s',
    '--workers=1',
  ]);
  await monitor.untilPrinted('"msg":"watching"');
  await sandbox.untilPhase('web', 'Running');
  const port = /"msg":"listening".*?"port":(\d+)/.exec(monitor.printed)?.[1];
  await eventually('the series of the example', async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return /^example_region_api_seconds\{region_id="east"\} \d/m.test(metrics);
  });
  await region.cloud.pause();
  await monitor.untilPrinted('"msg":"region API does not answer"');
  await region.cloud.resume();
  await monitor.untilPrinted('"msg":"region API answers again"');
  monitor.kill('SIGTERM');
  const { code, stderr } = await monitor.ended;
  t.is(code, 0, stderr);
});
