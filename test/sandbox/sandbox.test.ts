// `npm start`, as a newcomer sees it.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startCommand } from '../fixtures/command.ts';

const launcher = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));

test('it says what it watches and where to look, tells what changes, and cleans up', async (t) => {
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const sandbox = startCommand(t, [launcher, 'sandbox', '--workers=1', '--poll-period=1s'], { env });
  await sandbox.untilPrinted('What changes, as it is seen:');
  const introduction = sandbox.printed;
  t.regex(introduction, /^Watching 61 servers in 3 simulated regions \(.+\),$/m);
  const page = /^ {2}page {6}(http:\S+\/)$/m.exec(introduction)?.[1] ?? '';
  t.regex(await (await fetch(page)).text(), /<title>Region monitor<\/title>/);
  const kubeconfig = /^ +(\S+\/kubeconfig) get servers$/m.exec(introduction)?.[1] ?? '';
  t.true(existsSync(kubeconfig));
  await sandbox.untilPrinted(' → ');
  sandbox.kill('SIGINT');
  const { code, stdout, stderr } = await sandbox.ended;
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /\n\nstopped\.\n$/);
  t.false(stdout.includes('\u001b'), 'no colors, for it is no terminal');
  t.false(existsSync(kubeconfig));
});
