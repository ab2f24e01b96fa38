// The region monitor with an additional checker, and with the usual flags on its command line:
//
//   npm run build
//   npx node examples/monitor.ts --kubeconfig … --namespace region --listen 127.0.0.1:8080
//   curl -s 127.0.0.1:8080/metrics | grep example_region_api_seconds
//
// `npm start` prints a kubeconfig to try it with. npx finds the Node that npm installed, which runs TypeScript.

import { Command } from 'commander';
import { addFlags, OptionsError, readOptions, run } from 'region-monitor';
import { ApiLatency } from './api-latency.ts';

const command = addFlags(new Command('monitor')).parse();

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stop.abort(new Error(`received ${signal}`)));

try {
  await run(readOptions(command, process.env), {
    signal: stop.signal,
    checkers: (parts) => [new ApiLatency(parts)],
  });
} catch (error) {
  if (!(error instanceof OptionsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
