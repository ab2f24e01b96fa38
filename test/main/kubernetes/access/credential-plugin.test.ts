// Credential plugins as real programs, against real HTTP and TLS.

import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { loadClusterAccess } from '../../../../src/main/kubernetes/access/config.ts';
import { CredentialPlugin } from '../../../../src/main/kubernetes/access/credential-plugin.ts';
import { KubernetesClient } from '../../../../src/main/kubernetes/client.ts';
import { ApiError } from '../../../../src/main/kubernetes/errors.ts';
import { type Clock, systemClock } from '../../../../src/shared/clock.ts';
import { eventually } from '../../../fixtures/eventually.ts';
import { json, ScriptedApi, status } from '../../../fixtures/kubernetes/scripted-api.ts';
import { ScriptedClock } from '../../../fixtures/scripted-clock.ts';

// The tests of this file run at once, each with a plugin or two.
process.setMaxListeners(100);

const pems = new URL('../../../fixtures/tls/', import.meta.url);

interface Plugin {
  readonly dir: string;
  /** The lines that the plugin wrote into a file beside it. */
  readonly lines: (file: string) => Promise<readonly string[]>;
  readonly write: (file: string, content: string) => Promise<void>;
  readonly load: (options?: {
    readonly exec?: object;
    readonly cluster?: object;
    readonly server?: string;
    readonly clock?: Clock;
    readonly onNotice?: (message: string) => void;
    readonly signal?: AbortSignal;
  }) => ReturnType<typeof loadClusterAccess>;
}

