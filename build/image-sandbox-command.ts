// The image has this in place of `region-monitor sandbox`: simulated clouds and their scripted faults do not belong beside
// a monitor of real ones.

import type { Command } from '../src/cli/command.ts';
import { StartupError } from '../src/main/startup-error.ts';

export const sandbox: Command = {
  name: 'sandbox',
  interactive: true,
  description: 'not in this image: use npm start in a checkout',
  defaults: {},
  load: async () => {
    throw new StartupError('the sandbox is not in this image', 'run "npm ci && npm start" in a checkout');
  },
};
