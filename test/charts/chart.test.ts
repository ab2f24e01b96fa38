// What the chart renders: against the flags, the rights that the monitor needs, and a real API server.

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import * as v from 'valibot';
import { type RequiredRight, requiredRights, rightsFor } from '../../src/main/kubernetes/required-rights.ts';
import type { CheckName } from '../../src/main/options/check-names.ts';
import { allFlags, type Flag } from '../../src/main/options/flags.ts';
import { addFlags, type Options, readOptions } from '../../src/main/options/options.ts';
import { allValues, chartFolder, helm, type Rendered, render, set, tryRender } from '../fixtures/chart.ts';
import { hasControlPlane, startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { controlPlaneTests } from '../fixtures/kubernetes/control-plane-tests.ts';

const texts = v.array(v.string());
const probeSchema = v.looseObject({ httpGet: v.object({ path: v.string(), port: v.string() }) });
const containerSchema = v.looseObject({
  image: v.string(),
  args: texts,
  env: v.array(v.looseObject({ name: v.string(), value: v.optional(v.string(), '') })),
  ports: v.optional(v.array(v.object({ name: v.string(), containerPort: v.number() }))),
  livenessProbe: v.optional(probeSchema),
  readinessProbe: v.optional(probeSchema),
  securityContext: v.looseObject({
    allowPrivilegeEscalation: v.boolean(),
    readOnlyRootFilesystem: v.boolean(),
    capabilities: v.object({ drop: texts }),
  }),
});
const deploymentSchema = v.object({
  spec: v.looseObject({
    replicas: v.number(),
    strategy: v.unknown(),
    template: v.object({
      spec: v.looseObject({
        serviceAccountName: v.string(),
        terminationGracePeriodSeconds: v.number(),
        imagePullSecrets: v.optional(v.unknown()),
        securityContext: v.unknown(),
        containers: v.tuple([containerSchema]),
      }),
    }),
  }),
});
const roleSchema = v.object({
  rules: v.array(
    v.strictObject({
      apiGroups: texts,
      resources: texts,
      verbs: texts,
      resourceNames: v.optional(texts),
    }),
  ),
});

function only(objects: readonly Rendered[], kind: string): Rendered {
  const [first, ...others] = objects.filter((object) => object.kind === kind);
  if (first === undefined || others.length > 0) throw new Error(`not one ${kind} but ${others.length + 1}`);
  return first;
}

function podOf(objects: readonly Rendered[]) {
  return v.parse(deploymentSchema, only(objects, 'Deployment')).spec.template.spec;
}

function containerOf(objects: readonly Rendered[]) {
  return podOf(objects).containers[0];
}

/** The options that a monitor with the container's arguments runs with. */
function optionsOf(objects: readonly Rendered[]): Options {
  const { args } = containerOf(objects);
  return readOptions(addFlags(new Command()).exitOverride().parse(args, { from: 'user' }), {});
}

/** "verb group/resource" for each right that an object of the kind grants, by namespace ("" for all). */
function rightsOf(objects: readonly Rendered[], kind: string): Record<string, readonly string[]> {
  const granted: Record<string, string[]> = {};
  for (const object of objects.filter((each) => each.kind === kind)) {
    const rights = v
      .parse(roleSchema, object)
      .rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
        ),
      );
    const namespace = object.metadata.namespace ?? '';
    granted[namespace] = [...(granted[namespace] ?? []), ...rights].toSorted();
  }
  return granted;
}

function required(
  select: (right: RequiredRight) => boolean = () => true,
  rights = requiredRights,
): readonly string[] {
  return rights
    .filter(select)
    .flatMap(({ group, resource, verbs }) => verbs.map((verb) => `${verb} ${group}/${resource}`))
    .toSorted();
}

