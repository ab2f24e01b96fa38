// Grafana's shape of a dashboard: from rows of panels, each with its queries, to the JSON that Grafana imports.

export interface Query {
  readonly expr: string;
  /** How a series is called, with labels as "{{label}}". */
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  /** What it shows, and what to do when it looks wrong. */
  readonly description: string;
  readonly kind: 'stat' | 'lines' | 'stacked' | 'timeline';
  /** As Grafana names it: "s", "bytes", "percentunit", "reqps", "ops", "short". */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** From this value on it is shown in red. */
  readonly alarm?: number;
  /** What values are called, and in which color. */
  readonly texts?: Readonly<Record<string, readonly [text: string, color: string]>>;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

interface Variable {
  readonly name: string;
  readonly label: string;
  readonly query: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  /** Its value is the time of an event, in milliseconds. */
  readonly events: Query;
  readonly rows: readonly Row[];
}

/** Of the grid's 24 columns; stats are small and stand beside each other. */
const size = { stat: { w: 6, h: 4 }, chart: { w: 8, h: 8 } } as const;
const columns = 24;

const datasource = { type: 'prometheus', uid: '$datasource' } as const;

export function grafanaJson(dashboard: Dashboard): string {
  const { uid, title, description, variables, events, rows } = dashboard;
  const shape = {
    uid,
    title,
    description,
    tags: ['region-monitor'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    annotations: {
      list: [
        {
          name: events.legend,
          datasource,
          enable: true,
          iconColor: 'blue',
          expr: events.expr,
          useValueForTime: 'on',
        },
      ],
    },
    templating: { list: [datasourceVariable, ...variables.map(queryVariable)] },
    panels: layOut(rows),
  };
  return `${JSON.stringify(shape, null, 2)}\n`;
}

const datasourceVariable = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
} as const;

function queryVariable({ name, label, query }: Variable): object {
  return {
    name,
    label,
    type: 'query',
    datasource,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

/** Panels from left to right, a new line where the grid ends; each row below the one before. */
function layOut(rows: readonly Row[]): readonly object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      gridPos: { x: 0, y, w: columns, h: 1 },
    });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      const { w, h } = panel.kind === 'stat' ? size.stat : size.chart;
      if (x + w > columns || (height !== 0 && h !== height)) {
        y += height;
        x = 0;
      }
      panels.push({ id: panels.length + 1, ...panelShape(panel), gridPos: { x, y, w, h } });
      x += w;
      height = h;
    }
    y += height;
  }
  return panels;
}

const types = {
  stat: 'stat',
  lines: 'timeseries',
  stacked: 'timeseries',
  timeline: 'state-timeline',
} as const;

function panelShape(panel: Panel): object {
  const { title, description, kind, unit, queries, alarm, texts } = panel;
  const steps = [
    { color: 'green', value: null },
    ...(alarm === undefined ? [] : [{ color: 'red', value: alarm }]),
  ];
  return {
    type: types[kind],
    title,
    description,
    datasource,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps },
        ...(texts === undefined ? {} : { mappings: [valueMapping(texts)] }),
        ...(kind === 'lines' || kind === 'stacked' ? { custom: lineStyle(panel) } : {}),
      },
      overrides: [],
    },
    options: kind === 'lines' || kind === 'stacked' ? { tooltip: { mode: 'multi', sort: 'desc' } } : {},
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource,
      expr,
      legendFormat: legend,
      ...(kind === 'stat' ? { instant: true } : { range: true }),
    })),
  };
}

function valueMapping(texts: NonNullable<Panel['texts']>): object {
  const options: Record<string, object> = {};
  for (const [value, [text, color]] of Object.entries(texts)) options[value] = { text, color };
  return { type: 'value', options };
}

function lineStyle({ kind, alarm }: Panel): object {
  return {
    fillOpacity: kind === 'stacked' ? 40 : 5,
    showPoints: 'never',
    ...(kind === 'stacked' ? { stacking: { mode: 'normal' } } : {}),
    ...(alarm === undefined ? {} : { thresholdsStyle: { mode: 'line' } }),
  };
}
