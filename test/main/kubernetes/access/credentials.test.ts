// Headers from token files, and from the auth-provider of old kubeconfigs.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { providerCredentials, tokenFile } from '../../../../src/main/kubernetes/access/credentials.ts';
import { ScriptedClock } from '../../../fixtures/scripted-clock.ts';

async function file(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'token-file-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  const path = join(dir, 'token');
  return { path, write: async (text: string) => writeFile(path, text), lose: async () => rm(path) };
}

test('a token file is read again when a minute has passed since it was read', async (t) => {
  const { path, write } = await file(t);
  const clock = new ScriptedClock({ monotonicMs: 0 });
  const authorization = tokenFile(path, clock);
  await write(' first\n');
  t.is(await authorization(), 'Bearer first');
  await write('second');
  await clock.pass(59_999);
  t.is(await authorization(), 'Bearer first');
  await clock.pass(1);
  t.is(await authorization(), 'Bearer second');
  await write('third');
  await clock.pass(59_999);
  t.is(await authorization(), 'Bearer second');
  await clock.pass(1);
  t.is(await authorization(), 'Bearer third');
});

test('a token that was refused is read again at once, one of an older request is not', async (t) => {
  const { path, write } = await file(t);
  const authorization = tokenFile(path, new ScriptedClock());
  await write('first');
  await authorization();
  await write('second');
  t.is(await authorization('Bearer an older one'), 'Bearer first');
  t.is(await authorization('Bearer first'), 'Bearer second');
});

test('a token file that is empty or gone leaves the token that was read before, and is looked at again each time', async (t) => {
  const { path, write, lose } = await file(t);
  const clock = new ScriptedClock();
  const authorization = tokenFile(path, clock);
  await write('first');
  await authorization();
  await clock.pass(60_000);
  await write(' \n');
  t.is(await authorization(), 'Bearer first');
  await lose();
  t.is(await authorization(), 'Bearer first');
  await write('second');
  t.is(await authorization(), 'Bearer second');
});

test('a token file that never held a token says so, unless there is a token beside it', async (t) => {
  const { path, write } = await file(t);
  const clock = new ScriptedClock();
  await t.throwsAsync(tokenFile(path, clock)(), { code: 'ENOENT' });
  t.is(await tokenFile(path, clock, 'beside it')(), 'Bearer beside it');
  await write('\n');
  await t.throwsAsync(tokenFile(path, clock)(), { message: `token file ${path} is empty` });
  t.is(await tokenFile(path, clock, 'beside it')(), 'Bearer beside it');
});

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** As of an identity provider; ends in the year 2100. */
function idToken(): string {
  return `${part({ alg: 'none' })}.${part({ exp: 4_102_444_800 })}.c2ln`;
}

test('an OpenID Connect provider of an old kubeconfig gives its token', async (t) => {
  const token = idToken();
  const provider = { name: 'oidc', config: { 'id-token': token } };
  t.is(await (await providerCredentials('jane', provider))(), `Bearer ${token}`);
});

test('an OpenID Connect provider whose token cannot be read says to log in again', async (t) => {
  const provider = { name: 'oidc', config: { 'id-token': 'a.b.c' } };
  const authorization = await providerCredentials('jane', provider);
  await t.throwsAsync(authorization(), {
    message: /^the auth-provider oidc of user "jane" gives no token: .*; log in again$/,
  });
});
