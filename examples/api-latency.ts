// The half that runs on the main thread: plans a job for each region, and reports the results as a gauge and in the log.

import type { Checker, Cycle, JobReport, MonitorParts, RegionRecord, RegionRef } from 'region-monitor';
import type { ApiLatencyJob, ApiLatencyResult } from './api-latency-check.ts';

export class ApiLatency implements Checker<ApiLatencyJob, ApiLatencyResult> {
  readonly name = 'api-latency';
  readonly worker = new URL('./api-latency-check.ts', import.meta.url);
  readonly #parts: MonitorParts;
  /** Seconds by region; null for one that gave no answer. */
  readonly #answers = new Map<string, number | null>();

  constructor(parts: MonitorParts) {
    this.#parts = parts;
    parts.meter
      .createObservableGauge('example_region_api_seconds', {
        description: 'How long the API of a region takes.',
      })
      .addCallback((result) => {
        for (const [region_id, seconds] of this.#answers)
          if (seconds !== null) result.observe(seconds, { region_id });
      });
  }

  regions({ scope }: Cycle): Iterable<RegionRecord> {
    // Between two polls only regions with servers in transition are asked. This check does not need that.
    if (scope !== 'all') return [];
    const regions = [...this.#parts.regions.values()].filter(({ openstack }) => openstack !== null);
    for (const name of this.#answers.keys())
      if (!regions.some((region) => region.name === name)) this.#answers.delete(name);
    return regions;
  }

  async plan(region: RegionRef, { deadlineMs }: Cycle): Promise<readonly ApiLatencyJob[]> {
    const { namespace, name } = region;
    const endpoint = this.#parts.regions.get(namespace, name)?.openstack?.endpoint;
    return endpoint === undefined ? [] : [{ region: { namespace, name }, deadlineMs, endpoint }];
  }

  async apply({ region: { name } }: ApiLatencyJob, { outcome }: JobReport<ApiLatencyResult>): Promise<void> {
    const { logger } = this.#parts;
    const before = this.#answers.get(name);
    this.#answers.set(name, outcome.ok ? outcome.result.seconds : null);
    // One line when it begins and one when it ends, not one at every poll.
    if (!outcome.ok && before !== null)
      logger.error('region API does not answer', outcome.error.message, { region: name });
    if (outcome.ok && before === null) logger.info('region API answers again', { region: name });
  }
}
