// The half that runs on the main thread: plans a job for each region, and tells what came back, as a gauge and in the log.

import type { Checker, Cycle, JobReport, MonitorParts } from 'region-monitor';
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

  async plan(cycle: Cycle): Promise<readonly ApiLatencyJob[]> {
    // Between two polls only regions are asked whose servers are changing: nothing to do with us.
    if (cycle.scope !== 'all') return [];
    const regions = [...this.#parts.regions.values()];
    for (const id of this.#answers.keys())
      if (!regions.some(({ name }) => name === id)) this.#answers.delete(id);
    const jobs: ApiLatencyJob[] = [];
    for (const { name, openstack } of regions) {
      // A region that still has our earlier job is left out of this poll.
      if (openstack !== null && cycle.claim(name))
        jobs.push({ regionId: name, deadlineMs: cycle.deadlineMs, endpoint: openstack.endpoint });
    }
    return jobs;
  }

  async apply({ regionId }: ApiLatencyJob, { outcome }: JobReport<ApiLatencyResult>): Promise<void> {
    const { logger } = this.#parts;
    const before = this.#answers.get(regionId);
    this.#answers.set(regionId, outcome.ok ? outcome.result.seconds : null);
    // Once when it begins and once when it ends, not at every poll.
    if (!outcome.ok && before !== null)
      logger.error('region API does not answer', outcome.error.message, { region: regionId });
    if (outcome.ok && before === null) logger.info('region API answers again', { region: regionId });
  }
}
