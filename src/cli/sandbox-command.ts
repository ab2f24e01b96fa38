// `region-monitor sandbox`. The image has build/image-sandbox-command.ts in place of this file.

import { checkNames } from '../main/options/check-names.ts';
import { flags as mainFlags } from '../main/options/flags.ts';
import { sandboxFlags } from '../sandbox/flags.ts';
import type { Command } from './command.ts';

export const sandbox: Command = {
  name: 'sandbox',
  interactive: true,
  description: 'watch a demo fleet in simulated clouds; needs no cluster',
  // Readable, quick to show something, and on any free port; the first lines say which.
  defaults: {
    'zap-encoder': 'console',
    'poll-period': '2s',
    listen: '127.0.0.1:0',
    checkers: checkNames.join(','),
    'lease-duration': '6s',
  },
  flags: Object.values(sandboxFlags),
  help: [
    'Runs a Kubernetes API, simulated OpenStack clouds and a monitor in one process.',
    'The first lines say where its status page is. Ctrl-C stops it.',
    '',
    'With --replicas=3, three monitors in processes of their own divide the regions',
    'among them. Their pids are shown: kill one, and watch its regions move.',
  ].join('\n'),
  load: async () => {
    const { runSandbox } = await import('../sandbox/sandbox.ts');
    return async ({ options, flags }, context) => {
      await runSandbox(options, context, {
        definitions: flags.value(sandboxFlags.definitions),
        replicas: flags.value(sandboxFlags.replicas),
        leaseDurationMs: flags.value(mainFlags.leaseDuration),
      });
      return 0;
    };
  },
};
