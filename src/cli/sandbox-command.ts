// `region-monitor sandbox`. The image has build/image-sandbox-command.ts in place of this file.

import type { Command } from './command.ts';

export const sandbox: Command = {
  name: 'sandbox',
  interactive: true,
  description: 'watch a demo fleet in simulated clouds; needs nothing else',
  // Readable, quick to show something, and on any free port; the first lines say which.
  defaults: { 'zap-encoder': 'console', 'poll-period': '2s', listen: '127.0.0.1:0' },
  load: async () => {
    const { runSandbox } = await import('../sandbox/sandbox.ts');
    return async ({ options }, context) => runSandbox(options, context).then(() => 0);
  },
};
