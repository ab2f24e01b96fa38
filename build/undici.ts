// What the bundle takes of undici: the whole of it, with its web platform parts, costs 13 MiB of memory and is never used.

import type { Plugin } from 'esbuild';

/** The names that this project imports; with any other the build fails. */
const slim = `
  import errors from 'undici/lib/core/errors.js';
  import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
  import Pool from 'undici/lib/dispatcher/pool.js';
  import request from 'undici/lib/api/api-request.js';
  Dispatcher.prototype.request = request;
  export { Dispatcher, errors, Pool };
`;

const lazyHttp2 = `module.exports = (...given) => require('undici/lib/dispatcher/client-h2.js')(...given);`;

/** Leaves out the second parser of undici, as Node's own build of it does. */
export const undiciDefines = { esbuildDetection: 'true', 'process.env.JEST_WORKER_ID': 'undefined' };

export function slimUndici(root: string): Plugin {
  return {
    name: 'slim-undici',
    setup: (build) => {
      // Other packages get the whole, in parts that are loaded only with them.
      build.onResolve({ filter: /^undici$/ }, ({ importer }) =>
        importer.includes('node_modules') ? undefined : { path: 'undici', namespace: 'slim-undici' },
      );
      build.onLoad({ filter: /./, namespace: 'slim-undici' }, () => ({ contents: slim, resolveDir: root }));
      // We never speak HTTP/2: its client, and Node's module under it, are loaded by those who do.
      build.onResolve({ filter: /\/client-h2\.js$/ }, ({ importer }) =>
        importer.endsWith('/client.js') ? { path: 'client-h2', namespace: 'lazy-undici' } : undefined,
      );
      build.onLoad({ filter: /./, namespace: 'lazy-undici' }, () => ({
        contents: lazyHttp2,
        resolveDir: root,
      }));
    },
  };
}
