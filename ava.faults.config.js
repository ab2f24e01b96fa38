// Scripted faults of clouds, of the API server and of threads, each against a whole monitor.
import tests from './ava.config.js';

/** Two minutes each: begun first, so that nobody waits for them at the end. */
const long = ['kubernetes-outages', 'kubernetes-real'];

export default {
  ...tests,
  files: ['test/faults/**/*.test.ts'],
  // Most of the time is spent waiting for polls.
  concurrency: 3,
  sortTestFiles: (one, other) => rank(one) - rank(other) || one.localeCompare(other),
  nodeArguments: ['--import=./test/fixtures/scripted-names.ts'],
};

function rank(file) {
  return long.some((name) => file.includes(name)) ? 0 : 1;
}
