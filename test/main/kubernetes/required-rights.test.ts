// The table of rights against the manifest that grants them.

import { readFile } from 'node:fs/promises';
import test from 'ava';
import { loadAll } from 'js-yaml';
import * as v from 'valibot';
import {
  type RequiredRight,
  requiredRights,
  rightsFor,
  rightText,
  watchedResources,
} from '../../../src/main/kubernetes/required-rights.ts';
import { checkNames } from '../../../src/main/options/check-names.ts';

const texts = v.array(v.string());
const roleSchema = v.object({
  kind: v.literal('Role'),
  metadata: v.object({ name: v.string() }),
  rules: v.array(v.strictObject({ apiGroups: texts, resources: texts, verbs: texts })),
});

const manifest = await readFile(new URL('../../../deploy/rbac.yaml', import.meta.url), 'utf8');
/** The manifest with the rules that it has in comments. */
const withFlags = manifest.replaceAll(/^ {2}# (?=(?:- apiGroups| {2}resources| {2}verbs): )/gm, '  ');

/** "verb group/resource" of every right that a Role of the manifest grants. */
function granted(role: string, text = manifest): readonly string[] {
  const objects: unknown[] = loadAll(text);
  return objects
    .filter((object) => v.is(roleSchema, object))
    .filter(({ metadata }) => metadata.name === role)
    .flatMap(({ rules }) => rules)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    )
    .toSorted();
}

function needed(scope: RequiredRight['scope'], rights = requiredRights): readonly string[] {
  return rights
    .filter((right) => right.scope === scope)
    .flatMap(({ group, resource, verbs }) => verbs.map((verb) => `${verb} ${group}/${resource}`))
    .toSorted();
}

test('the manifest grants the rights of the table, each once, and no others', (t) => {
  t.deepEqual(granted('region-monitor'), needed('watched'));
  t.deepEqual(granted('region-monitor-secrets'), needed('secrets'));
});

test('what is in comments of the manifest are the rights that flags need', (t) => {
  const shards = { count: 2, replicaName: 'one', leaseNamespace: '', leaseDurationMs: 15_000 };
  const all = rightsFor({ shadow: false, events: true, checkers: checkNames, shards });
  const inOneNamespace = [...needed('watched', all), ...needed('leases', all)].toSorted();
  t.deepEqual(granted('region-monitor', withFlags), inOneNamespace);
});

test('no right is needed for a flag that is not given, nor to write where nothing is written', (t) => {
  t.deepEqual(rightsFor({ shadow: false, events: false }), requiredRights);
  t.true(rightsFor({ shadow: true, events: true }).every(({ use }) => use === 'reading'));
});

test('a monitor that only looks needs no verb that changes anything', (t) => {
  const reading = requiredRights.filter(({ use }) => use === 'reading').flatMap(({ verbs }) => verbs);
  t.deepEqual(new Set(reading), new Set(['list', 'watch', 'get'] as const));
});

test('what a check lists and watches follows from its rights', (t) => {
  const identities = ['identities', 'openstackidentities'];
  for (const [checks, resources] of [
    [['server-health'], [...identities, 'regions', 'servers']],
    [['load-balancer-health'], ['identities', 'loadbalancers', 'openstackidentities', 'regions']],
    [['region-health'], ['regions']],
    [
      ['region-health', 'server-health'],
      [...identities, 'regions', 'servers'],
    ],
  ] as const)
    t.deepEqual([...watchedResources(checks)].toSorted(), resources);
});

test('a right in few words is the one that kubectl knows', (t) => {
  const reading = requiredRights.filter(({ use }) => use === 'reading');
  t.deepEqual(reading.map(rightText).toSorted(), [
    'get secrets',
    'list, watch identities.region.unikorn-cloud.org',
    'list, watch openstackidentities.region.unikorn-cloud.org',
    'list, watch regions.region.unikorn-cloud.org',
    'list, watch servers.region.unikorn-cloud.org',
  ]);
});

/** Resource and scope of the rights beyond those of the default flags. */
function further(options: Parameters<typeof rightsFor>[0]): readonly string[] {
  const rights = rightsFor(options).filter((right) => !requiredRights.includes(right));
  return rights.map(({ resource, scope }) => `${resource} in ${scope}`);
}

test('shards need rights to Leases in their namespace, and events those to write them', (t) => {
  const shards = { count: 2, replicaName: 'one', leaseNamespace: '', leaseDurationMs: 15_000 };
  t.deepEqual(further({ shadow: false, events: false, shards }), ['leases in leases']);
  t.deepEqual(further({ shadow: false, events: true, shards: null }), ['events in watched']);
  t.deepEqual(further({ shadow: true, events: true }), []);
});
