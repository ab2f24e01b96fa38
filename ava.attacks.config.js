// Clouds, clients and checks that take all of a processor or of the memory, and several monitors at once. One file after the
// other: beside them, a monitor that is well would miss its deadlines, too, and a monitor under attack must have what the
// attacker leaves of the machine.
import tests from './ava.config.js';
import { greedy } from './ava.faults.config.js';

export default {
  ...tests,
  files: greedy,
  concurrency: 1,
  nodeArguments: ['--import=./test/fixtures/clouds/scripted-names.ts'],
};
