// The stand-in for the Kubernetes API in a process of its own, for benchmarks. Its argument names the definitions that
// are installed: v1.16 unless given. One line of JSON says when it listens; each line of input is a command, answered by
// one line; the end of the input ends the process.

import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { SandboxKubernetes } from './api.ts';
import { isKubernetesObject, type Json } from './object.ts';

const isObject = (value: unknown): boolean => isJson(value) && isKubernetesObject(value);
const objectSchema = v.custom<Parameters<SandboxKubernetes['apply']>[0]>(isObject, 'is no object');

const commandSchema = v.variant('command', [
  /** Creates or replaces objects, status included. */
  v.strictObject({ command: v.literal('apply'), objects: v.array(objectSchema) }),
  v.strictObject({ command: v.literal('kubeconfig'), namespace: v.string() }),
  /** How often each action was asked for since the last clear. */
  v.strictObject({ command: v.literal('requests'), clear: v.exactOptional(v.boolean()) }),
  /** The next PATCH is never answered. */
  v.strictObject({ command: v.literal('hang') }),
  v.strictObject({ command: v.literal('memory') }),
]);
type Command = v.InferOutput<typeof commandSchema>;

/** What was read from JSON is JSON: this only tells the compiler so. */
function isJson(value: unknown): value is Json {
  return value !== undefined;
}

function run(cluster: SandboxKubernetes, command: Command): object {
  if (command.command === 'apply') {
    for (const object of command.objects) cluster.apply(object);
    return { ok: true, applied: command.objects.length };
  }
  if (command.command === 'kubeconfig')
    return { ok: true, kubeconfig: cluster.kubeconfig(command.namespace) };
  if (command.command === 'hang') {
    cluster.faults.add({ method: 'PATCH' }, { kind: 'hang' });
    return { ok: true };
  }
  if (command.command === 'memory') return { ok: true, rssBytes: process.memoryUsage.rss() };
  const counts = Object.fromEntries(cluster.requests.counts);
  const answer = { ok: true, counts, connections: cluster.connections(), watches: cluster.watches() };
  if (command.clear === true) cluster.requests.clear();
  return answer;
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const profile = v.parse(v.optional(v.picklist(['v1.16', 'v1.19']), 'v1.16'), process.argv[2]);
// A benchmark changes all of its servers at once: the watches must not lose them.
const cluster = await SandboxKubernetes.start({ watchWindow: 200_000, profile });
say({ ready: true, pid: process.pid, url: cluster.url });
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === '') continue;
  try {
    say(run(cluster, v.parse(commandSchema, JSON.parse(line))));
  } catch (error) {
    say({ ok: false, error: error instanceof Error ? error.message : String(error) });
  }
}
await cluster.close();
