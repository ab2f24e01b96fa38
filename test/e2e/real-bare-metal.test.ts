// The whole monitor with the definitions of v1.19, on a real Nova and a real Ironic: after each poll the object is compared
// with what both say. Skipped where they are not to be had.

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { parseServer } from '../../src/main/kubernetes/objects/resource-records.ts';
import { SandboxKubernetes } from '../../src/sandbox/kubernetes/api.ts';
import { findCondition } from '../../src/shared/conditions.ts';
import { identityLabel, nameLabel, organizationLabel, regionLabel } from '../../src/shared/labels.ts';
import { BareMetalLab, type Truth } from '../fixtures/clouds/bare-metal-lab.ts';
import { eventually } from '../fixtures/eventually.ts';
import { calmPeriodMs, type MonitorUnderTest, pace, startMonitor } from '../fixtures/monitor/monitor.ts';

const apiVersion = 'region.unikorn-cloud.org/v1alpha1';
const namespace = 'region';
const flavor = randomUUID();
const lab = await BareMetalLab.find();

/** Provision states in which a node is not yet ready to be deployed. */
const waiting = ['enroll', 'verifying', 'manageable', 'cleaning', 'available'];

/** By the original's tables; `before` is the phase that the object has. */
function expectation(truth: Truth, before: string): { phase: string; health: string } {
  const { status, power, nodes } = truth;
  if (status === 'BUILD') {
    const deployed = nodes.some((state) => !waiting.includes(state));
    return { phase: deployed ? 'Building' : 'Queued', health: 'False/Degraded' };
  }
  if (status === 'REBUILD') return { phase: 'Building', health: 'False/Provisioning' };
  const phase = power === 1 ? 'Running' : power === 4 ? 'Stopped' : before;
  if (status === 'ACTIVE') return { phase, health: 'True/Healthy' };
  return { phase, health: `False/${status === 'ERROR' ? 'Errored' : 'Degraded'}` };
}

const over = ['Succeeded', 'Failed'];

/** Where a rebuild that has come as far as `state` stands by now, by the original's table. */
function rebuildState({ status, task, imageId }: Truth, state: string, target: string): string {
  if (over.includes(state)) return state;
  const works = task !== null || status === 'REBUILD';
  if (imageId === target) return status === 'ERROR' ? 'Failed' : works ? 'Rebuilding' : 'Succeeded';
  return state === 'Rebuilding' && (status === 'ERROR' || !works) ? 'Failed' : state;
}

/** Nova's times have no zone or a Z, and are UTC. */
function kubernetesTime(time: string | null): string | undefined {
  return time === null ? undefined : `${time.slice(0, 19)}Z`;
}

function plant(cluster: SandboxKubernetes, real: BareMetalLab, name: string): void {
  const { user, admin } = real;
  const meta = (object: string, labels: Readonly<Record<string, string>> = {}) => ({
    name: object,
    namespace,
    labels,
  });
  const plain = {
    'domain-id': 'default',
    'user-id': admin.id,
    password: admin.password,
    'project-id': user.project_id,
  };
  const data = Object.fromEntries(
    Object.entries(plain).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata: meta('lab-credentials'), data });
  cluster.apply({
    apiVersion,
    kind: 'Region',
    metadata: meta('lab', { [nameLabel]: 'lab' }),
    spec: {
      provider: 'openstack',
      openstack: {
        endpoint: real.endpoint,
        serviceAccountSecret: { namespace, name: 'lab-credentials' },
        compute: {
          flavors: { metadata: [{ id: flavor, baremetal: true, cpu: { count: 8 }, memory: '32Gi' }] },
        },
      },
    },
  });
  cluster.apply({
    apiVersion,
    kind: 'Identity',
    metadata: meta('identity'),
    spec: { provider: 'openstack' },
  });
  cluster.apply({
    apiVersion,
    kind: 'OpenstackIdentity',
    metadata: meta('identity'),
    spec: { userID: user.id, password: user.password, projectID: user.project_id },
  });
  cluster.apply({
    apiVersion,
    kind: 'Server',
    metadata: meta(name, {
      [nameLabel]: name,
      [organizationLabel]: 'acme',
      [regionLabel]: 'lab',
      [identityLabel]: 'identity',
    }),
    spec: {
      provider: 'openstack',
      flavorID: flavor,
      image: { id: real.imageId },
      networks: [{ id: randomUUID() }],
    },
    status: { phase: 'Pending' },
  });
}

