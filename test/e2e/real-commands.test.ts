// doctor and check on a real kube-apiserver, as a service account with exactly the rights of deploy/rbac.yaml, and on
// the real cloud where there is one. Skipped, saying so, where there is no API server.

import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { SandboxCloud } from '../../src/sandbox/openstack/cloud.ts';
import { credentialsOf, OpenstackLab } from '../fixtures/clouds/openstack-lab.ts';
import { type ControlPlane, startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { controlPlaneTests } from '../fixtures/kubernetes/control-plane-tests.ts';
import { type OneShotEnded, runOnce } from '../fixtures/kubernetes/one-shot.ts';
import { PlatformObjects } from '../fixtures/kubernetes/platform-objects.ts';
import { userKubeconfig } from '../fixtures/kubernetes/user-kubeconfig.ts';

const file: { controlPlane: ControlPlane | null } = { controlPlane: null };

test.before(async (t) => {
  file.controlPlane = await startControlPlane(t);
  await file.controlPlane?.installDefinitions('v1.16');
});

test.after.always(async () => {
  await file.controlPlane?.stop();
});

interface Account {
  readonly userId: string;
  readonly password: string;
  readonly projectId: string;
}

interface Cloud {
  readonly endpoint: string;
  readonly domainId: string;
  readonly service: Account;
  readonly project: Account;
  /** Name of a server in the project. */
  readonly server: string;
}

/** The lab, or else the sandbox's cloud. */
async function someCloud(t: ExecutionContext): Promise<Cloud> {
  const lab = await OpenstackLab.find();
  if (lab === null) {
    t.log('there is no OpenStack lab that answers: a simulated cloud stands in');
    const cloud = await SandboxCloud.start();
    t.teardown(async () => cloud.close());
    const { endpoint } = cloud;
    const [service, project] = [cloud.serviceAccount(), cloud.addIdentity()];
    const { name } = cloud.createServer(project.projectId, { name: 'one' });
    return { endpoint, domainId: service.domainId, service, project, server: name };
  }
  const { ada, alice } = lab.users;
  const seeded = (await lab.servers(alice)).find(({ status }) => status === 'ACTIVE');
  const { endpoint, domainId } = lab;
  return {
    endpoint,
    domainId,
    service: credentialsOf(ada),
    project: credentialsOf(alice),
    server: seeded?.name ?? '',
  };
}

function objectsOf(namespace: string, { endpoint, domainId, service, project, server }: Cloud): object[] {
  const objects = new PlatformObjects(namespace);
  const secret = 'credentials';
  return [
    objects.secret(secret, domainId, service),
    objects.region('lab', { endpoint, secret }),
    ...objects.identity('own', project),
    objects.server('server', { region: 'lab', identity: 'own', displayName: server }),
  ];
}

/** A kubeconfig for the service account that `manifest` is about. */
async function accountConfig(controlPlane: ControlPlane, namespace: string): Promise<string> {
  const token = (await controlPlane.kubectl('create', 'token', 'region-monitor', '-n', namespace)).trim();
  return userKubeconfig(controlPlane, { token });
}

controlPlaneTests().test(
  'a real API server: with the documented rights all is well, without one of them it says which',
  async (t) => {
    const { controlPlane } = file;
    if (controlPlane === null) throw new Error('there is no real API server');
    t.timeout(180_000);
    const namespace = await controlPlane.createNamespace();
    t.teardown(() => controlPlane.empty(namespace));
    const cloud = await someCloud(t);
    await controlPlane.apply(...objectsOf(namespace, cloud));
    const rbac = await readFile(new URL('../../deploy/rbac.yaml', import.meta.url), 'utf8');
    await controlPlane.applyManifest(rbac.replaceAll('unikorn-region', namespace));
    const kubeconfig = await accountConfig(controlPlane, namespace);
    const secrets = [cloud.service.password, cloud.project.password].filter(({ length }) => length > 8);
    const command = async (...args: [string, ...string[]]): Promise<OneShotEnded> => {
      const [name, ...flags] = args;
      return runOnce(t, { kubeconfig, args: [name, `--namespace=${namespace}`, ...flags], secrets });
    };

    const well = await command('doctor');
    t.is(well.code, 0, well.stdout);
    t.notRegex(well.stdout, /[✗!] /);
    t.regex(well.stdout, /✓ servers +\d+ server/);
    const json = await command('doctor', '--output=json');
    t.true(json.stdout.includes(`, as system:serviceaccount:${namespace}:region-monitor"`));

    const before = await controlPlane.kubectl('get', 'servers', '-n', namespace, '-o', 'json');
    const dry = await command('check', '--dry-run');
    t.is(dry.code, 0, dry.stderr);
    t.regex(dry.stdout, /Running +Healthy +was no phase, no health/);
    t.is(await controlPlane.kubectl('get', 'servers', '-n', namespace, '-o', 'json'), before);
    t.regex((await command('check')).stderr, /1 changed/);
    t.regex((await command('check')).stderr, /1 unchanged/);

    // All namespaces are more than was granted.
    const everywhere = await runOnce(t, { kubeconfig, args: ['doctor'], secrets });
    t.is(everywhere.code, 1);
    t.regex(
      everywhere.stdout.replaceAll(/\s+/g, ' '),
      /✗ read servers .*or give the --namespace that it is granted in/,
    );

    await controlPlane.kubectl('delete', 'rolebinding', 'region-monitor-secrets', '-n', namespace);
    const blind = await command('doctor');
    t.is(blind.code, 1);
    t.regex(blind.stdout.replaceAll(/\s+/g, ' '), /✗ read secrets .*may not get secrets in namespace/);
    t.regex(blind.stdout.replaceAll(/\s+/g, ' '), /resources \[secrets\], verbs \[get\]/);
  },
);
