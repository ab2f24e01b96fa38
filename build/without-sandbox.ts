// What the bundle takes of the sandbox: nothing.

import { join } from 'node:path';
import type { Plugin } from 'esbuild';

export function withoutSandbox(root: string): Plugin {
  return {
    name: 'without-sandbox',
    setup: (build) => {
      build.onResolve({ filter: /\/sandbox-command\.ts$/ }, () => ({
        path: join(root, 'build/image-sandbox-command.ts'),
      }));
      build.onLoad({ filter: /\/src\/sandbox\// }, ({ path }) => ({
        errors: [{ text: `${path} does not belong in the bundle` }],
      }));
    },
  };
}
