// Clouds that cannot be reached, or that do not keep up the conversation.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startBlackHole } from '../fixtures/clouds/black-hole.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { setNamesResolve } from '../fixtures/clouds/scripted-names.ts';
import { startCommand } from '../fixtures/command.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { FaultSuite, type WatchedRegion } from '../fixtures/fault-suite.ts';
import { type Outage, surviveOutage } from '../fixtures/monitor/outage.ts';

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start();
});

test.afterEach(assertDocumented);

test.after.always('all is as it was before', async (t) => suite.finish(t));

const list = { route: 'GET /servers/detail' } as const;
const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');
const key = pem('loopback-key');
const tls = { key, cert: pem('loopback') };
const trusted = { 'ca.crt': `${pem('ca')}${pem('other-ca')}` };

/** Shows another certificate from now on; connections that there are would not see it. */
async function present({ region }: WatchedRegion, certificate: string): Promise<void> {
  await region.cloud.pause();
  region.cloud.setCertificate({ key, cert: pem(certificate) });
  await region.cloud.resume();
}

const outages: readonly Outage[] = [
  {
    id: 'refused',
    name: 'connections are refused',
    inject: async ({ region }) => region.cloud.pause(),
    heal: async ({ region }) => region.cloud.resume(),
    codes: ['unreachable'],
    says: /127\.0\.0\.1:\d+ failed: ECONNREFUSED/,
  },
  {
    id: 'dropped',
    name: 'SYN packets are dropped',
    inject: async ({ id }, t) => suite.setEndpoint(id, await startBlackHole(t)),
    heal: ({ id, region }) => suite.setEndpoint(id, region.cloud.endpoint),
    codes: ['timeout'],
    says: /no answer within \d+ ms|deadline/,
  },
  {
    id: 'silent',
    name: 'the cloud accepts and never answers',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'hang' }),
    codes: ['timeout'],
    says: /no answer within \d+ ms|deadline/,
  },
  {
    id: 'dripping',
    name: 'the answer comes one byte a second',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'drip' }),
    codes: ['timeout'],
    says: /no answer within \d+ ms|deadline/,
  },
  {
    id: 'cut',
    name: 'the connection is cut in the middle of a body',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'cut' }, list),
    codes: ['unreachable'],
    says: /GET \/servers\/detail at 127\.0\.0\.1:\d+ failed/,
  },
  {
    id: 'reset',
    name: 'the connection is reset before the answer',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'reset' }, list),
    codes: ['unreachable'],
    says: /failed: ECONNRESET|other side closed/,
  },
  {
    id: 'unnamed',
    name: 'the host name cannot be resolved, and later it can',
    prepare: (region) => {
      setNamesResolve(true);
      const url = new URL(region.cloud.endpoint);
      url.hostname = 'keystone.scripted.test';
      suite.setEndpoint(region.id, url.href);
    },
    inject: async ({ region }) => {
      setNamesResolve(false);
      region.cloud.revokeTokens();
      // What is connected needs no name.
      await region.cloud.pause();
      await region.cloud.resume();
    },
    heal: () => setNamesResolve(true),
    codes: ['unreachable'],
    says: /keystone\.scripted\.test:\d+ failed: ENOTFOUND/,
  },
  {
    id: 'unknown-ca',
    name: 'the certificate is from an unknown CA, until the Secret has that CA',
    cloud: { tls },
    prepare: (region) => region.putSecret(trusted),
    inject: ({ region }) => region.putSecret(),
    heal: ({ region }) => region.putSecret({ 'ca.crt': pem('ca') }),
    codes: ['tls'],
    says: /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED/,
  },
  {
    id: 'expired-certificate',
    name: 'the certificate has expired',
    cloud: { tls },
    prepare: (region) => region.putSecret(trusted),
    inject: async (watched) => present(watched, 'expired'),
    heal: async (watched) => present(watched, 'loopback'),
    codes: ['tls'],
    says: /CERT_HAS_EXPIRED/,
  },
  {
    id: 'other-host',
    name: 'the certificate is for another host',
    cloud: { tls },
    prepare: (region) => region.putSecret(trusted),
    inject: async (watched) => present(watched, 'other-host'),
    heal: async (watched) => present(watched, 'loopback'),
    codes: ['tls'],
    says: /ERR_TLS_CERT_ALTNAME_INVALID/,
  },
];

for (const outage of outages) test(outage.name, async (t) => surviveOutage(t, suite, outage));

test('a private CA is also trusted by file (NODE_EXTRA_CA_CERTS)', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('by-file', { tls });
  sandbox.addServer(region.addProject(), { id: 'by-file' });
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace));
  const program = fileURLToPath(new URL('../../bin/region-monitor', import.meta.url));
  const check = async (env: NodeJS.ProcessEnv) =>
    startCommand(t, [program, 'check', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`], {
      env: { ...process.env, ...env },
    }).ended;

  const without = await check({});
  t.not(without.code, 0);
  t.regex(without.stdout + without.stderr, /UNABLE_TO_GET_ISSUER_CERT_LOCALLY/);
  const file = fileURLToPath(new URL('../fixtures/tls/ca.pem', import.meta.url));
  const trusting = await check({ NODE_EXTRA_CA_CERTS: file });
  t.is(trusting.code, 0, trusting.stdout + trusting.stderr);
  t.is(sandbox.server('by-file').phase, 'Running');
});