for (const [title, args] of [
  ['as it is', []],
  ['with everything set', ['--values', allValues]],
] as const)
  helm.test(`helm finds nothing wrong with the chart ${title}`, async (t) => {
    const { ok, stdout, stderr } = await helm.run(['lint', '--strict', chartFolder, ...args]);
    t.true(ok, stdout + stderr);
    t.notRegex(stdout, /WARNING|ERROR/);
  });

helm.test('as it is: one monitor of its namespace, with probes and without rights of the host', async (t) => {
  const objects = await render();
  t.deepEqual(objects.map(({ kind }) => kind).toSorted(), [
    'Deployment',
    'Role',
    'Role',
    'RoleBinding',
    'RoleBinding',
    'Service',
    'ServiceAccount',
  ]);
  t.true(objects.every(({ metadata }) => metadata.namespace === 'region'));
  const { spec } = v.parse(deploymentSchema, only(objects, 'Deployment'));
  t.is(spec.replicas, 1);
  t.like(spec.strategy, { type: 'Recreate' });
  const options = optionsOf(objects);
  t.is(options.namespace, 'region');
  t.is(options.otlpEndpoint, '');
  const { image, ports, livenessProbe, readinessProbe, securityContext } = containerOf(objects);
  t.is(image, 'region-monitor:0.1.0');
  t.deepEqual(ports, [{ name: 'http', containerPort: options.listen?.port ?? 0 }]);
  t.like(livenessProbe, { httpGet: { path: '/healthz', port: 'http' } });
  t.like(readinessProbe, { httpGet: { path: '/readyz', port: 'http' } });
  t.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  t.like(podOf(objects).securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
});

helm.test('the rights are those that are required, where they are required', async (t) => {
  t.deepEqual(rightsOf(await render(), 'Role'), { region: required() });

  const elsewhere = [
    '--set',
    'flags.namespace=clouds',
    '--set',
    'rbac.regionSecrets.namespaces={vault,region}',
  ];
  t.deepEqual(rightsOf(await render({ args: elsewhere }), 'Role'), {
    clouds: required(({ scope }) => scope === 'watched'),
    region: required(({ scope }) => scope === 'secrets'),
    vault: required(({ scope }) => scope === 'secrets'),
  });

  const everywhere = await render({ args: set('flags.namespace', '') });
  t.deepEqual(rightsOf(everywhere, 'ClusterRole'), { '': required() });
  t.deepEqual(rightsOf(everywhere, 'Role'), {});
  t.is(optionsOf(everywhere).namespace, '');

  const none = await render({ args: ['--set', 'rbac.create=false,serviceAccount.create=false'] });
  t.deepEqual(none.map(({ kind }) => kind).toSorted(), ['Deployment', 'Service']);
  t.is(podOf(none).serviceAccountName, 'default');
});

helm.test('a monitor that reports Events may, unless it only looks', async (t) => {
  const reporting = rightsFor({ shadow: false, events: true });
  const withEvents = await render({ args: set('flags.events', true) });
  t.deepEqual(rightsOf(withEvents, 'Role'), { region: required(() => true, reporting) });
  const looking = await render({ args: [...set('flags.events', true), ...set('flags.shadow', true)] });
  t.deepEqual(rightsOf(looking, 'Role'), { region: required(({ use }) => use === 'reading') });
});

helm.test(
  'several replicas share the regions: with a Lease a shard, and one more pod at an update',
  async (t) => {
    const objects = await render({ args: set('replicas', 3) });
    const { spec } = v.parse(deploymentSchema, only(objects, 'Deployment'));
    t.is(spec.replicas, 3);
    t.like(spec.strategy, { type: 'RollingUpdate' });
    const { shards } = optionsOf(objects);
    t.is(shards?.count, 3);
    const sharing = rightsFor({ shadow: false, events: false, shards });
    t.deepEqual(rightsOf(objects, 'Role'), { region: required(() => true, sharing) });

    const elsewhere = await render({
      args: ['--set', 'replicas=2,flags.shards=4,flags.lease-namespace=leases'],
    });
    t.is(optionsOf(elsewhere).shards?.count, 4);
    t.deepEqual(
      rightsOf(elsewhere, 'Role')['leases'],
      required(({ scope }) => scope === 'leases', sharing),
    );

    const unshared = await render({ args: ['--set', 'replicas=2,flags.shards=0'] });
    t.is(optionsOf(unshared).shards, null);
    t.deepEqual(rightsOf(unshared, 'Role'), { region: required() });
  },
);

helm.test('the rights follow from the checks', async (t) => {
  const chosen: readonly (readonly CheckName[])[] = [
    ['server-health', 'load-balancer-health'],
    ['server-health', 'region-health', 'load-balancer-health'],
    ['region-health'],
    ['load-balancer-health'],
  ];
  for (const checkers of chosen) {
    const objects = await render({ args: set('flags.checkers', checkers.join(',')) });
    const rights = rightsFor({ shadow: false, events: false, checkers });
    t.deepEqual(rightsOf(objects, 'Role'), { region: required(() => true, rights) }, checkers.join(' '));
  }
});

helm.test('a monitor in shadow mode may only look', async (t) => {
  const objects = await render({ args: set('flags.shadow', true) });
  t.deepEqual(rightsOf(objects, 'Role'), { region: required(({ use }) => use === 'reading') });
});

helm.test('only the named Secrets, if they are named', async (t) => {
  const objects = await render({ args: ['--set', 'rbac.regionSecrets.names={north,south}'] });
  const rules = objects
    .filter(({ kind }) => kind === 'Role')
    .flatMap((role) => v.parse(roleSchema, role).rules);
  t.deepEqual(
    rules.filter(({ resources }) => resources.includes('secrets')),
    [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['north', 'south'] }],
  );
});

