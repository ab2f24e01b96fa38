// The floor of a start: a Node that runs nothing but empty threads.

import { execFileSync } from 'node:child_process';
import * as v from 'valibot';
import { imageArgs, imageEnv } from './monitor.ts';

const program = `
  const { Worker } = require('node:worker_threads');
  const threads = Array.from({ length: Number(process.argv[1]) }, () => new Worker('setInterval(() => {}, 1e6)', { eval: true }));
  const online = threads.map((thread) => new Promise((resolve) => thread.once('online', resolve)));
  Promise.all(online).then(() => {
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    console.log(JSON.stringify({ cpuSeconds, rssMiB: process.memoryUsage.rss() / 2 ** 20 }));
    process.exit();
  });
`;

const measured = v.object({ cpuSeconds: v.number(), rssMiB: v.number() });

export function measureBareNode(threads: number): v.InferOutput<typeof measured> {
  const args = [...imageArgs, '-e', program, String(threads)];
  const env = { ...imageEnv, ...process.env };
  return v.parse(measured, JSON.parse(execFileSync(process.execPath, args, { env, encoding: 'utf8' })));
}
