// How the bundle gets the modules of Node itself: by a call, not by an import. An import reads every export of the
// module, and with it loads parts that are never used: with node:http a whole undici, 5 MiB and 50 ms in each thread.

import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup: (build) => {
    build.onResolve({ filter: /./ }, ({ path, kind }) =>
      kind !== 'require-call' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({ contents: moduleOf(path) }));
  },
};

/** As the exports are marked as pure, only those that somebody imports are in the bundle. */
function moduleOf(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {});
  return [
    `const builtin = process.getBuiltinModule(${JSON.stringify(path)});`,
    'export default builtin;',
    ...names.map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})();`),
  ].join('\n');
}
