// Where the modules are that run in worker threads.

import { extname } from 'node:path';

/**
 * The URL of `src/workers/<name>`, wherever this code runs: as TypeScript in a checkout, compiled in dist, or in the
 * bundle. All three keep the folders main/ and workers/ side by side, and differ in the extension only.
 */
export function workerModule(name: string): URL {
  return new URL(`../workers/${name}${extname(import.meta.url)}`, import.meta.url);
}
