// Whatever the environment says of the resource, /metrics stays readable.

import test from 'ava';
import { assert, dictionary, property, string } from 'fast-check';
import { resourceLabels } from '../../../src/main/telemetry/resource-labels.ts';
import { parsePrometheus } from '../../fixtures/monitor/prometheus-text.ts';
import { telemetryOf } from '../../fixtures/monitor/telemetry.ts';
import { Program } from '../../fixtures/programs.ts';

const promtool = new Program('PROMTOOL', 'promtool');

test('names become those of labels; what becomes the same name shares a label, in the order of the names', (t) => {
  t.deepEqual(
    resourceLabels({
      'service.name': 'region-monitor',
      'k8s.pod-name': 'b',
      'k8s.pod.name': 'a',
      k8s_pod_name: 'c',
      __name__: 'x',
      '1st': 'y',
      größe: 'z',
      数: 'n',
      '': 'e',
      count: 3,
      list: ['a', 'b'],
    }),
    {
      _: 'e;n',
      _1st: 'y',
      _name_: 'x',
      count: '3',
      gr_e: 'z',
      k8s_pod_name: 'b;a;c',
      list: '["a","b"]',
      service_name: 'region-monitor',
    },
  );
});

const nasty = {
  'a.b': '1',
  'a-b': '2',
  'a b': '3',
  __proto: '4',
  'k"{}=\\': 'v"{}\\\n\r\t\u2028',
  schlüssel: 'wörter 🦊',
  le: 'x',
  quantile: 'y',
  huge: 'h'.repeat(60_000),
  [`long${'g'.repeat(500)}`]: 'l',
  nul: 'a\0b',
};

async function pageWith(attributes: Readonly<Record<string, string>>): Promise<string> {
  const pairs = Object.entries(attributes).map((pair) => pair.map(encodeURIComponent).join('='));
  const { telemetry, said } = telemetryOf({}, { OTEL_RESOURCE_ATTRIBUTES: pairs.join(',') });
  telemetry.meter.createCounter('x_total', { description: 'X.' }).add(1);
  const text = await telemetry.prometheus.text();
  await telemetry.shutdown(2_000);
  const problems = [...said.errors, ...said.ignored];
  if (problems.length > 0) throw new Error(problems.join('; '));
  return text;
}

test('/metrics is read by a strict reader, whatever the attributes are called and hold', async (t) => {
  const families = parsePrometheus(await pageWith(nasty));
  t.deepEqual([...families.keys()], ['target_info', 'x_total']);
  const labels = families.get('target_info')?.samples[0]?.labels ?? {};
  t.like(labels, {
    _le: 'x',
    a_b: '3;2;1',
    k_: 'v"{}\\\n\r\t\u2028',
    schl_ssel: 'wörter 🦊',
    nul: 'ab',
  });
  t.is(labels['huge']?.length, 1024);
});

test('no attribute makes a label that a scraper could not read', (t) => {
  const attributes = dictionary(string({ unit: 'grapheme', maxLength: 12 }), string({ unit: 'binary' }));
  assert(
    property(attributes, (given) => {
      for (const [name, value] of Object.entries(resourceLabels(given))) {
        t.regex(name, /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/);
        t.true(value.length <= 1024 && !value.includes('\0') && value.isWellFormed(), JSON.stringify(value));
      }
    }),
  );
});

promtool.test('promtool reads /metrics with such attributes', async (t) => {
  const { stdout, stderr } = await promtool.run(['check', 'metrics'], { input: await pageWith(nasty) });
  t.is(stdout + stderr, '');
});

test('one entry that is not readable leaves the others', async (t) => {
  const { telemetry, said } = telemetryOf(
    {},
    {
      OTEL_RESOURCE_ATTRIBUTES: 'team=a,nonsense,token==b64==,x=%zz,',
      OTEL_SERVICE_NAME: 'release-monitor',
    },
  );
  telemetry.meter.createCounter('x_total', { description: 'X.' }).add(1);
  const target = parsePrometheus(await telemetry.prometheus.text()).get('target_info');
  t.like(target?.samples[0]?.labels, { team: 'a', token: '=b64==', service_name: 'release-monitor' });
  t.deepEqual(
    said.ignored.map((problem) => problem.slice(0, 'OTEL_RESOURCE_ATTRIBUTES: entry 0 is ignored'.length)),
    ['OTEL_RESOURCE_ATTRIBUTES: entry 2 is ignored', 'OTEL_RESOURCE_ATTRIBUTES: entry 4 is ignored'],
  );
  await telemetry.shutdown(2_000);
});