/** One server: its object, its truth, and the monitor between them. */
class Watched {
  compared = 0;
  readonly #name: string;
  readonly #id: string;
  readonly #real: BareMetalLab;
  readonly #cluster: SandboxKubernetes;
  readonly #monitor: MonitorUnderTest;
  readonly #patienceMs: number;
  /** Launch that was seen first. */
  #provisioned: string | undefined;

  constructor(options: {
    name: string;
    id: string;
    real: BareMetalLab;
    cluster: SandboxKubernetes;
    monitor: MonitorUnderTest;
    patienceMs: number;
  }) {
    this.#name = options.name;
    this.#id = options.id;
    this.#real = options.real;
    this.#cluster = options.cluster;
    this.#monitor = options.monitor;
    this.#patienceMs = options.patienceMs;
  }

  get shown() {
    const object = this.#cluster.get('servers', namespace, this.#name);
    if (object === undefined) throw new Error('there is no object');
    const { phase, conditions, rebuild } = parseServer(object);
    const health = findCondition(conditions, 'Healthy');
    const { scheduledAt, launchedAt, provisionedAt } = object.status ?? {};
    return {
      phase,
      health: `${health?.status}/${health?.reason}`,
      scheduledAt,
      launchedAt,
      provisionedAt,
      rebuild: rebuild?.state,
      target: rebuild?.targetImageId,
    };
  }

