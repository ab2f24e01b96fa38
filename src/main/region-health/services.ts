// What is remembered of a region's services between polls.

import type { CheckError } from '../../shared/errors.ts';
import type { RegionService, ServiceAnswer, VersionDocuments } from '../../shared/region-health.ts';
import type { Region } from '../regions/region.ts';
import { Settling } from './settling.ts';

export interface FailingService {
  readonly service: RegionService;
  readonly error: CheckError;
}

/** While a service fails, the catalog is read again after so many polls: it may follow a service that has moved later. */
const catalogPolls = 8;

export class RegionServices {
  /** Of the region: what was learnt in another one is of another cloud. */
  readonly era: number;
  readonly settling = new Settling();
  #failing: ReadonlyMap<RegionService, FailingService> = new Map();
  #documents: VersionDocuments = {};
  /** Polls since the catalog was found to be in doubt. */
  #polls = 0;

  constructor({ era }: Pick<Region, 'era'>) {
    this.era = era;
  }

  get failing(): readonly FailingService[] {
    return [...this.#failing.values()];
  }

  get documents(): VersionDocuments {
    return this.#documents;
  }

  /** False when the catalog is in doubt: a service fails that did not before, or for long. It may have moved. */
  takeAnswers(answers: readonly ServiceAnswer[], documents: VersionDocuments): boolean {
    const before = this.#failing;
    this.#failing = new Map(
      answers.flatMap(({ service, error }) =>
        error === null ? [] : [[service, { service, error }] as const],
      ),
    );
    this.#documents = documents;
    if (this.#failing.size === 0) return true;
    this.#polls++;
    if ([...this.#failing.keys()].every((service) => before.has(service)) && this.#polls < catalogPolls)
      return true;
    this.#polls = 0;
    return false;
  }

  /** Nothing could be asked. */
  lose(): void {
    this.#failing = new Map();
  }
}
