// What everybody around the monitor may send back at it: credentials in error messages, redirects to elsewhere, names that
// look like paths and headers. Nothing secret is shown, nothing is sent where it does not belong.

import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { isJsonObject, type KubernetesObject, parseJson } from '../../src/sandbox/kubernetes/object.ts';
import { apiGroup, apiVersion, identityLabel, regionLabel } from '../../src/shared/labels.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { novaServer, type Received, ScriptedCloud, type Step } from '../fixtures/clouds/scripted-cloud.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { refuseSecrets } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { startOtlpReceiver } from '../fixtures/monitor/otlp-receiver.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const unresolved = 'failed to resolve region, skipping';
const unchecked = 'failed to check server, skipping';

async function startCloud(t: ExecutionContext): Promise<ScriptedCloud> {
  const cloud = await ScriptedCloud.start();
  t.teardown(async () => cloud[Symbol.asyncDispose]());
  return cloud;
}

/** A login for whatever project is asked for, with this token. */
function loginWith(cloud: ScriptedCloud, token: string): Step {
  return (request: Received) => {
    const body = parseJson(request.body);
    const auth = isJsonObject(body) ? body['auth'] : undefined;
    const scope = isJsonObject(auth) ? auth['scope'] : undefined;
    const project = isJsonObject(scope) ? scope['project'] : undefined;
    return {
      ...cloud.token(request, { token: { project } }),
      headers: { 'x-subject-token': token },
    };
  };
}

/** Repeats everything that it was sent, as a careless service or proxy does. */
function echo(status: number): Step {
  return ({ headers, body }) => ({
    status,
    body: { fault: { message: `cannot read ${JSON.stringify(headers)} ${body}` } },
  });
}

test('clouds repeat passwords and tokens in their errors: no line, metric, span or page shows them', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(async () => receiver.close());
  const sandbox = await startSandbox(t);
  const token = `planted-${randomUUID()}`;
  const clouds: Readonly<Record<string, (cloud: ScriptedCloud) => void>> = {
    'login-400': (cloud) => cloud.on('POST /v3/auth/tokens', echo(400)),
    'login-401': (cloud) => cloud.on('POST /v3/auth/tokens', echo(401)),
    'login-500': (cloud) => cloud.on('POST /v3/auth/tokens', echo(500)),
    'list-400': (cloud) => cloud.on('GET /v2.1/servers/detail', echo(400)),
    'list-403': (cloud) => cloud.on('GET /v2.1/servers/detail', echo(403)),
    'list-500': (cloud) => cloud.on('GET /v2.1/servers/detail', echo(500)),
    'flavors-400': (cloud) => cloud.on('GET /v2.1/flavors/detail', echo(400)),
  };
  for (const [id, script] of Object.entries(clouds)) {
    const cloud = await startCloud(t);
    cloud.on('POST /v3/auth/tokens', loginWith(cloud, token));
    script(cloud);
    const region = await sandbox.addRegion(id);
    region.putSecret({ password: sandbox.newPassword() });
    sandbox.addServer(region.addProject(), { id: `in-${id}` });
    sandbox.cluster.patch('regions', namespace, id, { spec: { openstack: { endpoint: cloud.url } } });
  }
  const monitor = await sandbox.startMonitor(
    `--otlp-endpoint=${receiver.endpoint}`,
    '--trace-sampling-ratio=1',
  );
  for (const id of Object.keys(clouds)) {
    const said = id.startsWith('login') ? 'answered' : 'cannot read';
    await eventually(`what is wrong with ${id}`, () =>
      monitor.lines.some(({ fields, error }) => fields['region'] === id && error.includes(said)),
    );
  }
  const secrets = [token, ...sandbox.secrets()];
  const pages = await monitor.shown();
  for (const path of ['/', '/metrics', '/statusz']) pages.set(path, (await monitor.get(path)).text);
  pages.set('/events', await firstEvents(`${await monitor.url()}/events`));
  await monitor.stop();
  t.true(receiver.spans.length > 0 && receiver.exports.length > 0);
  pages.set(
    'spans',
    JSON.stringify(receiver.spans, (_, value: unknown) => (typeof value === 'bigint' ? '' : value)),
  );
  pages.set('exported metrics', JSON.stringify(receiver.exports.map(({ metrics }) => [...metrics])));
  pages.set('log', JSON.stringify(monitor.lines));
  for (const [where, text] of pages) {
    t.notThrows(() => refuseSecrets(where, text, secrets));
    t.true(text.length > 0, where);
  }
});

/** What a page of the browser is sent at once. */
async function firstEvents(url: string): Promise<string> {
  const stop = new AbortController();
  const { body } = await fetch(url, { signal: stop.signal });
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.includes('regions')) break;
  }
  stop.abort();
  return text;
}

test('clouds redirect logins and lists to another host: nothing is sent there', async (t) => {
  const other = await startCloud(t);
  const sandbox = await startSandbox(t);
  const redirect = (path: string): Step => ({ status: 307, headers: { location: `${other.url}${path}` } });
  const clouds: Readonly<Record<string, (cloud: ScriptedCloud) => void>> = {
    login: (cloud) => cloud.on('POST /v3/auth/tokens', redirect('/v3/auth/tokens')),
    list: (cloud) => cloud.on('GET /v2.1/servers/detail', redirect('/v2.1/servers/detail')),
    next: (cloud) =>
      cloud.on('GET /v2.1/servers/detail', {
        body: {
          // What brings nothing new would not be followed in any case.
          servers: [novaServer('a')],
          servers_links: [{ rel: 'next', href: `${other.url}/v2.1/servers/detail?marker=a` }],
        },
      }),
  };
  for (const [id, script] of Object.entries(clouds)) {
    const cloud = await startCloud(t);
    cloud.on('POST /v3/auth/tokens', loginWith(cloud, 'token'));
    script(cloud);
    const region = await sandbox.addRegion(id);
    sandbox.addServer(region.addProject(), { id: `in-${id}` });
    sandbox.cluster.patch('regions', namespace, id, { spec: { openstack: { endpoint: cloud.url } } });
  }
  const monitor = await sandbox.startMonitor();
  for (const id of Object.keys(clouds)) await monitor.untilLogged(unresolved, { region: id });
  await monitor.untilPolled(2);
  t.deepEqual(other.received, []);
});

