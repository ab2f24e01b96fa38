// docs/metrics.md, from the table of metrics.

import type { MetricDefinition } from '../src/main/telemetry/metric-definition.ts';
import { metricTable } from '../src/main/telemetry/metric-table.ts';

export function metricsPage(): string {
  const all: readonly MetricDefinition[] = Object.values(metricTable);
  const originals = all.filter(({ name }) => name.startsWith('unikorn_region_server_'));
  const processes = all.filter(({ name }) => !name.startsWith('unikorn_'));
  const ours = all.filter((metric) => !originals.includes(metric) && !processes.includes(metric));
  return `# Metrics

Generated from \`src/main/telemetry/metric-table.ts\` by \`npm run docs\`.

\`/metrics\` (with \`--listen\`) and OTLP ([where it goes](operations.md#where-telemetry-goes)) give the same. Over OTLP, gauges come with delta temporality,
so that series that vanished vanish in the receiver too; all else is cumulative, unless OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is delta. \`region_id\` is the Region's name, \`region_name\`
its label \`unikorn-cloud.org/name\`; where all namespaces are watched, the gauges of regions have \`region_namespace\`, too. \`worker\` is the number of a worker thread; a thread that is replaced keeps its number.

Counters begin at 0 as soon as what they count by is known, so that \`increase()\` and alerts see the first step: by checker,
worker, reason, kind and outcome; of the outcomes of a region \`ok\` and \`partial\`. HTTP statuses and codes of errors come with
the first of their kind.

Outcomes other than \`ok\` and \`partial\` are the codes of \`src/shared/errors.ts\`, which says what to do about each.
${section('Servers', 'Names, attributes and bounds are the original monitor’s.', originals)}${section('The monitor', '', ours)}${section('The process', '', processes)}`;
}

function section(title: string, text: string, metrics: readonly MetricDefinition[]): string {
  return `
## ${title}
${text === '' ? '' : `\n${text}\n`}
| metric | kind | attributes | meaning |
|---|---|---|---|
${metrics.map(row).join('\n')}
`;
}

function row({ name, kind, attributes, help, bounds }: MetricDefinition): string {
  const buckets = bounds === undefined ? '' : ` Buckets: ${bounds.join(', ')}.`;
  const names = attributes.map((attribute) => `\`${attribute}\``).join(', ');
  return `| \`${name}\` | ${kind} | ${names} | ${help}${buckets} |`;
}
