// Simulated clouds in a process of their own, for benchmarks and for tests that must not share a thread with them.
// The plan is the first argument or the first line of standard input; one line of JSON says when the clouds are ready;
// each further line of input is a command, answered by one line; the end of the input ends the process.

import { createInterface } from 'node:readline';
import * as v from 'valibot';
import type { SandboxCloud } from './cloud.ts';
import { type Command, commandSchema, planSchema, startCloud } from './plan.ts';
import type { CloudServer } from './server.ts';

class Clouds {
  readonly #clouds: SandboxCloud[] = [];
  /** Where the next change begins. */
  #turn = 0;

  async start(text: string): Promise<object> {
    const plan = v.parse(planSchema, JSON.parse(text));
    const reports: object[] = [];
    for (const [index, each] of plan.clouds.entries()) {
      const [cloud, report] = await startCloud(each, each.name ?? `cloud-${index}`);
      this.#clouds.push(cloud);
      reports.push(report);
    }
    return { ready: true, pid: process.pid, clouds: reports };
  }

  async run(text: string): Promise<object> {
    const command = v.parse(commandSchema, JSON.parse(text));
    const chosen =
      command.cloud === undefined ? this.#clouds : this.#clouds.slice(command.cloud, command.cloud + 1);
    if (chosen.length === 0) throw new RangeError(`there is no cloud ${command.cloud}`);
    const results: (object | null)[] = [];
    for (const cloud of chosen) results.push(await this.#apply(cloud, command));
    if (command.command === 'change' || command.command === 'rename') this.#turn++;
    return { ok: true, results };
  }

  async close(): Promise<void> {
    await Promise.all(this.#clouds.map((cloud) => cloud.close()));
  }

  async #apply(cloud: SandboxCloud, command: Command): Promise<object | null> {
    if (command.command === 'change') return this.#change(cloud, command.percent, switchPower);
    if (command.command === 'rename') return this.#change(cloud, command.percent, rename);
    if (command.command === 'requests') return requests(cloud, command.clear ?? false);
    if (command.command === 'memory') return { rssBytes: process.memoryUsage.rss(), servers: cloud.size };
    if (command.command === 'fault') cloud.faults.add(command.fault, command.target);
    else if (command.command === 'clear-faults') cloud.faults.clear();
    else if (command.command === 'cell') cloud.setCellDown({ projectId: command.projectId }, command.down);
    else if (command.command === 'revoke-tokens') cloud.revokeTokens(command.projectId);
    else if (command.command === 'pause') await cloud.pause();
    else await cloud.resume();
    return null;
  }

  #change(cloud: SandboxCloud, percent: number, change: ServerChange): { changed: number } {
    const servers = cloud.servers();
    const changed = Math.round((servers.length * percent) / 100);
    const step = changed === 0 ? 0 : servers.length / changed;
    for (let index = 0; index < changed; index++) {
      const server = servers[(Math.floor(index * step) + this.#turn) % servers.length];
      if (server !== undefined) change(cloud, server);
    }
    return { changed };
  }
}

type ServerChange = (cloud: SandboxCloud, server: CloudServer) => void;

function switchPower(cloud: SandboxCloud, { id, status }: CloudServer): void {
  if (status === 'ACTIVE') cloud.stop(id);
  else cloud.start(id);
}

const renamed = '-renamed';

/** The second time, to the name that it had. */
function rename(cloud: SandboxCloud, { id, name }: CloudServer): void {
  cloud.rename(id, name.endsWith(renamed) ? name.slice(0, -renamed.length) : `${name}${renamed}`);
}

function requests(cloud: SandboxCloud, clear: boolean): object {
  const { logins } = cloud.requests;
  const counts = cloud.requests.counts();
  const latest = cloud.requests.latest();
  // Epoch milliseconds, so that a benchmark knows when a poll began and ended here; null without a request.
  const firstMs = latest[0]?.startedMs ?? null;
  const lastMs = latest.reduce<number | null>((last, { endedMs }) => Math.max(last ?? 0, endedMs ?? 0), null);
  if (clear) cloud.requests.clear();
  return { logins, counts, firstMs, lastMs, connections: cloud.connections() };
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const clouds = new Clouds();
const [, , planned] = process.argv;
let started = false;
async function takeLine(line: string): Promise<void> {
  try {
    say(started ? await clouds.run(line) : await clouds.start(line));
    started = true;
  } catch (error) {
    say({ ok: false, error: error instanceof Error ? error.message : String(error) });
    // A plan that cannot be read will not become readable.
    if (!started) process.exitCode = 2;
  }
}
if (planned !== undefined) await takeLine(planned);
if (process.exitCode === undefined)
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') await takeLine(line);
    if (process.exitCode !== undefined) break;
  }
await clouds.close();
process.stdin.destroy();