test('a Region names a Secret by a path: it is refused and not looked up', async (t) => {
  const sandbox = await startSandbox(t);
  const names = ['../../../apis/x', 'a/b', 'a%2fb', '..', 'a?watch=true', 'a\r\nx-injected: yes', 'a#b'];
  for (const [index, name] of names.entries())
    sandbox.cluster.apply({
      apiVersion: `${apiGroup}/${apiVersion}`,
      kind: 'Region',
      metadata: { name: `region-${index}`, namespace },
      spec: {
        provider: 'openstack',
        openstack: { endpoint: 'http://127.0.0.1:1', serviceAccountSecret: { namespace, name } },
      },
    });
  const good = await sandbox.addRegion('good');
  sandbox.addServer(good.addProject(), { id: 'in-good' });
  const monitor = await sandbox.startMonitor();
  for (const index of names.keys()) await monitor.untilLogged(unresolved, { region: `region-${index}` });
  await sandbox.untilPhase('in-good', 'Running');
  const asked = sandbox.cluster.requests.matching({ action: 'get secrets' });
  const paths = new Set(asked.map(({ path }) => path));
  for (const path of paths) t.regex(path, /^\/api\/v1\/namespaces\/region\/secrets\/[^/]+$/);
  // Only what no path could be made of something else; the others were not sent at all.
  t.deepEqual(
    [...paths].map((path) => path.split('/').at(-1) ?? '').toSorted(),
    ['a%0D%0Ax-injected%3A%20yes', 'a%23b', 'a%3Fwatch%3Dtrue', good.secretName].toSorted(),
  );
  t.deepEqual(
    sandbox.cluster.requests.records.filter(({ query }) => query.get('watch') === 'true' && query.size < 3),
    [],
  );
});

test('labels that look like paths, queries and headers change only the line about them', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('good');
  const project = region.addProject();
  sandbox.addServer(project, { id: 'fine' });
  const hostile = [
    '../../secrets',
    'a?b=c',
    'a#b',
    '%2e%2e%2f',
    'x\r\ny: z',
    '__proto__',
    'constructor',
    '"}\n{"msg":"x"',
  ];
  // The stand-in refuses such labels, as the API server does: they come by a list.
  const items = sandbox.cluster
    .list('servers', namespace)
    .flatMap((object) => [
      object,
      ...hostile.flatMap((value, index) => [
        relabelled(object, `by-region-${index}`, { [regionLabel]: value }),
        relabelled(object, `by-identity-${index}`, { [identityLabel]: value }),
      ]),
    ]);
  sandbox.cluster.faults.add(
    { action: 'list servers' },
    {
      kind: 'respond',
      status: 200,
      body: {
        apiVersion: `${apiGroup}/${apiVersion}`,
        kind: 'ServerList',
        metadata: { resourceVersion: sandbox.cluster.resourceVersion },
        items,
      },
    },
  );
  const monitor = await sandbox.startMonitor();
  await sandbox.untilPhase('fine', 'Running');
  for (const [index, value] of hostile.entries()) {
    const { error } = await monitor.untilLogged(unresolved, { region: value });
    t.is(error, "region doesn't exist");
    const line = await monitor.untilLogged(unchecked, { server: `by-identity-${index}` });
    t.is(line.error, `identities.region.unikorn-cloud.org ${JSON.stringify(value)} not found`);
  }
  await monitor.untilStates('good', { running: 1 });
  t.is((await monitor.get('/statusz')).status, 200);
  // Each series is one line of the exposition, whatever its labels hold.
  const { text } = await monitor.get('/metrics');
  for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#')))
    t.regex(line, /^[a-z_:]+(?:\{[^\n]*\})? [-+.\deNaInf]+$/);
});

function relabelled(object: KubernetesObject, name: string, labels: Readonly<Record<string, string>>) {
  const { metadata } = object;
  return {
    ...object,
    metadata: { ...metadata, name, uid: randomUUID(), labels: { ...metadata.labels, ...labels } },
  };
}

test('a Region of another namespace with the name of a platform Region gets no password of the platform', async (t) => {
  const other = await startCloud(t);
  other.on('POST /v3/auth/tokens', loginWith(other, 'token'));
  const sandbox = await startSandbox(t);
  // Regions are listed by namespace: this one comes first.
  for (const [name, secretNamespace] of [
    ['shared', namespace],
    ['borrowing', namespace],
  ] as const)
    sandbox.cluster.apply({
      apiVersion: `${apiGroup}/${apiVersion}`,
      kind: 'Region',
      metadata: { name, namespace: 'another' },
      spec: {
        provider: 'openstack',
        openstack: {
          endpoint: other.url,
          serviceAccountSecret: { namespace: secretNamespace, name: 'shared-credentials' },
        },
      },
    });
  const region = await sandbox.addRegion('shared');
  sandbox.addServer(region.addProject(), { id: 'in-shared' });
  const monitor = await sandbox.startMonitor('--namespace=');
  const line = await monitor.untilLogged(unresolved, { region: 'borrowing' });
  t.regex(line.error, /must be in the Region's namespace/);
  await monitor.untilPolled(2);
  t.deepEqual(other.received, []);
});
