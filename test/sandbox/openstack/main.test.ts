// The clouds in a process of their own, as a benchmark runs them.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { BareClient, computeUrlOf, namesOf, tokenOf } from './client.ts';

const entry = fileURLToPath(new URL('../../../src/sandbox/openstack/main.ts', import.meta.url));
const client = new BareClient();
test.after.always(async () => {
  await client.close();
});

const identity = v.object({
  userId: v.string(),
  password: v.string(),
  projectId: v.string(),
  prefix: v.string(),
  servers: v.number(),
});
const readySchema = v.object({
  ready: v.literal(true),
  clouds: v.array(v.object({ name: v.string(), endpoint: v.string(), projects: v.array(identity) })),
});

class Program {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(t: ExecutionContext, args: string[]) {
    const child = spawn(process.execPath, [entry, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    this.child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  say(value: unknown): void {
    this.child.stdin?.write(`${JSON.stringify(value)}\n`);
  }

  async hear(): Promise<unknown> {
    const line = await this.#lines.next();
    return line.done === true ? null : JSON.parse(line.value);
  }

  async ask(value: unknown): Promise<unknown> {
    this.say(value);
    return this.hear();
  }

  async end(): Promise<number | null> {
    const exit = once(this.child, 'exit');
    this.child.stdin?.end();
    await exit;
    return this.child.exitCode;
  }
}

const plan = {
  clouds: [
    { name: 'north', projects: 2, serversPerProject: 20, statuses: { SHUTOFF: 0.1, ERROR: 0.05 } },
    { projects: 1, serversPerProject: 0, latencyMs: 1 },
  ],
};

test('says where its clouds are, obeys, and ends with its input', async (t) => {
  const program = new Program(t, [JSON.stringify(plan)]);
  const { clouds } = v.parse(readySchema, await program.hear());
  t.deepEqual(
    clouds.map((cloud) => [cloud.name, cloud.projects.length]),
    [
      ['north', 2],
      ['cloud-1', 1],
    ],
  );
  const [north] = clouds;
  const [project] = north?.projects ?? [];
  if (north === undefined || project === undefined) {
    t.fail('no project');
    return;
  }
  const login = await client.login(north.endpoint, project, { project: { id: project.projectId } });
  const headers = { 'x-auth-token': tokenOf(login), 'x-openstack-nova-api-version': '2.90' };
  const url = `${computeUrlOf(login)}/servers/detail`;
  const list = async (): Promise<Record<string, unknown>[]> => (await client.pages(url, headers)).flat();
  const servers = await list();
  t.deepEqual(
    namesOf(servers).toSorted(),
    Array.from({ length: 20 }, (_, index) => `${project.prefix}${index}`).toSorted(),
  );
  const byStatus = (status: string): number => servers.filter((server) => server['status'] === status).length;
  t.deepEqual([byStatus('SHUTOFF'), byStatus('ERROR'), byStatus('ACTIVE')], [2, 1, 17]);

  t.deepEqual(await program.ask({ command: 'change', cloud: 0, percent: 50 }), {
    ok: true,
    results: [{ changed: 20 }],
  });
  const before = new Map(servers.map((server) => [server['id'], server['status']]));
  const changed = (await list()).filter((server) => server['status'] !== before.get(server['id']));
  t.true(changed.length >= 5, String(changed.length));

  for (const names of [20, 0]) {
    await program.ask({ command: 'rename', cloud: 0, percent: 100 });
    const found = namesOf(await list()).filter((name) => name.endsWith('-renamed'));
    t.is(found.length, names);
  }

  t.like(await program.ask({ command: 'requests', cloud: 0, clear: true }), {
    ok: true,
    results: [{ logins: 1 }],
  });
  await program.ask({ command: 'fault', fault: { kind: 'status', status: 503 }, target: { times: 1 } });
  t.is((await client.send(url, { headers })).status, 503);
  await program.ask({ command: 'cell', cloud: 0, projectId: project.projectId, down: true });
  t.is((await list()).filter((server) => server['status'] === 'UNKNOWN').length, 20);
  await program.ask({ command: 'pause', cloud: 0 });
  await t.throwsAsync(list());
  await program.ask({ command: 'resume', cloud: 0 });
  await program.ask({ command: 'revoke-tokens', cloud: 0 });
  t.is((await client.send(url, { headers })).status, 401);

  t.like(await program.ask({ command: 'dance' }), { ok: false });
  t.like(await program.ask({ command: 'memory', cloud: 7 }), { ok: false, error: 'there is no cloud 7' });
  t.is(await program.end(), 0);
});

test('takes its plan from its input, too', async (t) => {
  const program = new Program(t, []);
  program.say(plan);
  t.like(await program.hear(), { ready: true });
  t.is(await program.end(), 0);
});

test('a plan that cannot be read ends it with a reason', async (t) => {
  const program = new Program(t, ['{"clouds": [{"projects": -1, "serversPerProject": 1}]}']);
  const exit = once(program.child, 'exit');
  t.like(await program.hear(), { ok: false });
  await exit;
  t.is(program.child.exitCode, 2);
});
