// The fault suite takes minutes of its own: `npm run test:faults`.
export default {
  files: ['test/**/*.test.ts', '!test/faults/**'],
  extensions: ['ts'],
  workerThreads: false,
  concurrency: 2,
  timeout: '60s',
};
