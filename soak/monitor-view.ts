// What the monitor shows of itself at a moment.

import * as v from 'valibot';
import type { MonitorProcess } from '../test/fixtures/monitor/monitor-process.ts';
import { parsePrometheus } from '../test/fixtures/monitor/prometheus-text.ts';

const statusSchema = v.object({
  regions: v.array(
    v.object({
      regionId: v.string(),
      state: v.string(),
      breakerOpen: v.boolean(),
      error: v.nullable(v.object({ code: v.string(), message: v.string() })),
    }),
  ),
});

export interface MonitorView {
  /** Servers by "<region> <state> <flavor's id>". */
  readonly gauge: ReadonlyMap<string, number>;
  readonly regions: v.InferOutput<typeof statusSchema>['regions'];
  /** Transitions that this life counted. */
  readonly transitions: number;
}

/** Null when it does not answer. */
export async function lookAt(monitor: MonitorProcess): Promise<MonitorView | null> {
  const [metrics, status] = [await monitor.get('/metrics', 3_000), await monitor.get('/statusz', 3_000)];
  if (metrics === null || status === null) return null;
  const families = parsePrometheus(metrics.text);
  const gauge = new Map<string, number>();
  for (const { labels, value } of families.get('unikorn_region_server_state')?.samples ?? []) {
    const key = `${labels['region_id']} ${labels['state']} ${labels['flavor_id']}`;
    gauge.set(key, (gauge.get(key) ?? 0) + value);
  }
  const transitions = families.get('unikorn_region_monitor_transitions_total')?.samples ?? [];
  return {
    gauge,
    regions: v.parse(statusSchema, JSON.parse(status.text)).regions,
    transitions: transitions.reduce((sum, { value }) => sum + value, 0),
  };
}
