// Preloaded into the monitor's process: lets the checks of single regions misbehave, as a file says.

import { readFileSync } from 'node:fs';
import { env } from 'node:process';
import { isMainThread } from 'node:worker_threads';
import * as v from 'valibot';

const file = env['SOAK_CHECKS'] ?? '';
const lookMs = 100;
/** By region, the module that runs in place of the real check. */
const schema = v.record(v.string(), v.string());

if (isMainThread && file !== '') {
  const { replacedChecks } = await import('../test/fixtures/pool/replaced-checks.ts');
  const look = (): void => {
    const modules = v.parse(schema, JSON.parse(readFileSync(file, 'utf8')));
    replacedChecks.clear();
    for (const [region, module] of Object.entries(modules)) replacedChecks.set(region, new URL(module));
  };
  look();
  setInterval(look, lookMs).unref();
}