/** `script` runs with sh, in any folder; $here is its own. */
async function plugin(t: ExecutionContext, script: string): Promise<Plugin> {
  const dir = await mkdtemp(join(tmpdir(), 'credential-plugin-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'plugin'), `#!/bin/sh\nhere="${dir}"\necho run >> "$here/runs"\n${script}\n`);
  await chmod(join(dir, 'plugin'), 0o755);
  return {
    dir,
    lines: async (file) => {
      const content = await readFile(join(dir, file), 'utf8').catch(() => '');
      return content.split('\n').filter((line) => line !== '');
    },
    write: async (file, content) => writeFile(join(dir, file), content),
    load: async ({ exec, cluster, server = 'http://127.0.0.1:1', clock, onNotice, signal } = {}) => {
      const user = {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: './plugin',
          interactiveMode: 'Never',
          ...exec,
        },
      };
      const config = {
        clusters: [{ name: 'c', cluster: { server, ...cluster } }],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      };
      await writeFile(join(dir, 'config'), JSON.stringify(config));
      const access = await loadClusterAccess({
        kubeconfig: join(dir, 'config'),
        context: '',
        env: {},
        ...(clock === undefined ? {} : { clock }),
        ...(onNotice === undefined ? {} : { onNotice }),
        ...(signal === undefined ? {} : { signal }),
      });
      t.teardown(() => access.close?.());
      return access;
    },
  };
}

function credential(status: string, apiVersion = 'client.authentication.k8s.io/v1'): string {
  return `echo '{"apiVersion":"${apiVersion}","kind":"ExecCredential","status":${status}}'`;
}

async function base64(pem: string): Promise<string> {
  return (await readFile(new URL(pem, pems))).toString('base64');
}

/** Time that stands until a test moves it. */
function handClock(): Clock & { pass(ms: number): void } {
  let passedMs = 0;
  return {
    ...systemClock,
    now: () => Date.parse('2026-01-01T00:00:00Z') + passedMs,
    monotonicMs: () => 1_000_000 + passedMs,
    pass: (ms) => {
      passedMs += ms;
    },
  };
}

/** Whether a process, or anything of its group, is left. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a plugin is given arguments, environment and what it is asked, and its token is kept until it expires', async (t) => {
  const clock = handClock();
  const { load, lines } = await plugin(
    t,
    `n=$(wc -l < "$here/runs" | tr -d ' ')
echo "$KUBERNETES_EXEC_INFO" >> "$here/info"
read -r line && exit 9
echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"'"$1-$EXTRA-$n"'","expirationTimestamp":"2026-01-01T01:00:00Z"}}'`,
  );
  const apiVersion = 'client.authentication.k8s.io/v1beta1';
  const exec = { apiVersion, args: ['arg'], env: [{ name: 'EXTRA', value: 'env' }] };
  const access = await load({ exec, clock });
  t.is(await access.authorization(), 'Bearer arg-env-1');
  clock.pass(3_599_000);
  t.is(await access.authorization(), 'Bearer arg-env-1');
  clock.pass(1_000);
  t.is(await access.authorization(), 'Bearer arg-env-2');
  t.is(
    await access.authorization(),
    'Bearer arg-env-2',
    'not for each request, although it has expired already',
  );
  clock.pass(1_000);
  t.is(await access.authorization(), 'Bearer arg-env-3');
  t.deepEqual(JSON.parse((await lines('info'))[0] ?? ''), {
    kind: 'ExecCredential',
    apiVersion,
    spec: { interactive: false },
  });
});

test('a plugin that wants it is told of the cluster, with the extension that is meant for it', async (t) => {
  const { load, lines } = await plugin(
    t,
    `echo "$KUBERNETES_EXEC_INFO" > "$here/info"; ${credential('{"token":"a"}')}`,
  );
  const ca = (await readFile(new URL('ca.pem', pems))).toString('base64');
  await load({
    exec: { provideClusterInfo: true },
    server: 'https://api.example:6443',
    cluster: {
      'tls-server-name': 'api',
      'certificate-authority-data': ca,
      'proxy-url': 'http://proxy.example:3128',
      'disable-compression': true,
      extensions: [
        { name: 'other', extension: 1 },
        { name: 'client.authentication.k8s.io/exec', extension: { audience: 'us' } },
      ],
    },
  });
  t.like(JSON.parse((await lines('info'))[0] ?? ''), {
    spec: {
      interactive: false,
      cluster: {
        server: 'https://api.example:6443',
        'tls-server-name': 'api',
        'certificate-authority-data': ca,
        'proxy-url': 'http://proxy.example:3128',
        'disable-compression': true,
        config: { audience: 'us' },
      },
    },
  });
});

for (const [what, expiry] of [
  ['without an expiration', ''],
  ['that were to last for long', ',"expirationTimestamp":"2099-01-01T00:00:00Z"'],
]) {
  test(`credentials ${what} are renewed when the API server refuses them, by one run`, async (t) => {
    const { load, lines, write } = await plugin(
      t,
      `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'"$(cat "$here/token")"'"${expiry}}}'`,
    );
    await write('token', 'A');
    let accepted = 'A';
    const api = await ScriptedApi.start(t, {
      other: [
        (response, request) => {
          const good = request.headers.authorization === `Bearer ${accepted}`;
          (good ? json({ ok: true }) : status(401, 'Unauthorized'))(response, request);
        },
      ],
    });
    const client = new KubernetesClient(await load({ server: api.access.server }), {
      requestTimeoutMs: 10_000,
    });
    t.teardown(() => client.close());
    await client.get('/x');
    await write('token', 'B');
    await client.get('/x');
    t.is((await lines('runs')).length, 1, 'the old one is still good');
    accepted = 'B';
    const answers = await Promise.all(Array.from({ length: 10 }, async () => client.get('/x')));
    t.deepEqual(answers[9], { ok: true });
    t.is((await lines('runs')).length, 2);
  });
}

test('a plugin whose tokens are all refused is asked later and later', async (t) => {
  const { load, lines } = await plugin(
    t,
    `n=$(wc -l < "$here/runs" | tr -d ' '); echo '{"kind":"ExecCredential","status":{"token":"'"$n"'"}}'`,
  );
  const api = await ScriptedApi.start(t, { other: [status(401, 'Unauthorized')] });
  const clock = handClock();
  const client = new KubernetesClient(await load({ server: api.access.server, clock }), {
    requestTimeoutMs: 10_000,
  });
  t.teardown(() => client.close());
  for (let request = 0; request < 20; request += 1)
    await t.throwsAsync(client.get('/x'), { instanceOf: ApiError });
  t.is((await lines('runs')).length, 2);
  for (let second = 0; second < 100; second += 1) {
    clock.pass(1_000);
    await t.throwsAsync(client.get('/x'), { message: /401 Unauthorized/ });
  }
  const runs = (await lines('runs')).length;
  t.true(runs >= 4 && runs <= 10, `${runs} runs`);
});

test('a certificate of a plugin is shown, and on new connections when it changes', async (t) => {
  const { load, lines, write } = await plugin(t, 'cat "$here/answer"');
  const key = await readFile(new URL('loopback-key.pem', pems), 'utf8');
  const answer = async (pem: string) => {
    const clientCertificateData = await readFile(new URL(pem, pems), 'utf8');
    const status = { clientCertificateData, clientKeyData: key };
    await write('answer', JSON.stringify({ kind: 'ExecCredential', status }));
  };
  await answer('client.pem');
  let accepted = 'region-monitor';
  const shown: string[] = [];
  const server = createServer(
    {
      cert: await readFile(new URL('loopback.pem', pems)),
      key,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const name =
        request.socket instanceof TLSSocket ? String(request.socket.getPeerCertificate().subject?.CN) : '';
      shown.push(name);
      response.writeHead(name === accepted ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const access = await load({
    server: `https://127.0.0.1:${port}`,
    cluster: { 'certificate-authority': fileURLToPath(new URL('ca.pem', pems)) },
  });
  const client = new KubernetesClient(access, { requestTimeoutMs: 10_000 });
  t.teardown(() => client.close());
  await client.get('/x');
  await answer('loopback.pem');
  accepted = '127.0.0.1';
  await client.get('/x');
  await client.get('/x');
  t.deepEqual(shown, ['region-monitor', 'region-monitor', '127.0.0.1', '127.0.0.1']);
  t.is((await lines('runs')).length, 2);
});

const broken: readonly [string, string, RegExp, object?][] = [
  ['no JSON', 'echo hunter2-hunter2', /failed: its output is not JSON: is it a credential plugin/],
  ['nothing', 'exit 0', /failed: it printed nothing/],
  ['another kind', `echo '{"kind":"Status"}'`, /failed: its output is not an ExecCredential: kind: /],
  ['no status', `echo '{"kind":"ExecCredential"}'`, /failed: its output has no status/],
  [
    'neither token nor certificate',
    credential('{}'),
    /failed: its output has neither a token nor a certificate/,
  ],
  [
    'a certificate alone',
    credential('{"clientCertificateData":"x"}'),
    /failed: its output has only a certificate/,
  ],
  [
    'a certificate that is none',
    credential('{"clientCertificateData":"hunter2-hunter2","clientKeyData":"hunter2-hunter2"}'),
    /failed: its certificate and key are not PEM/,
  ],
  [
    'a wrong time',
    credential('{"token":"hunter2-hunter2","expirationTimestamp":"soon"}'),
    /status\.expirationTimestamp: Invalid time/,
  ],
  [
    'another version',
    credential('{"token":"a"}', 'client.authentication.k8s.io/v1beta1'),
    /answers with apiVersion client\.authentication\.k8s\.io\/v1beta1, but the kubeconfig says client\.authentication\.k8s\.io\/v1/,
  ],
  ['too much', 'yes', /failed: it printed more than 1048576 bytes/],
  [
    'a failure, with its reason but no secret',
    'echo "please log in again; token: hunter2-hunter2" >&2; exit 7',
    /failed: it failed with exit code 7: please log in again; token: \[redacted\]: does kubectl work/,
  ],
  ['a death', 'kill -9 $$', /failed: it was ended by SIGKILL: does kubectl work/],
  [
    'its absence, with what to do',
    '',
    /no-such-plugin of user "u" failed: it is not in PATH \(ENOENT\): the plugin must be installed here.*brew install it/,
    { command: 'no-such-plugin', installHint: '\u001b[1mbrew install\nit' },
  ],
  [
    'a file that is not executable',
    '',
    /config of user "u" failed: it is not executable \(EACCES\)/,
    { command: './config' },
  ],
];

for (const [what, script, message, exec] of broken) {
  test(`a plugin fails clearly: ${what}`, async (t) => {
    const { load } = await plugin(t, script);
    const error = await t.throwsAsync(load(exec === undefined ? {} : { exec }), { message });
    t.false(String(error?.stack).includes('hunter2'));
  });
}

test('a plugin that hangs runs once for all, and ends with us, and all that it started', async (t) => {
  const { load, lines, write } = await plugin(
    t,
    `test -e "$here/hang" || { ${credential('{"token":"a","expirationTimestamp":"2026-01-01T00:00:05Z"}')}; exit; }
sleep 1000 &
echo $! > "$here/child"
echo $$ > "$here/self"
sleep 1000`,
  );
  const clock = handClock();
  const access = await load({ clock });
  await write('hang', '');
  clock.pass(10_000);
  const client = new KubernetesClient(access, { requestTimeoutMs: 300 });
  const failures = await Promise.all(
    Array.from({ length: 8 }, async () => t.throwsAsync(client.get('/x'), { instanceOf: ApiError })),
  );
  t.regex(failures[0]?.message ?? '', /nothing within 300 ms/);
  const [child = '', self = ''] = [(await lines('child'))[0], (await lines('self'))[0]];
  t.is((await lines('runs')).length, 2);
  t.true(isAlive(Number(child)) && isAlive(Number(self)));
  await client.close();
  await eventually('the end of both', () => !isAlive(Number(child)) && !isAlive(Number(self)));
});

test('a plugin that hangs at start is given up with the start', async (t) => {
  const { load, lines } = await plugin(t, 'echo $$ > "$here/self"; sleep 1000');
  const stop = new AbortController();
  const loading = load({ signal: stop.signal });
  await t.notThrowsAsync(async () => {
    while ((await lines('self')).length === 0) await systemClock.sleep(20);
  });
  const [self = ''] = await lines('self');
  stop.abort();
  await t.throwsAsync(loading);
  await eventually('its end', () => !isAlive(Number(self)));
});

test('a plugin that is running when the process exits does not outlive it', async (t) => {
  const { dir, lines, load, write } = await plugin(
    t,
    'test -e "$here/hang" || exit 1; echo $$ > "$here/self"; sleep 1000',
  );
  await t.throwsAsync(load());
  await write('hang', '');
  const module = fileURLToPath(new URL('../../../../src/main/kubernetes/access/config.ts', import.meta.url));
  const program = `
    import { existsSync } from 'node:fs';
    import { loadClusterAccess } from ${JSON.stringify(module)};
    loadClusterAccess({ kubeconfig: ${JSON.stringify(join(dir, 'config'))}, context: '', env: {} });
    setInterval(() => { if (existsSync(${JSON.stringify(join(dir, 'self'))})) process.exit(0); }, 20);`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const [self = ''] = await lines('self');
  t.true(Number(self) > 0);
  await eventually('its end', () => !isAlive(Number(self)));
});

test('a plugin that does not end in time is killed, and that is its failure', async (t) => {
  const { dir, lines } = await plugin(t, 'echo $$ > "$here/self"; trap "" TERM; sleep 1000');
  const hanging = new CredentialPlugin({
    command: join(dir, 'plugin'),
    args: [],
    env: process.env,
    apiVersion: 'client.authentication.k8s.io/v1',
    what: 'the plugin',
    installHint: '',
    clock: systemClock,
    onNotice: () => {},
    timeoutMs: 1_000,
  });
  await t.throwsAsync(hanging.credentials(), {
    message: /^the plugin failed: it did not end within 1 s, and was killed: /,
  });
  const [self = ''] = await lines('self');
  await eventually('its end', () => !isAlive(Number(self)));
});

test('what a plugin leaves behind in its group ends with it, and does not hold us up', async (t) => {
  const { load, lines } = await plugin(
    t,
    `sleep 1000 & echo $! > "$here/child"; ${credential('{"token":"a"}')}`,
  );
  const access = await load();
  t.is(await access.authorization(), 'Bearer a');
  const [child = ''] = await lines('child');
  await eventually('its end', () => !isAlive(Number(child)));
});

test('after a failure a plugin is tried later and later, and meanwhile its failure is the answer', async (t) => {
  const { load, lines, write } = await plugin(
    t,
    `test -e "$here/fail" && { echo "the identity provider is down" >&2; exit 1; }
${credential('{"token":"a","expirationTimestamp":"2026-01-01T00:00:05Z"}')}`,
  );
  const clock = handClock();
  const access = await load({ clock });
  await write('fail', '');
  clock.pass(10_000);
  for (let attempt = 0; attempt < 10; attempt += 1)
    await t.throwsAsync(access.authorization(), { message: /exit code 1: the identity provider is down/ });
  t.is((await lines('runs')).length, 2);
  clock.pass(60_000);
  await t.throwsAsync(access.authorization());
  t.is((await lines('runs')).length, 3);
});

test('what a plugin says for people while it works is passed on once, without its token', async (t) => {
  const { load } = await plugin(
    t,
    `echo "your session a-secret-token ends soon" >&2
${credential('{"token":"a-secret-token","expirationTimestamp":"2026-01-01T00:00:05Z"}')}`,
  );
  const clock = handClock();
  const notices: string[] = [];
  const access = await load({ clock, onNotice: (message) => notices.push(message) });
  clock.pass(10_000);
  await access.authorization();
  t.deepEqual(notices, ['your session [redacted] ends soon']);
});

test('a plugin runs only for a user who has nothing else to show', async (t) => {
  const { dir, lines } = await plugin(t, credential('{"token":"a"}'));
  const certificate = {
    'client-certificate-data': await base64('client.pem'),
    'client-key-data': await base64('loopback-key.pem'),
  };
  for (const own of [{ token: 't' }, { username: 'n', password: 'p' }, certificate]) {
    const config = {
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { ...own, exec: { command: './plugin' } } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    await writeFile(join(dir, 'config'), JSON.stringify(config));
    const access = await loadClusterAccess({ kubeconfig: join(dir, 'config'), context: '', env: {} });
    t.not(await access.authorization(), 'Bearer a');
  }
  t.deepEqual(await lines('runs'), []);
});

/** A plugin that prints what a test last wrote as its `status`, or fails while that is "". */
async function scripted(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'scripted-plugin-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  const clock = new ScriptedClock({ wallMs: Date.parse('2026-01-01T00:00:00Z') });
  const notices: string[] = [];
  const script = 'cd "$0"; echo run >> runs; cat notice >&2; test -s answer && cat answer';
  const running = new CredentialPlugin({
    command: 'sh',
    args: ['-c', script, dir],
    env: process.env,
    apiVersion: 'client.authentication.k8s.io/v1',
    what: 'the plugin',
    installHint: '',
    clock,
    onNotice: (message) => notices.push(message),
  });
  t.teardown(() => running.close());
  const notify = async (text: string): Promise<void> => writeFile(join(dir, 'notice'), text);
  await notify('');
  return {
    clock,
    notices,
    notify,
    give: async (status: object | null) => {
      const answer = status === null ? '' : JSON.stringify({ kind: 'ExecCredential', status });
      await writeFile(join(dir, 'answer'), answer);
    },
    credentials: async (refused?: string) => running.credentials(refused),
    runs: async () => (await readFile(join(dir, 'runs'), 'utf8')).split('\n').length - 1,
  };
}

/** Lets time pass by the second until the plugin runs again: the seconds that it took. */
async function secondsToNextRun(
  { clock, runs }: Awaited<ReturnType<typeof scripted>>,
  ask: () => Promise<unknown>,
): Promise<number> {
  const before = await runs();
  for (let seconds = 0; seconds < 200; seconds += 1) {
    await ask();
    if ((await runs()) > before) return seconds;
    await clock.pass(1_000);
  }
  return Infinity;
}

/** The status of an answer with a certificate of the fixtures, which all have one key. */
async function certificateStatus(pem: string) {
  return {
    clientCertificateData: await readFile(new URL(pem, pems), 'utf8'),
    clientKeyData: await readFile(new URL('loopback-key.pem', pems), 'utf8'),
  };
}

const refusedToken = 'Bearer a';

test('the pause after a refusal doubles up to a minute, with half of it more or less', async (t) => {
  const each = await scripted(t);
  await each.give({ token: 'a' });
  await each.credentials();
  const ask = async () => each.credentials(refusedToken);
  t.is(await secondsToNextRun(each, ask), 0, 'the first refusal is answered at once');
  for (const lengthS of [1, 2, 4, 8, 16, 32, 60, 60]) {
    const seconds = await secondsToNextRun(each, ask);
    t.true(seconds >= lengthS * 0.5 && seconds <= lengthS * 1.5 + 1, `${seconds} s, around ${lengthS} s`);
  }
});

test('credentials that were good for two minutes have their successor asked for at once, and pauses begin again', async (t) => {
  const each = await scripted(t);
  await each.give({ token: 'a' });
  await each.credentials();
  const ask = async () => each.credentials(refusedToken);
  for (let refusal = 0; refusal < 5; refusal += 1) await secondsToNextRun(each, ask);
  await each.clock.pass(120_000);
  t.is(await secondsToNextRun(each, ask), 0);
  t.true((await secondsToNextRun(each, ask)) <= 2);
});

test('credentials that were refused before two minutes had passed are asked for later and later', async (t) => {
  const each = await scripted(t);
  await each.give({ token: 'a' });
  await each.credentials();
  const ask = async () => each.credentials(refusedToken);
  for (let refusal = 0; refusal < 6; refusal += 1) await secondsToNextRun(each, ask);
  await each.clock.pass(119_000);
  t.is(await secondsToNextRun(each, ask), 0);
  t.true((await secondsToNextRun(each, ask)) >= 16);
});

test('the pause after a failure doubles, and begins again after a success', async (t) => {
  const each = await scripted(t);
  await each.give(null);
  const ask = async () => t.throwsAsync(each.credentials(), { message: /^the plugin failed: .*exit code 1/ });
  await ask();
  for (const lengthS of [1, 2, 4, 8]) {
    const seconds = await secondsToNextRun(each, ask);
    t.true(seconds >= lengthS * 0.5 && seconds <= lengthS * 1.5 + 1, `${seconds} s, around ${lengthS} s`);
  }
  await each.give({ token: 'a', expirationTimestamp: '2026-01-01T01:00:00Z' });
  await each.clock.pass(60_000);
  t.like(await each.credentials(), { authorization: 'Bearer a' });
  await each.clock.pass(3_600_000);
  await each.give(null);
  await ask();
  t.true((await secondsToNextRun(each, ask)) <= 2);
});

test('what is still good is used while the plugin fails', async (t) => {
  const { credentials, give, runs } = await scripted(t);
  await give({ token: 'a' });
  await credentials();
  await give(null);
  await t.throwsAsync(credentials('Bearer a'));
  t.like(await credentials(), { authorization: 'Bearer a' }, 'for a request that nothing refused');
  t.like(await credentials('Bearer an older one'), { authorization: 'Bearer a' });
  t.is(await runs(), 2);
});

test('who is refused while the plugin runs waits for that run', async (t) => {
  const { credentials, give, runs } = await scripted(t);
  await give({ token: 'a' });
  await credentials();
  await give({ token: 'b' });
  const answers = await Promise.all([credentials('Bearer a'), credentials('Bearer a'), credentials()]);
  t.deepEqual(
    answers.map(({ authorization }) => authorization),
    ['Bearer b', 'Bearer b', 'Bearer a'],
  );
  t.is(await runs(), 2);
});

test('a certificate alone is refused by a request without a header', async (t) => {
  const { credentials, give, runs } = await scripted(t);
  const pair = await certificateStatus('client.pem');
  await give(pair);
  await credentials();
  await credentials('');
  t.is(await runs(), 2);
});

test('the same credentials are the same object, whatever is new in them makes another', async (t) => {
  const { clock, credentials, give } = await scripted(t);
  const pair = await certificateStatus('client.pem');
  const next = async (status: object) => {
    await give(status);
    await clock.pass(200_000);
    return credentials('Bearer a');
  };
  const first = await next({ token: 'a', ...pair });
  t.is(await next({ token: 'a', ...pair }), first);
  const later = await next({ token: 'a', ...pair, expirationTimestamp: '2026-01-02T00:00:00Z' });
  t.not(later, first);
  const certificate = await certificateStatus('loopback.pem');
  const other = await next({ token: 'a', ...certificate, expirationTimestamp: '2026-01-02T00:00:00Z' });
  t.deepEqual(String(other.certificate.cert), certificate.clientCertificateData);
  const key = { ...certificate, clientKeyData: `${certificate.clientKeyData}\n` };
  t.not(await next({ token: 'a', ...key, expirationTimestamp: '2026-01-02T00:00:00Z' }), other);
});

test('a notice is passed on when it changes, and again when it comes back', async (t) => {
  const { clock, credentials, give, notify, notices } = await scripted(t);
  await give({ token: 'planted' });
  for (const text of ['', 'log in soon', 'log in soon', '', 'log in soon', 'not planted, planted']) {
    await notify(text);
    await clock.pass(200_000);
    await credentials('Bearer planted');
  }
  t.deepEqual(notices, ['log in soon', 'log in soon', 'not [redacted], [redacted]']);
});
