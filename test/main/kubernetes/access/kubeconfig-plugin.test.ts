// A user's credential plugin as a kubeconfig describes it. The plugin is a line of sh.

import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { AccessError } from '../../../../src/main/kubernetes/access/access-error.ts';
import {
  clusterSchema,
  type Exec,
  userSchema,
} from '../../../../src/main/kubernetes/access/kubeconfig-file.ts';
import { pluginOf } from '../../../../src/main/kubernetes/access/kubeconfig-plugin.ts';
import { ScriptedClock } from '../../../fixtures/scripted-clock.ts';

/** Prints a shell expression as a token. */
function prints(expression: string): Pick<Exec, 'command' | 'args'> {
  const answer = `{"kind":"ExecCredential","status":{"token":"'"$(${expression})"'"}}`;
  return { command: 'sh', args: ['-c', `echo '${answer}'`] };
}

interface Parts {
  readonly exec?: object | null;
  readonly cluster?: object;
  readonly ca?: Buffer;
  readonly signal?: AbortSignal;
  readonly clock?: ScriptedClock;
}

async function run(
  t: ExecutionContext,
  { exec = prints('echo abc'), clock = new ScriptedClock(), ...parts }: Parts,
) {
  const plugin = await pluginOf(
    {
      cluster: {
        file: '/clusters',
        value: v.parse(clusterSchema, { server: 'https://api', ...parts.cluster }),
      },
      ca: parts.ca,
      user: { name: 'u', file: '/users', value: v.parse(userSchema, { exec }) },
      path: (file, path) => `${file}/${path}`,
    },
    { clock, onNotice: () => {}, signal: parts.signal },
  );
  t.teardown(() => plugin?.close());
  return plugin;
}

/** What the plugin was asked. */
async function asked(t: ExecutionContext, { exec, ...parts }: Parts): Promise<unknown> {
  const plugin = await run(t, {
    exec: { ...prints('printf %s "$KUBERNETES_EXEC_INFO" | base64 | tr -d "\\n"'), ...exec },
    ...parts,
  });
  return JSON.parse(Buffer.from(plugin?.first.authorization?.slice(7) ?? '', 'base64').toString('utf8'));
}

const v1 = 'client.authentication.k8s.io/v1';

test('a user without a plugin has none', async (t) => {
  t.is(await run(t, { exec: null }), null);
});

test('a plugin does not hear of the cluster unless it wants to', async (t) => {
  const alone = { kind: 'ExecCredential', apiVersion: v1, spec: { interactive: false } };
  t.deepEqual(await asked(t, {}), alone);
  t.deepEqual(await asked(t, { exec: { provideClusterInfo: false, apiVersion: '' } }), alone);
});

test('a plugin that wants to hears of the cluster what the kubeconfig says, and no more', async (t) => {
  const exec = { provideClusterInfo: true };
  t.deepEqual(await asked(t, { exec }), {
    kind: 'ExecCredential',
    apiVersion: v1,
    spec: { cluster: { server: 'https://api' }, interactive: false },
  });
  const cluster = {
    'tls-server-name': 'api.example',
    'insecure-skip-tls-verify': true,
    'proxy-url': 'http://proxy',
    'disable-compression': true,
  };
  const extensions = [
    { name: 'other', extension: 1 },
    { name: 'client.authentication.k8s.io/exec', extension: { audience: 'us' } },
  ];
  t.deepEqual(await asked(t, { exec, cluster: { ...cluster, extensions }, ca: Buffer.from('PEM') }), {
    kind: 'ExecCredential',
    apiVersion: v1,
    spec: {
      cluster: {
        server: 'https://api',
        ...cluster,
        'certificate-authority-data': 'UEVN',
        config: { audience: 'us' },
      },
      interactive: false,
    },
  });
});

test('a plugin gets our environment, and what the kubeconfig adds', async (t) => {
  process.env['REGION_MONITOR_TEST_PLUGIN'] = 'ours';
  t.teardown(() => delete process.env['REGION_MONITOR_TEST_PLUGIN']);
  const variables = prints('echo "$REGION_MONITOR_TEST_PLUGIN/$ADDED/$(printenv EMPTY || echo unset)"');
  const env = [{ name: 'ADDED', value: 'theirs' }, { name: 'EMPTY' }];
  t.is((await run(t, { exec: { ...variables, env } }))?.first.authorization, 'Bearer ours/theirs/');
});

test('a command with a slash is a path beside the kubeconfig, another is looked up in PATH', async (t) => {
  await t.throwsAsync(run(t, { exec: { command: 'bin/plugin' } }), {
    instanceOf: AccessError,
    message:
      /^\/users: credential plugin \/users\/bin\/plugin of user "u" failed: it does not exist \(ENOENT\): .* executable$/,
  });
  await t.throwsAsync(run(t, { exec: { command: 'no-such-plugin', installHint: 'install it' } }), {
    message:
      /^\/users: credential plugin no-such-plugin of user "u" failed: it is not in PATH .* executable\. install it$/,
  });
});

for (const [what, exec, message] of [
  [
    'an old version',
    { apiVersion: 'client.authentication.k8s.io/v1alpha1' },
    /^\/users: credential plugin of user "u": apiVersion client.*v1alpha1 is not supported: update the plugin, .* or /,
  ],
  ['a mode that asks', { interactiveMode: 'Always' }, /: interactiveMode Always wants a terminal/],
  [
    'a mode that is not known',
    { interactiveMode: 'never' },
    /: interactiveMode never is not known: correct it/,
  ],
  ['no command', { command: '' }, /: command is empty: name the program/],
] as const)
  test(`a plugin is refused before it runs that has ${what}`, async (t) => {
    await t.throwsAsync(run(t, { exec: { ...prints('echo abc'), ...exec } }), {
      instanceOf: AccessError,
      message,
    });
  });

for (const interactiveMode of ['Never', 'IfAvailable', '', null])
  test(`a plugin may have the mode "${interactiveMode}"`, async (t) => {
    const plugin = await run(t, { exec: { ...prints('echo abc'), interactiveMode } });
    t.is(plugin?.first.authorization, 'Bearer abc');
  });

test('the signal ends the first run only, and close each one', async (t) => {
  const stop = new AbortController();
  const clock = new ScriptedClock();
  const plugin = await run(t, { exec: prints('date +%N'), signal: stop.signal, clock });
  stop.abort();
  const first = await plugin?.authorization();
  t.is(first, plugin?.first.authorization, 'what is good is not asked for again');
  const second = await plugin?.authorization(first);
  t.regex(second ?? '', /^Bearer \d+$/);
  t.not(second, first);
  t.deepEqual(plugin?.certificate(), {});
  await clock.pass(60_000);
  plugin?.close();
  await t.throwsAsync(async () => plugin?.authorization(second), { message: 'the monitor ends' });
});