  askForRebuild(targetImageID: string, state: string): void {
    this.#cluster.patchStatus('servers', namespace, this.#name, {
      status: { rebuild: { targetImageID, state } },
    });
  }

  /** Polls until the object is as wanted, and compares after each poll during which the clouds stood still. */
  async until(wanted: Readonly<Record<string, unknown>>): Promise<void> {
    await eventually(
      JSON.stringify(wanted),
      async () => {
        await this.#compareOnce();
        const shown = new Map<string, unknown>(Object.entries(this.shown));
        return Object.entries(wanted).every(([key, value]) => shown.get(key) === value);
      },
      { timeoutMs: 2 * this.#patienceMs },
    );
  }

  async #compareOnce(): Promise<void> {
    const { phase: before } = this.shown;
    const truth = await this.#real.truth(this.#id);
    this.#provisioned ??= kubernetesTime(truth.launched);
    await this.#monitor.untilRegionPolled('lab', 0);
    const expected = {
      ...expectation(truth, before),
      scheduledAt: kubernetesTime(truth.created),
      launchedAt: kubernetesTime(truth.launched) ?? this.shown.launchedAt,
      provisionedAt: this.#provisioned,
    };
    // A write may still be on its way.
    const stands = async (): Promise<boolean> => {
      const { target, rebuild: state } = this.shown;
      const rebuild =
        state === undefined || target === undefined ? state : rebuildState(truth, state, target);
      if (isDeepStrictEqual(this.shown, { ...expected, target, rebuild })) return true;
      return !isDeepStrictEqual(truth, await this.#real.truth(this.#id));
    };
    await eventually(
      `${JSON.stringify(this.shown)} becomes ${JSON.stringify(expected)}: ${JSON.stringify(truth)}`,
      stands,
      { timeoutMs: this.#patienceMs, everyMs: 500 },
    );
    if (isDeepStrictEqual(truth, await this.#real.truth(this.#id))) this.compared += 1;
  }
}

const needsLab = lab === null ? test.skip : test;

needsLab('a bare-metal server on a real Nova and a real Ironic, and three rebuilds of it', async (t) => {
  if (lab === null) throw new Error('there is no lab');
  t.timeout(900_000);
  const name = `metal-${randomUUID().slice(0, 8)}`;
  const cluster = await SandboxKubernetes.start({ profile: 'v1.19' });
  t.teardown(async () => cluster.close());
  plant(cluster, lab, name);
  const other = await lab.createImage(`${name}-other`);
  t.teardown(async () => lab.deleteImage(other));
  // No host can run it, so a rebuild with it fails, and Nova goes back to the image before.
  const impossible = await lab.createImage(`${name}-impossible`, { img_hv_type: 'xen' });
  t.teardown(async () => lab.deleteImage(impossible));
  const id = await lab.createServer(name, lab.imageId);
  t.teardown(async () => lab.deleteServer(id));
  await lab.holdInBuild(id);
  const node = await lab.createNode(name);
  t.teardown(async () => lab.deleteNode(node));
  // A login costs this Keystone half a second, and on a busy machine many.
  const periodMs = calmPeriodMs(10_000);
  const monitor = await startMonitor(t, {
    kubeconfig: cluster.kubeconfig(namespace),
    flags: [`--namespace=${namespace}`, ...pace(periodMs), '--transition-poll-period=0'],
    secrets: () => [lab.user.password],
  });
  t.teardown(() => {
    if (!t.passed)
      for (const { level, msg, fields, error } of monitor.lines)
        if (level === 'error') t.log(msg, error, fields);
  });
  const server = new Watched({ name, id, real: lab, cluster, monitor, patienceMs: 60_000 + 6 * periodMs });

  // Without a node, with one that is free, while it is deployed, and when it has booted.
  await server.until({ phase: 'Queued' });
  await lab.bind(node, id);
  await server.until({ phase: 'Queued' });
  t.deepEqual((await lab.truth(id)).nodes, ['available']);
  await lab.deploy(node);
  await server.until({ phase: 'Building', provisionedAt: undefined });
  await lab.boot(id);
  await server.until({ phase: 'Running', health: 'True/Healthy' });
  const { provisionedAt } = server.shown;
  t.is(typeof provisionedAt, 'string');
  const histogram = async (kind: string) =>
    monitor.total(`unikorn_region_server_${kind}_duration_seconds_count`);
  // The object shows it a moment before the answer to our write is here.
  await monitor.untilLogged('instance phase transition', { instance_id: name, to_phase: 'Running' });
  for (const kind of ['provision', 'scheduling'])
    await eventually(`a ${kind} duration`, async () => (await histogram(kind)) === 1);

  // A rebuild that succeeds.
  server.askForRebuild(other, 'Initiated');
  await server.until({ rebuild: 'Initiated' });
  await lab.act(id, { rebuild: { imageRef: other } });
  await server.until({ rebuild: 'Succeeded', phase: 'Running', health: 'True/Healthy', provisionedAt });

  // One that fails after Nova has accepted it.
  await lab.act(id, { rebuild: { imageRef: impossible } });
  server.askForRebuild(impossible, 'Rebuilding');
  await server.until({ rebuild: 'Failed', health: 'False/Errored', provisionedAt });
  t.like(await lab.truth(id), { status: 'ERROR', imageId: other });
  await lab.act(id, { 'os-resetState': { state: 'active' } });
  await server.until({ health: 'True/Healthy' });

  // One that another takes the place of.
  await lab.act(id, { rebuild: { imageRef: lab.imageId } });
  server.askForRebuild(other, 'Rebuilding');
  await lab.untilStatus(id, 'ACTIVE');
  await server.until({ rebuild: 'Failed', phase: 'Running', health: 'True/Healthy', provisionedAt });

  t.true(server.compared >= 5, `${server.compared} polls were compared`);
  t.log(`${server.compared} polls were compared`);
  t.is(await histogram('provision'), 1, 'rebuilds are not boots');
  const phases = () =>
    monitor
      .logged('instance phase transition', { instance_id: name })
      .map(({ fields }) => String(fields['to_phase']));
  await eventually('the last phase is logged', () => phases().at(-1) === 'Running');
  for (const phase of ['Queued', 'Building', 'Running']) t.true(phases().includes(phase), phase);
  t.deepEqual(
    monitor
      .logged('failed to get ironic node for server')
      .filter(({ fields }) => fields['code'] !== 'timeout'),
    [],
  );
});
