// The gauge of load balancers by state.

import type { Meter } from '@opentelemetry/api';
import type { StateCounts } from '../projection/state-counts.ts';
import { gaugeOf } from '../telemetry/instruments.ts';
import { metricTable } from '../telemetry/metric-table.ts';
import type { LoadBalancerState } from './projector.ts';

export function observeLoadBalancers(
  meter: Meter,
  counts: Pick<StateCounts<LoadBalancerState>, 'values'>,
): void {
  gaugeOf(meter, metricTable.loadBalancerState).addCallback((result) => {
    for (const { count, ...attributes } of counts.values()) result.observe(count, attributes);
  });
}
