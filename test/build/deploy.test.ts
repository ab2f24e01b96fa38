// The manifests, against the flag table, against what the monitor needs, and, where there is one, a real API server.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { Command } from 'commander';
import { loadAll } from 'js-yaml';
import * as v from 'valibot';
import { addFlags, readOptions } from '../../src/main/options/options.ts';
import { apiGroup } from '../../src/shared/labels.ts';

const folder = fileURLToPath(new URL('../../deploy', import.meta.url));
const files = ['rbac.yaml', 'deployment.yaml'] as const;

const texts = v.array(v.string());
const roleSchema = v.object({
  kind: v.literal('Role'),
  metadata: v.object({ name: v.string() }),
  rules: v.array(v.strictObject({ apiGroups: texts, resources: texts, verbs: texts })),
});
const probeSchema = v.object({ httpGet: v.object({ path: v.string(), port: v.string() }) });
const deploymentSchema = v.object({
  kind: v.literal('Deployment'),
  spec: v.object({
    replicas: v.number(),
    template: v.object({
      spec: v.object({
        serviceAccountName: v.string(),
        terminationGracePeriodSeconds: v.number(),
        // Strict: a fixed UID is refused where each namespace has its own.
        securityContext: v.strictObject({
          runAsNonRoot: v.boolean(),
          seccompProfile: v.object({ type: v.string() }),
        }),
        containers: v.tuple([
          v.object({
            args: texts,
            ports: v.array(v.object({ name: v.string(), containerPort: v.number() })),
            livenessProbe: probeSchema,
            readinessProbe: probeSchema,
            securityContext: v.strictObject({
              allowPrivilegeEscalation: v.boolean(),
              readOnlyRootFilesystem: v.boolean(),
              capabilities: v.strictObject({ drop: texts }),
            }),
          }),
        ]),
      }),
    }),
  }),
});

async function objects(file: (typeof files)[number]): Promise<readonly unknown[]> {
  const loaded: unknown[] = loadAll(await readFile(join(folder, file), 'utf8'));
  return loaded;
}

test('the rights are these and no others', async (t) => {
  const roles = (await objects('rbac.yaml')).filter((object) => v.is(roleSchema, object));
  const granted = roles.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    ),
  );
  t.deepEqual(granted.toSorted(), [
    'get /secrets',
    `get ${apiGroup}/servers`,
    `list ${apiGroup}/identities`,
    `list ${apiGroup}/openstackidentities`,
    `list ${apiGroup}/regions`,
    `list ${apiGroup}/servers`,
    `patch ${apiGroup}/servers`,
    `patch ${apiGroup}/servers/status`,
    `watch ${apiGroup}/identities`,
    `watch ${apiGroup}/openstackidentities`,
    `watch ${apiGroup}/regions`,
    `watch ${apiGroup}/servers`,
  ]);
});

test('the deployment gives flags that exist, probes that are served, and takes every right away', async (t) => {
  const [object] = await objects('deployment.yaml');
  const { replicas, template } = v.parse(deploymentSchema, object).spec;
  const [container] = template.spec.containers;
  t.is(replicas, 1);

  const args = container.args.map((argument) => argument.replace('$(NAMESPACE)', 'unikorn-region'));
  const options = readOptions(addFlags(new Command()).exitOverride().parse(args, { from: 'user' }), {});
  t.is(options.namespace, 'unikorn-region');
  t.deepEqual(container.ports, [{ name: 'http', containerPort: options.listen?.port ?? 0 }]);
  t.deepEqual(container.livenessProbe, { httpGet: { path: '/healthz', port: 'http' } });
  t.deepEqual(container.readinessProbe, { httpGet: { path: '/readyz', port: 'http' } });

  t.true(template.spec.terminationGracePeriodSeconds * 1000 >= options.drainTimeoutMs + 2_000);
  t.deepEqual(template.spec.securityContext, {
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  t.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

const kubeconfig = process.env['REGION_MONITOR_TEST_KUBECONFIG'] ?? '';
const assets = process.env['KUBEBUILDER_ASSETS'] ?? '';
const withApiServer = kubeconfig !== '' && assets !== '' ? test : test.skip;

for (const file of files)
  withApiServer(`a real API server accepts ${file}`, async (t) => {
    const manifest = (await readFile(join(folder, file), 'utf8')).replaceAll('unikorn-region', 'default');
    const kubectl = promisify(execFile)(
      join(assets, 'kubectl'),
      ['--kubeconfig', kubeconfig, 'apply', '--dry-run=server', '--validate=strict', '-f', '-'],
      { timeout: 30_000 },
    );
    kubectl.child.stdin?.end(manifest);
    const { stdout, stderr } = await kubectl;
    t.is(stderr, '');
    t.is(stdout.trim().split('\n').length, (await objects(file)).length);
  });
