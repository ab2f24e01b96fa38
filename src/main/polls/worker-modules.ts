// Where the modules are that run in worker threads.

import { extname } from 'node:path';

/**
 * The URL of `src/workers/<name>`, wherever this code runs: as TypeScript in a checkout, compiled in dist, or in the
 * bundle, which has its shared parts in main/chunks/. In all three, workers/ is two folders up and one down.
 */
export function workerModule(name: string): URL {
  return new URL(`../../workers/${name}${extname(import.meta.url)}`, import.meta.url);
}
