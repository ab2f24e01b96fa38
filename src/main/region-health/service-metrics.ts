// Which services of each region answer, and how quick they are.

import type { Meter } from '@opentelemetry/api';
import type { RegionService, ServiceAnswer } from '../../shared/region-health.ts';
import type { RegionRef } from '../../shared/region-ref.ts';
import { gaugeOf, histogramOf } from '../telemetry/instruments.ts';
import { metricTable } from '../telemetry/metric-table.ts';

interface NamedRegion extends RegionRef {
  readonly displayName: string;
}

/** A region, and which of its services answered. */
export interface AskedRegion extends NamedRegion {
  readonly services: ReadonlyMap<RegionService, boolean>;
}

export class ServiceMetrics {
  readonly #meter: Meter;
  /** Ids alone tell regions apart where one namespace is watched. */
  readonly #allNamespaces: boolean;
  readonly #seconds;

  constructor(meter: Meter, { allNamespaces }: { readonly allNamespaces: boolean }) {
    this.#meter = meter;
    this.#allNamespaces = allNamespaces;
    this.#seconds = histogramOf(meter, metricTable.serviceDuration);
  }

  /** `regions` is read at each collection. */
  observe(regions: () => Iterable<AskedRegion>): void {
    gaugeOf(this.#meter, metricTable.serviceUp).addCallback((result) => {
      for (const region of regions())
        for (const [service, answers] of region.services)
          result.observe(answers ? 1 : 0, this.#attributes(region, service));
    });
  }

  record(region: NamedRegion, { service, seconds }: ServiceAnswer): void {
    if (seconds !== null) this.#seconds.record(seconds, this.#attributes(region, service));
  }

  #attributes({ name, namespace, displayName }: NamedRegion, service: RegionService) {
    return {
      region_id: name,
      region_name: displayName,
      ...(this.#allNamespaces ? { region_namespace: namespace } : {}),
      service,
    };
  }
}
