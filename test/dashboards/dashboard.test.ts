// The dashboard, against the table of metrics, and where promtool is installed against PromQL itself.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import * as v from 'valibot';
import { unknownNames } from '../fixtures/monitor/metric-names.ts';
import { Program } from '../fixtures/programs.ts';

const promtool = new Program('PROMTOOL', 'promtool');

const datasource = v.object({ type: v.literal('prometheus'), uid: v.literal('$datasource') });
const place = v.object({ x: v.number(), y: v.number(), w: v.number(), h: v.number() });
const target = v.object({ expr: v.string(), legendFormat: v.string(), datasource });
const chart = v.object({
  id: v.number(),
  type: v.picklist(['stat', 'timeseries', 'state-timeline']),
  title: v.string(),
  description: v.string(),
  gridPos: place,
  datasource,
  targets: v.array(target),
});
const row = v.object({ id: v.number(), type: v.literal('row'), title: v.string(), gridPos: place });
const dashboardSchema = v.object({
  panels: v.array(v.union([chart, row])),
  annotations: v.object({ list: v.tuple([v.object({ expr: v.string() })]) }),
  templating: v.object({
    list: v.array(
      v.object({ name: v.string(), query: v.union([v.string(), v.object({ query: v.string() })]) }),
    ),
  }),
});

const file = new URL('../../dashboards/region-monitor.json', import.meta.url);
const { panels, annotations, templating } = v.parse(dashboardSchema, JSON.parse(readFileSync(file, 'utf8')));
const charts = panels.filter((panel) => panel.type !== 'row');
const targets = charts.flatMap((panel) => panel.targets.map((query) => ({ ...query, title: panel.title })));

test('every query asks for metrics and attributes that there are', (t) => {
  t.true(targets.length > 30);
  for (const { expr, legendFormat, title } of targets)
    t.deepEqual(unknownNames(expr, legendFormat), [], `${title}: ${expr}`);
  t.deepEqual(unknownNames(annotations.list[0].expr), []);
  for (const { query } of templating.list) {
    if (typeof query === 'string') continue;
    const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query.query) ?? [];
    t.deepEqual(unknownNames(series, `{{${label}}}`), [], query.query);
  }
});

test('a query that asks for something else would be found', (t) => {
  t.deepEqual(
    unknownNames('sum by (zone) (unikorn_region_server_state{state="a", flavour="b"})', '{{state}}'),
    ['unikorn_region_server_state{flavour}', 'by (zone)', '{{state}}'],
  );
  t.deepEqual(
    unknownNames('rate(unikorn_region_polls_total[5m]) / unikorn_region_monitor_poll_duration_seconds'),
    ['unikorn_region_polls_total', 'unikorn_region_monitor_poll_duration_seconds'],
  );
});

test('only variables that there are', (t) => {
  const known = new Set([...templating.list.map(({ name }) => name), '__rate_interval']);
  for (const { expr } of targets)
    for (const [, name = ''] of expr.matchAll(/\$(\w+)/g)) t.true(known.has(name), expr);
});

test('no panel lies on another, and each says what it shows', (t) => {
  const taken = new Set<string>();
  for (const { gridPos } of panels) {
    t.true(gridPos.x + gridPos.w <= 24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        t.false(taken.has(`${x},${y}`));
        taken.add(`${x},${y}`);
      }
  }
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const { description } of charts) t.regex(description, /\.$/);
});

promtool.test('every query is one that Prometheus understands', async (t) => {
  const rules = [...targets, annotations.list[0]].map(({ expr }, index) => ({
    record: `query:${index}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  }));
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-dashboard-'));
  t.teardown(async () => rm(folder, { recursive: true }));
  // JSON is YAML.
  await writeFile(join(folder, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
  const { ok, stdout, stderr } = await promtool.run(['check', 'rules', join(folder, 'rules.yaml')]);
  t.true(ok, stdout + stderr);
  t.true(stdout.includes(`${rules.length} rules found`));
});
