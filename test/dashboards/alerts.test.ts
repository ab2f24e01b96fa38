// The alerts: what they ask for, when they fire, and that somebody who gets one finds what to do.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { load } from 'js-yaml';
import * as v from 'valibot';
import { unknownNames } from '../fixtures/monitor/metric-names.ts';
import { Program } from '../fixtures/programs.ts';

const promtool = new Program('PROMTOOL', 'promtool');
const root = fileURLToPath(new URL('../..', import.meta.url));

const ruleSchema = v.strictObject({
  alert: v.pipe(v.string(), v.startsWith('RegionMonitor')),
  expr: v.string(),
  for: v.optional(v.string()),
  labels: v.strictObject({ severity: v.picklist(['critical', 'warning']) }),
  annotations: v.strictObject({ summary: v.string(), description: v.string() }),
});
const alertsSchema = v.object({ groups: v.array(v.object({ rules: v.array(ruleSchema) })) });
const testsSchema = v.object({
  tests: v.array(
    v.object({
      alert_rule_test: v.array(
        v.object({ alertname: v.string(), exp_alerts: v.optional(v.array(v.unknown()), []) }),
      ),
    }),
  ),
});

function read<Schema extends v.GenericSchema>(path: string, schema: Schema): v.InferOutput<Schema> {
  return v.parse(schema, load(readFileSync(`${root}/${path}`, 'utf8')));
}

const rules = read('dashboards/alerts.yaml', alertsSchema).groups.flatMap((group) => group.rules);

test('every alert asks for metrics and attributes that there are, and tells of such', (t) => {
  for (const { alert, expr, annotations } of rules) {
    t.deepEqual(unknownNames(expr), [], alert);
    const shown = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(
      ([, label]) => `{{${label}}}`,
    );
    t.deepEqual(unknownNames(expr, shown.join('')), [], alert);
  }
});

test('every alert says what happened in one line, and docs/operations.md what to do', (t) => {
  const page = readFileSync(`${root}/docs/operations.md`, 'utf8');
  for (const { alert, annotations } of rules) {
    t.true(annotations.summary.length <= 110 && !annotations.summary.includes('\n'), alert);
    t.regex(annotations.description, /\.$/);
    t.true(page.includes(`\n### ${alert}\n`), `docs/operations.md has no section ${alert}`);
  }
  const sections = [...page.matchAll(/^### (RegionMonitor\w+)$/gm)].map(([, name]) => name);
  t.deepEqual(
    sections,
    rules.map(({ alert }) => alert),
  );
});

test('every alert is tested both ways', (t) => {
  const cases = read('test/dashboards/alerts.yaml', testsSchema).tests.flatMap(
    (each) => each.alert_rule_test,
  );
  for (const { alert } of rules) {
    const expected = cases
      .filter(({ alertname }) => alertname === alert)
      .map((each) => each.exp_alerts.length);
    t.true(expected.includes(0) && expected.some((count) => count > 0), alert);
  }
});

promtool.test('promtool finds nothing wrong with the alerts', async (t) => {
  const { ok, stdout, stderr } = await promtool.run(['check', 'rules', 'dashboards/alerts.yaml'], {
    cwd: root,
  });
  t.true(ok, stdout + stderr);
  t.true(stdout.includes(`SUCCESS: ${rules.length} rules found`), stdout);
});

promtool.test('the alerts fire when they should, and only then', async (t) => {
  const { ok, stdout, stderr } = await promtool.run(['test', 'rules', 'test/dashboards/alerts.yaml'], {
    cwd: root,
  });
  t.true(ok, stdout + stderr);
});
