// The table of rights against the manifest that grants them.

import { readFile } from 'node:fs/promises';
import test from 'ava';
import { loadAll } from 'js-yaml';
import * as v from 'valibot';
import { type RequiredRight, requiredRights } from '../../../src/main/kubernetes/required-rights.ts';

const texts = v.array(v.string());
const roleSchema = v.object({
  kind: v.literal('Role'),
  metadata: v.object({ name: v.string() }),
  rules: v.array(v.strictObject({ apiGroups: texts, resources: texts, verbs: texts })),
});

/** "verb group/resource" of every right that a Role of the manifest grants. */
async function granted(role: string): Promise<readonly string[]> {
  const file = new URL('../../../deploy/rbac.yaml', import.meta.url);
  const objects: unknown[] = loadAll(await readFile(file, 'utf8'));
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

function needed(scope: RequiredRight['scope']): readonly string[] {
  return requiredRights
    .filter((right) => right.scope === scope)
    .flatMap(({ group, resource, verbs }) => verbs.map((verb) => `${verb} ${group}/${resource}`))
    .toSorted();
}

test('the manifest grants the rights of the table, each once, and no others', async (t) => {
  t.deepEqual(await granted('region-monitor'), needed('watched'));
  t.deepEqual(await granted('region-monitor-secrets'), needed('secrets'));
});

test('a monitor that only looks needs no verb that changes anything', (t) => {
  const reading = requiredRights.filter(({ use }) => use === 'reading').flatMap(({ verbs }) => verbs);
  t.deepEqual(new Set(reading), new Set(['list', 'watch', 'get'] as const));
});
