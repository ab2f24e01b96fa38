// Scripted faults of clouds, of the API server and of threads, each against a whole monitor.
import tests from './ava.config.js';

export default { ...tests, files: ['test/faults/**/*.test.ts'] };
