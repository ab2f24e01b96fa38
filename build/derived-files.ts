// Every file that `npm run docs` writes.

import { dashboardJson } from './dashboard.ts';
import { metricsPage } from './metrics-page.ts';
import { optionsPage } from './options-page.ts';
import { valuesSchema } from './values-schema.ts';

const chart = 'charts/region-monitor';

/** Paths from the root of the repository, with what belongs there; `read` gives what is there now. */
export function derivedFiles(read: (path: string) => string): ReadonlyMap<string, string> {
  const dashboard = dashboardJson();
  return new Map([
    ['docs/options.md', optionsPage()],
    ['docs/metrics.md', metricsPage()],
    ['dashboards/region-monitor.json', dashboard],
    // Helm reads no files beside the chart.
    [`${chart}/files/region-monitor.json`, dashboard],
    [`${chart}/files/alerts.yaml`, read('dashboards/alerts.yaml')],
    [`${chart}/values.schema.json`, valuesSchema(read(`${chart}/values.schema.json`))],
  ]);
}
