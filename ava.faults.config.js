// Scripted faults of clouds, of the API server and of threads, each against a whole monitor.
import tests from './ava.config.js';

/** Those that must not run beside others: `npm run test:attacks`. */
export const greedy = [
  'test/faults/attacks-*.test.ts',
  'test/faults/process-hogs.test.ts',
  'test/faults/shards-processes.test.ts',
];

/** Takes two minutes: begun first, so that nobody waits for it at the end. */
const longest = 'kubernetes-outages';

/**
 * @param {string} one
 * @param {string} other
 */
function longestFirst(one, other) {
  return Number(other.includes(longest)) - Number(one.includes(longest)) || one.localeCompare(other);
}

export default {
  ...tests,
  files: ['test/faults/**/*.test.ts', ...greedy.map((file) => `!${file}`)],
  // Most of the time is spent waiting for polls.
  concurrency: 3,
  sortTestFiles: longestFirst,
  nodeArguments: ['--import=./test/fixtures/clouds/scripted-names.ts'],
};
