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

export function slimUndici(root: string): Plugin {
  return {
    name: 'slim-undici',
    setup: (build) => {
      // Other packages get the whole, in parts that are loaded only with them.
      build.onResolve({ filter: /^undici$/ }, ({ importer }) =>
        importer.includes('node_modules') ? undefined : { path: 'undici', namespace: 'slim-undici' },
      );
      build.onLoad({ filter: /./, namespace: 'slim-undici' }, () => ({ contents: slim, resolveDir: root }));
    },
  };
}
