// node build/build.ts [FOLDER]: builds, in dist/ unless told where, the library and the command line as plain modules with
// their types, the bundle that the container runs (bundle/), and a bill of materials.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { readVersion } from '../src/main/version.ts';
import { lazyBuiltins } from './builtins.ts';
import { notices } from './notices.ts';
import { slimUndici, undiciDefines } from './undici.ts';
import { withoutSandbox } from './without-sandbox.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));
const bundle = join(dist, 'bundle');

rmSync(dist, { recursive: true, force: true });
compile();
await makeBundle();
const version = JSON.stringify({ version: readVersion().version, revision: revision() });
for (const folder of [dist, bundle]) {
  writeFileSync(join(folder, 'version.json'), version);
  copyPage(folder);
}
writeBillOfMaterials();
process.stdout.write(`${relative(root, bundle)}: ${Math.round(sizeOf(bundle) / 1024)} KiB\n`);

function compile(): void {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', 'tsconfig.build.json', '--outDir', dist];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1); // it has said why
}

/**
 * Everything that runs, without node_modules. The folders main/ and workers/ stay side by side, as worker-modules.ts
 * wants; shared parts lie in main/chunks/, as deep as the rooms of main/, and piscina's worker.js beside them, where it looks.
 */
async function makeBundle(): Promise<void> {
  const { metafile } = await build({
    metafile: true,
    absWorkingDir: root,
    entryPoints: {
      'cli/cli': 'src/cli/cli.ts',
      'main/chunks/worker': 'node_modules/piscina/dist/worker.js',
      'workers/entry': 'src/workers/entry.ts',
      ...workerChecks(),
    },
    outdir: bundle,
    chunkNames: 'main/chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minifySyntax: true,
    legalComments: 'none', // they are in the notices
    // What CommonJS packages take for granted.
    banner: {
      js: [
        "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);",
        'const __filename = import.meta.filename;',
        'const __dirname = import.meta.dirname;',
      ].join('\n'),
    },
    // Native code that piscina does without: it only sets the priority of threads.
    external: ['@napi-rs/nice'],
    define: undiciDefines,
    plugins: [lazyBuiltins, slimUndici(root), withoutSandbox(root)],
    logLevel: 'warning',
  });
  writeFileSync(join(bundle, 'package.json'), '{"type":"module"}\n');
  writeFileSync(join(bundle, 'NOTICES.txt'), notices(root, Object.keys(metafile.inputs)));
}

/** The worker half of each check: workers/<check>/check.ts. */
function workerChecks(): Record<string, string> {
  const folder = 'src/workers';
  const modules = readdirSync(join(root, folder)).map((name) => `${name}/check`);
  return Object.fromEntries(
    modules
      .filter((module) => existsSync(join(root, folder, `${module}.ts`)))
      .map((module) => [`workers/${module}`, `${folder}/${module}.ts`]),
  );
}

/** What browsers are served is served as it is written. */
function copyPage(folder: string): void {
  const page = join(root, 'src/page');
  for (const name of readdirSync(page))
    if (name !== 'tsconfig.json') cpSync(join(page, name), join(folder, 'page', name));
}

/** The commit: as given where the repository is not at hand, or else its head. */
function revision(): string {
  const given = process.env['REVISION'] ?? '';
  if (given !== '' || !existsSync(join(root, '.git'))) return given;
  return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
}

/** From the lockfile, so that it is the same on every machine. */
function writeBillOfMaterials(): void {
  const kind = ['--sbom-format=cyclonedx', '--sbom-type=application'];
  const args = ['sbom', '--package-lock-only', '--omit=dev', '--loglevel=error', ...kind];
  const sbom = execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  writeFileSync(join(dist, 'sbom.json'), sbom);
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}
