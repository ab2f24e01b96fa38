// npm run soak: runs a soak, and prints what it brought and what was wrong.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allFaults } from './faults.ts';
import { help, readOptions, type SoakOptions } from './options.ts';
import { replicaFaults } from './replica-faults.ts';
import { soakReplicas } from './replica-soak.ts';
import { soak } from './run.ts';

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function keepLog(log: string, file: string | null): Promise<string> {
  const kept = file ?? join(await mkdtemp(join(tmpdir(), 'region-monitor-soak-')), 'log.jsonl');
  await writeFile(kept, log);
  return kept;
}

interface Outcome {
  readonly text: string;
  readonly log: string;
  /** Each in some lines; none when all was well. */
  readonly broken: readonly string[];
}

async function outcomeOf(options: SoakOptions, progress: (text: string) => void): Promise<Outcome> {
  const { replicas } = options;
  if (replicas !== null) {
    const { text, log, breaches } = await soakReplicas({ ...options, replicas }, progress);
    return { text, log, broken: breaches };
  }
  const { tally, log, breaches } = await soak(options, progress);
  const broken = breaches.map(
    ({ invariant, details, seconds }) =>
      `after ${seconds.toFixed(0)} s: ${invariant}\n  ${details.join('\n  ')}`,
  );
  return { text: tally.text(), log, broken };
}

async function run(options: SoakOptions): Promise<void> {
  const { seed, minutes, periodMs, replicas } = options;
  const several = replicas === null ? '' : ` --replicas ${replicas}`;
  print(`seed ${seed}, ${minutes} minutes, a poll every ${periodMs} ms`);
  const startMs = performance.now();
  const { text, log, broken } = await outcomeOf(options, (line) => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    process.stderr.write(`${seconds.padStart(5)} s  ${line}\n`);
  });
  print('');
  print(text);
  if (broken.length > 0 || options.log !== null) print(`\nThe log: ${await keepLog(log, options.log)}`);
  if (broken.length === 0) {
    print('\nAll invariants held.');
    return;
  }
  for (const what of broken) print(`\nBROKEN ${what}`);
  print(`\nAgain: npm run soak -- --seed ${seed} --minutes ${minutes} --period ${periodMs}${several}`);
  process.exitCode = 1;
}

let options: ReturnType<typeof readOptions>;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
try {
  if (options === 'help') print(help);
  else if (options === 'list') {
    for (const { group, name } of allFaults) print(`${group}: ${name}`);
    for (const { name } of replicaFaults) print(`replicas: ${name}`);
  } else await run(options);
} catch (error) {
  process.stderr.write(`soak: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
