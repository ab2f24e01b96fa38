import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Network } from '../../../src/shared/network/network.ts';
import type { ServerHealthJob, ServerHealthResult } from '../../../src/shared/server-health.ts';
import { Connections } from '../../../src/workers/openstack/connections.ts';
import { ServerHealthCheck } from '../../../src/workers/server-health/check.ts';
import { healthJob, runJob } from '../../fixtures/clouds/health-job.ts';
import { ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8');
const tls = { cert: pem('loopback.pem'), key: pem('loopback-key.pem') };
const ca = pem('ca.pem');
const unreadableCa = ca.replace(/\n[^\n]{60}/, '\nAAAA');

function jobWith(cloud: ScriptedCloud, caCertificate: string | null): ServerHealthJob {
  const target = { provider: 'openstack', endpoint: cloud.url, catalogRegion: null, caCertificate } as const;
  return healthJob(cloud, { target });
}

function outcome({ projects }: ServerHealthResult): string {
  const [project] = projects;
  if (project === undefined) return 'no project';
  return project.outcome.ok ? 'ok' : `${project.outcome.error.code}: ${project.outcome.error.message}`;
}

test("a region's own CA is trusted beside the system's", async (t) => {
  await using cloud = await ScriptedCloud.start(tls);
  t.is(outcome(await runJob(jobWith(cloud, ca))), 'ok');
  t.is(outcome(await runJob(jobWith(cloud, `a comment\n${ca}\n${ca}`))), 'ok');
});

test("of a region's own CAs, those count that can be read and have not expired", async (t) => {
  await using cloud = await ScriptedCloud.start(tls);
  const bundle = `${unreadableCa}${pem('chains/x-expired.pem')}${ca.replaceAll('\n', '\r\n')}`;
  t.is(outcome(await runJob(jobWith(cloud, bundle))), 'ok');
  t.regex(
    outcome(await runJob(jobWith(cloud, pem('chains/x-expired.pem')))),
    /^tls: .*UNABLE_TO_GET_ISSUER_CERT_LOCALLY.*CN=X expired on 2021-01-01/,
  );
});

test('an unknown CA is a TLS error that names what is wrong', async (t) => {
  await using cloud = await ScriptedCloud.start(tls);
  t.regex(outcome(await runJob(jobWith(cloud, null))), /^tls: .*UNABLE_TO_GET_ISSUER_CERT_LOCALLY/);
  t.is(cloud.received.length, 0);
});

const chainKey = tls.key;
const leaf = pem('chain-leaf.pem');
const intermediate = pem('chain-intermediate.pem');

for (const [name, sent, anchor] of [
  ['an intermediate, the whole chain sent', leaf + intermediate, intermediate],
  ['an intermediate, the leaf alone sent', leaf, intermediate],
  ["the server's own certificate", leaf, leaf],
] as const)
  test(`what ca.crt holds is an anchor: ${name}`, async (t) => {
    await using cloud = await ScriptedCloud.start({ cert: sent, key: chainKey });
    t.is(outcome(await runJob(jobWith(cloud, anchor))), 'ok');
    t.regex(outcome(await runJob(jobWith(cloud, ca))), /^tls: /);
  });

test('SSL_CERT_FILE is trusted beside ca.crt and without one', async (t) => {
  const file = new URL('../../fixtures/tls/chain-root.pem', import.meta.url).pathname;
  await using cloud = await ScriptedCloud.start({ cert: leaf + intermediate, key: chainKey });
  const network = new Network({ SSL_CERT_FILE: file });
  const check = new ServerHealthCheck({ connections: new Connections({ network }) });
  const signal = new AbortController().signal;
  t.is(outcome(await check.run(jobWith(cloud, null), signal)), 'ok');
  t.is(outcome(await check.run(jobWith(cloud, ca), signal)), 'ok');
  await check.close();
});

const oldClouds = { weak: /^ok$/, weaker: /^tls: .*UNSPECIFIED \(EE certificate key too weak\)/ };

for (const [name, expected] of Object.entries(oldClouds))
  test(`a cloud whose key is ${name}: 1024 bits are enough, as for Go, 768 are not`, async (t) => {
    const own = { cert: pem(`${name}.pem`), key: pem(`${name}-key.pem`), ciphers: 'DEFAULT:@SECLEVEL=0' };
    await using cloud = await ScriptedCloud.start(own);
    t.regex(outcome(await runJob(jobWith(cloud, own.cert))), expected);
  });

const unreadable = ['', 'no certificate', unreadableCa, tls.key];

unreadable.forEach((text, index) => {
  test(`a CA that cannot be read is a fault of the configuration, not ignored (${index})`, async (t) => {
    await using cloud = await ScriptedCloud.start(tls);
    t.regex(outcome(await runJob(jobWith(cloud, text))), /^invalid-config: the region's CA certificate/);
  });
});

test('jobs share the pool of an origin and a CA, and idle pools close', async (t) => {
  await using cloud = await ScriptedCloud.start(tls);
  const connections = new Connections({ idleMs: 50 });
  const check = new ServerHealthCheck({ connections });
  const signal = new AbortController().signal;
  await Promise.all([check.run(jobWith(cloud, ca), signal), check.run(jobWith(cloud, ca), signal)]);
  t.is(connections.size, 1);
  t.true(cloud.sockets <= 2);
  for (let waits = 0; connections.size > 0 && waits < 500; waits += 1) await sleep(20);
  t.is(connections.size, 0);
  // It opens again when it is wanted again.
  t.is(outcome(await check.run(jobWith(cloud, ca), signal)), 'ok');
  t.is(connections.size, 1);
  await check.close();
  t.is(connections.size, 0);
});

test('a pool that is taken up again does not close under its job', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v2.1/servers/detail', { body: { servers: [] } }, (_, response) => {
    setTimeout(() => response.end('{"servers": []}'), 1500);
    return null;
  });
  const check = new ServerHealthCheck({ connections: new Connections({ idleMs: 500 }) });
  const signal = new AbortController().signal;
  t.is(outcome(await check.run(healthJob(cloud), signal)), 'ok');
  t.is(outcome(await check.run(healthJob(cloud), signal)), 'ok');
  await check.close();
});

test('a pool is kept for the next poll', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const connections = new Connections();
  const check = new ServerHealthCheck({ connections });
  t.teardown(async () => check.close());
  const poll = async () => check.run(healthJob(cloud), new AbortController().signal);
  t.is(outcome(await poll()), 'ok');
  await sleep(20);
  t.is(connections.size, 1);
  t.is(outcome(await poll()), 'ok');
  t.is(cloud.sockets, 1);
});

test('regions with the same address share no pool where they trust others, or wait for longer', async (t) => {
  await using cloud = await ScriptedCloud.start(tls);
  const connections = new Connections();
  const check = new ServerHealthCheck({ connections });
  t.teardown(async () => check.close());
  const signal = new AbortController().signal;
  t.is(outcome(await check.run(jobWith(cloud, ca), signal)), 'ok');
  t.regex(outcome(await check.run(jobWith(cloud, null), signal)), /^tls: /);
  t.is(connections.size, 2);
  t.regex(
    outcome(await check.run(jobWith(cloud, ''), signal)),
    /^invalid-config: /,
    'none is not an empty one',
  );
  t.is(outcome(await check.run({ ...jobWith(cloud, ca), requestTimeoutMs: 20_000 }, signal)), 'ok');
  t.is(connections.size, 3);
});
