// npm run soak: runs a soak, and prints what it brought and what was wrong.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allFaults } from './faults.ts';
import { help, readOptions, type SoakOptions } from './options.ts';
import { type SoakResult, soak } from './run.ts';

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function keepLog({ log }: SoakResult, file: string | null): Promise<string> {
  const kept = file ?? join(await mkdtemp(join(tmpdir(), 'region-monitor-soak-')), 'log.jsonl');
  await writeFile(kept, log);
  return kept;
}

async function run(options: SoakOptions): Promise<void> {
  const { seed, minutes, periodMs } = options;
  print(`seed ${seed}, ${minutes} minutes, a poll every ${periodMs} ms`);
  const startMs = performance.now();
  const result = await soak(options, (text) => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    process.stderr.write(`${seconds.padStart(5)} s  ${text}\n`);
  });
  print('');
  print(result.tally.text());
  const { breaches } = result;
  if (breaches.length > 0 || options.log !== null)
    print(`\nThe monitor's log: ${await keepLog(result, options.log)}`);
  if (breaches.length === 0) {
    print('\nAll invariants held.');
    return;
  }
  for (const { invariant, details, seconds } of breaches)
    print(`\nBROKEN after ${seconds.toFixed(0)} s: ${invariant}\n  ${details.join('\n  ')}`);
  print(`\nAgain: npm run soak -- --seed ${seed} --minutes ${minutes} --period ${periodMs}`);
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
  else if (options === 'list') for (const { group, name } of allFaults) print(`${group}: ${name}`);
  else await run(options);
} catch (error) {
  process.stderr.write(`soak: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