const bindingSchema = v.object({
  roleRef: v.object({ kind: v.string(), name: v.string() }),
  subjects: v.tuple([v.object({ kind: v.string(), name: v.string(), namespace: v.string() })]),
});

helm.test('every role is bound, in its namespace, to the account that the monitor runs as', async (t) => {
  for (const [args, count] of [
    [[], 2],
    [set('flags.namespace', ''), 2],
    [['--values', allValues], 3],
  ] as const) {
    const objects = await render({ args });
    const ids = (end: RegExp) => objects.filter(({ kind }) => end.test(kind));
    const bound = ids(/RoleBinding$/).map((object) => {
      const { roleRef, subjects } = v.parse(bindingSchema, object);
      t.deepEqual(subjects, [
        { kind: 'ServiceAccount', name: podOf(objects).serviceAccountName, namespace: 'region' },
      ]);
      return `${roleRef.kind} ${object.metadata.namespace ?? ''}/${roleRef.name}`;
    });
    const roles = ids(/Role$/).map(
      ({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`,
    );
    t.is(new Set(roles).size, count);
    t.deepEqual(bound.toSorted(), roles.toSorted());
  }
});

async function endpoint(...args: readonly string[]): Promise<string> {
  return optionsOf(await render({ args })).otlpEndpoint;
}

helm.test("the endpoint for telemetry: a parent chart's, then the value, then the flag", async (t) => {
  const flag = ['--set', 'flags.otlp-endpoint=flag:1'];
  const value = ['--set', 'otlp.endpoint=value:2'];
  const parent = ['--set', 'global.otlp.endpoint=parent:3'];
  t.is(await endpoint(...flag), 'flag:1');
  t.is(await endpoint(...flag, ...value), 'value:2');
  t.is(await endpoint(...flag, ...value, ...parent), 'parent:3');
});

/** Something that a flag takes, as one would write it in YAML. */
function sampleOf({ name, kind, default: fixed = '' }: Flag<unknown>): unknown {
  if (kind === 'bool') return true;
  if (name === 'listen') return ':9999';
  if (name === 'zap-log-level') return 2;
  const given = { workers: 3, 'request-timeout': '3s', 'check-timeout': '1m10s', 'poll-period': '1m20.5s' }[
    name
  ];
  if (given !== undefined) return given;
  if (kind === 'duration') return '7s';
  if (kind === 'ratio') return 0.25;
  // Large enough for Helm to write it with an exponent.
  if (name === 'reconcile-every') return 1_000_000;
  if (/^[0-9]+$/.test(fixed)) return Number(fixed) + 1;
  return fixed === '' ? 'some-text' : fixed;
}

helm.test('every flag can be set, and arrives as it was set', async (t) => {
  const samples = new Map(allFlags.map((flag) => [flag, sampleOf(flag)]));
  const flags = Object.fromEntries([...samples].map(([{ name }, value]) => [name, value]));
  const objects = await render({ args: set('flags', flags) });
  const expected = [...samples].map(([{ name }, value]) => `--${name}=${String(value)}`);
  t.deepEqual(containerOf(objects).args.toSorted(), expected.toSorted());
  // Without the one that excludes others.
  const { shards: _, ...usable } = flags;
  const monitor = await render({ args: set('flags', usable) });
  t.notThrows(() => optionsOf(monitor));
});

helm.test('--set, which takes a number with a point for a text, sets a ratio too', async (t) => {
  const objects = await render({ args: ['--set', 'flags.trace-sampling-ratio=0.25'] });
  t.is(optionsOf(objects).traceSamplingRatio, 0.25);
});

for (const [path, value, message] of [
  ['flags.trace-sampling-ratio', 'some', /flags\/trace-sampling-ratio': 'some' does not match/],
  ['flags.poll-perod', '30s', /poll-perod' not allowed/],
  ['flags.poll-period', 60, /flags\/poll-period': got number, want string/],
  ['flags.poll-period', '60', /flags\/poll-period': '60' does not match/],
  ['flags.workers', '2', /flags\/workers': got string, want integer/],
  ['flags.otlp-endpoint', 'grpc://collector:4317', /flags\/otlp-endpoint'/],
  ['otlp.endpoint', 'grpc://collector:4317', /otlp\/endpoint'/],
  ['replica', 2, /replica' not allowed/],
  ['image', { repository: 'a' }, /image': got object/],
] as const)
  helm.test(`refused: ${path} ${JSON.stringify(value)}`, async (t) => {
    const { ok, stderr } = await tryRender({ args: set(path, value) });
    t.false(ok);
    t.regex(stderr, message);
  });

helm.test('a monitor that listens nowhere has no probes and no Service, and cannot be scraped', async (t) => {
  const objects = await render({ args: set('flags.listen', '') });
  t.false(objects.some(({ kind }) => kind === 'Service'));
  const { ports, livenessProbe, readinessProbe } = containerOf(objects);
  t.deepEqual([ports, livenessProbe, readinessProbe], [undefined, undefined, undefined]);
  const { ok, stderr } = await tryRender({
    args: [...set('flags.listen', ''), '--set', 'serviceMonitor.enabled=true'],
  });
  t.false(ok);
  t.regex(stderr, /set flags\.listen/);
});

const ruleSchema = v.object({
  spec: v.object({
    groups: v.array(v.object({ rules: v.array(v.looseObject({ alert: v.string(), expr: v.string() })) })),
  }),
});
const dashboardSchema = v.object({ data: v.object({ 'region-monitor.json': v.string() }) });

helm.test('with everything set: what scrapes it, alerts and dashboard go along whole', async (t) => {
  const objects = await render({ args: ['--values', allValues] });
  const kinds = objects.map(({ kind }) => kind);
  for (const kind of [
    'PodDisruptionBudget',
    'NetworkPolicy',
    'ServiceMonitor',
    'PrometheusRule',
    'ConfigMap',
  ])
    t.is(kinds.filter((each) => each === kind).length, 1, kind);
  const [group] = v.parse(ruleSchema, only(objects, 'PrometheusRule')).spec.groups;
  t.true((group?.rules.length ?? 0) >= 7);
  t.regex(JSON.stringify(group), /\{\{ or \$labels\.region_name/);
  const limit = (name: string) =>
    group?.rules
      .find(({ alert }) => alert === name)
      ?.expr.split('>')
      .at(-1)
      ?.trim();
  t.is(limit('RegionMonitorBuildSlow'), '7200');
  t.is(limit('RegionMonitorRebuildSlow'), '5400');
  const { data } = v.parse(dashboardSchema, only(objects, 'ConfigMap'));
  t.is(v.parse(v.object({ uid: v.string() }), JSON.parse(data['region-monitor.json'])).uid, 'region-monitor');
  t.is(optionsOf(objects).otlpEndpoint, 'otel-collector.monitoring:4318');
  t.deepEqual(containerOf(objects).ports, [{ name: 'http', containerPort: 9090 }]);
});

for (const [form, given] of [
  ['by name', ['one', 'two']],
  ['as Kubernetes writes them', [{ name: 'one' }, { name: 'two' }]],
  ['in both ways', ['one', { name: 'two' }]],
] as const)
  helm.test(`pull secrets ${form}`, async (t) => {
    const objects = await render({ args: set('imagePullSecrets', given) });
    const expected = [{ name: 'one' }, { name: 'two' }];
    t.deepEqual(podOf(objects).imagePullSecrets, expected);
    t.like(only(objects, 'ServiceAccount'), { imagePullSecrets: expected });
  });

helm.test('pull secrets of a parent chart are used, too, each once', async (t) => {
  const args = [
    ...set('global.imagePullSecrets', [{ name: 'one' }]),
    ...set('imagePullSecrets', ['two', 'one']),
  ];
  const expected = [{ name: 'one' }, { name: 'two' }];
  const objects = await render({ args });
  t.deepEqual(podOf(objects).imagePullSecrets, expected);
  t.like(only(objects, 'ServiceAccount'), { imagePullSecrets: expected });
});

helm.test(
  'a variable of extraEnv replaces the chart’s own: API servers refuse a name that is there twice',
  async (t) => {
    const extra = [
      { name: 'OTEL_SERVICE_NAME', value: 'mine' },
      { name: 'POD_NAME', value: 'me' },
      { name: 'OTHER', value: '' },
    ];
    const { env } = containerOf(await render({ args: [...set('replicas', 2), ...set('extraEnv', extra)] }));
    t.deepEqual(env, extra);
  },
);

helm.test(
  'a label that several values name is there once: the narrower value wins, what selects pods stays',
  async (t) => {
    const label = 'app.kubernetes.io/name';
    const args = [
      ...set('commonLabels', { team: 'common', [label]: 'x', 'app.kubernetes.io/version': 'mine' }),
      ...set('podLabels', { team: 'pod', [label]: 'y' }),
      ...set('service.labels', { team: 'service' }),
    ];
    // The YAML would not be read if a key were there twice.
    const objects = await render({ args });
    const own = { [label]: 'region-monitor', 'app.kubernetes.io/version': 'mine' };
    t.like(only(objects, 'Deployment').metadata, { labels: { ...own, team: 'common' } });
    t.like(only(objects, 'Service').metadata, { labels: { ...own, team: 'service' } });
    const { template } = v.parse(
      v.object({ spec: v.object({ template: v.unknown() }) }),
      only(objects, 'Deployment'),
    ).spec;
    t.like(template, { metadata: { labels: { ...own, team: 'pod' } } });
  },
);

helm.test(
  'a section without content, as when all of its lines are comments, is that of values.yaml',
  async (t) => {
    const usual = await render();
    for (const section of ['flags', 'rbac', 'serviceAccount', 'otlp', 'strategy'])
      t.deepEqual(await render({ args: ['--set', `${section}=null`] }), usual, section);
    t.like(only(await render({ args: ['--set', 'service=null'] }), 'Service'), {
      spec: { ports: [{ port: 8080 }] },
    });
    const { livenessProbe, readinessProbe } = containerOf(
      await render({ args: ['--set', 'livenessProbe=null'] }),
    );
    t.is(livenessProbe, undefined);
    t.truthy(readinessProbe);
  },
);

helm.test('further fields of the pod, and annotations of the Deployment', async (t) => {
  const hostAliases = [{ ip: '192.0.2.1', hostnames: ['cloud.corp.example'] }];
  const annotations = { 'reloader.stakater.com/auto': 'true' };
  const args = [...set('extraPodSpec', { hostAliases }), ...set('deploymentAnnotations', annotations)];
  const objects = await render({ args });
  t.like(podOf(objects), { hostAliases });
  t.like(only(objects, 'Deployment').metadata, { annotations });
});

helm.test(
  'no UID or group is asked for: clusters that give each namespace its own refuse any other',
  async (t) => {
    t.notRegex(JSON.stringify(await render()), /runAsUser|runAsGroup|fsGroup/);
  },
);

async function grace(...args: readonly string[]): Promise<number> {
  return podOf(await render({ args })).terminationGracePeriodSeconds;
}

helm.test('the grace period follows the time that a stop may take', async (t) => {
  const { drainTimeoutMs } = optionsOf(await render());
  t.is(await grace(), drainTimeoutMs / 1000 + 4);
  t.is(await grace('--set', 'flags.drain-timeout=1m10.5s'), 75);
  t.is(await grace('--set', 'flags.drain-timeout=500ms'), 5);
  t.is(await grace('--set', 'flags.drain-timeout=0s'), 4);
  t.is(await grace('--set', 'terminationGracePeriodSeconds=30'), 30);
  const { ok, stderr } = await tryRender({
    args: ['--set', 'flags.drain-timeout=1m,terminationGracePeriodSeconds=30'],
  });
  t.false(ok);
  t.regex(stderr, /a stop takes up to 62 s: raise it, or lower flags\.drain-timeout/);
});

const ruleOfTraffic = v.object({
  from: v.optional(v.unknown()),
  to: v.optional(v.unknown()),
  ports: v.optional(v.array(v.object({ protocol: v.string(), port: v.number() }))),
});
const networkPolicySchema = v.object({
  spec: v.object({
    podSelector: v.object({ matchLabels: v.record(v.string(), v.string()) }),
    policyTypes: v.array(v.string()),
    ingress: v.optional(v.array(ruleOfTraffic)),
    egress: v.array(ruleOfTraffic),
  }),
});

function portsOf({ ports }: v.InferOutput<typeof ruleOfTraffic>): readonly string[] | undefined {
  return ports?.map(({ protocol, port }) => `${protocol}/${port}`);
}

async function policyOf(...args: readonly string[]) {
  const objects = await render({ args: ['--set', 'networkPolicy.enabled=true', ...args] });
  const { spec } = v.parse(networkPolicySchema, only(objects, 'NetworkPolicy'));
  return { ...spec, in: spec.ingress?.map(portsOf), out: spec.egress.map(portsOf) };
}

helm.test(
  'a network policy lets in who asks the port, and out to DNS, API server, regions and receiver',
  async (t) => {
    const policy = await policyOf();
    const { metadata } = only(await render(), 'Deployment');
    t.deepEqual(policy.podSelector.matchLabels, {
      'app.kubernetes.io/name': metadata.name.replace(/^watch-/, ''),
      'app.kubernetes.io/instance': 'watch',
    });
    t.deepEqual(policy.policyTypes, ['Ingress', 'Egress']);
    t.deepEqual(policy.in, [['TCP/8080']]);
    t.deepEqual(policy.out, [
      ['UDP/53', 'TCP/53', 'UDP/5353', 'TCP/5353'],
      ['TCP/443', 'TCP/6443'],
      [443, 5000, 8774, 6385, 9876, 9696, 9292, 8776].map((port) => `TCP/${port}`),
    ]);
    t.is((await policyOf('--set', 'flags.listen=')).in, undefined);

    for (const [endpoint, port] of [
      ['collector:4317', 'TCP/4317'],
      ['collector', 'TCP/4318'],
      ['http://collector:4318/otlp', 'TCP/4318'],
      ['https://otlp.example/v1', 'TCP/443'],
    ] as const)
      t.deepEqual((await policyOf('--set', `otlp.endpoint=${endpoint}`)).out.at(-1), [port], endpoint);
  },
);

helm.test('a network policy names only the peers that are given', async (t) => {
  const peer = [{ ipBlock: { cidr: '192.0.2.0/24' } }];
  const { egress, ingress } = await policyOf(
    ...set('networkPolicy.regions', { to: peer, ports: [] }),
    ...set('networkPolicy.ingressFrom', peer),
    ...set('networkPolicy.extraEgress', [{ to: peer }]),
  );
  t.deepEqual(egress.slice(2), [{ to: peer }, { to: peer }]);
  t.deepEqual(ingress, [{ from: peer, ports: [{ protocol: 'TCP', port: 8080 }] }]);
  const without = await policyOf('--set', 'networkPolicy.dns=null,networkPolicy.regions=null');
  t.deepEqual(without.out, [['TCP/443', 'TCP/6443']]);
});

helm.test('a parent chart may have it as an optional dependency', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'region-monitor-parent-'));
  t.teardown(async () => rm(parent, { recursive: true }));
  await cp(chartFolder, join(parent, 'charts', 'region-monitor'), { recursive: true });
  await writeFile(
    join(parent, 'Chart.yaml'),
    `apiVersion: v2
name: parent
version: 1.0.0
dependencies:
  - name: region-monitor
    version: 0.1.0
    condition: region-monitor.enabled
`,
  );
  const rendered = async (...args: readonly string[]) =>
    helm.run(['template', 'p', parent, '--kube-version', '1.30.0', ...args]);
  const values = ['--set', 'global.other=x,region-monitor.image=registry.example/it:1'];
  for (const [enabled, deployments] of [
    [[], 1],
    [['--set', 'region-monitor.enabled=true'], 1],
    [['--set', 'region-monitor.enabled=false'], 0],
  ] as const) {
    const { ok, stdout, stderr } = await rendered(...values, ...enabled);
    t.true(ok, stderr);
    t.is(stdout.match(/^kind: Deployment$/gm)?.length ?? 0, deployments);
  }
});

/** Declares a test that needs both. */
const needsBoth: typeof helm.test = (title, body) =>
  (hasControlPlane() ? helm : controlPlaneTests()).test(title, body);

needsBoth('a real API server takes what the chart renders', async (t) => {
  const controlPlane = await startControlPlane(t);
  if (controlPlane === null) throw new Error('there is no real API server');
  t.teardown(async () => controlPlane.stop());
  t.timeout(120_000);
  const namespace = await controlPlane.createNamespace();
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-chart-'));
  t.teardown(async () => rm(folder, { recursive: true }));
  const here = ['--set', `dashboard.namespace=${namespace},rbac.regionSecrets.namespaces={${namespace}}`];
  for (const args of [[], set('flags.namespace', ''), ['--values', allValues, ...here]]) {
    const { stdout } = await tryRender({ namespace, args });
    // Without the kinds of an operator that this API server does not know.
    const objects = stdout
      .split(/^---$/m)
      .filter((text) => /^kind:/m.test(text) && !/^kind: (ServiceMonitor|PrometheusRule)$/m.test(text));
    t.true(objects.length >= 7);
    const file = join(folder, 'objects.yaml');
    await writeFile(file, objects.join('---\n'));
    const said = await controlPlane.kubectl('apply', '--dry-run=server', '--validate=strict', '-f', file);
    t.is(said.trim().split('\n').length, objects.length);
  }
});
