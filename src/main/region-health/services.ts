// What is remembered of a region's services between polls.

import { isDeepStrictEqual } from 'node:util';
import type { CheckError } from '../../shared/errors.ts';
import type { RegionService, ServiceAnswer, VersionDocuments } from '../../shared/region-health.ts';
import type { Credentials } from '../../shared/session.ts';
import { longestPauseMs, refusalPauseMs } from '../regions/pauses.ts';
import type { Region } from '../regions/region.ts';
import { Settling } from './settling.ts';

export interface FailingService {
  readonly service: RegionService;
  readonly error: CheckError;
}

export class RegionServices {
  /** Of the region: what was learnt in another one is of another cloud. */
  readonly era: number;
  readonly settling = new Settling();
  readonly #pollPeriodMs: number;
  #failing: ReadonlyMap<RegionService, FailingService> = new Map();
  #documents: VersionDocuments = {};
  #account: Credentials | null = null;
  #refusals = 0;
  #pause: { readonly untilMs: number; readonly error: CheckError } | null = null;

  constructor({ era }: Pick<Region, 'era'>, pollPeriodMs: number) {
    this.era = era;
    this.#pollPeriodMs = pollPeriodMs;
  }

  get failing(): readonly FailingService[] {
    return [...this.#failing.values()];
  }

  get documents(): VersionDocuments {
    return this.#documents;
  }

  /** True when one of these fails that did not before. */
  takeAnswers(answers: readonly ServiceAnswer[], documents: VersionDocuments): boolean {
    const before = this.#failing;
    this.#failing = new Map(
      answers.flatMap(({ service, error }) =>
        error === null ? [] : [[service, { service, error }] as const],
      ),
    );
    this.#documents = documents;
    return [...this.#failing.keys()].some((service) => !before.has(service));
  }

  /** Takes the region's account as it is now. Another one ends a pause. */
  use(account: Credentials | null): void {
    if (isDeepStrictEqual(account, this.#account)) return;
    this.#account = account;
    this.#refusals = 0;
    this.#pause = null;
  }

  /** Nothing could be asked. */
  lose(): void {
    this.#failing = new Map();
  }

  /** Notes how a login went; null for one that was not refused. */
  takeLogin(error: CheckError | null, nowMs: number): void {
    this.#refusals = error?.code === 'unauthorized' ? this.#refusals + 1 : 0;
    const waitMs =
      error?.code === 'unauthorized'
        ? refusalPauseMs(this.#refusals, this.#pollPeriodMs)
        : Math.min(error?.retryAfterMs ?? 0, longestPauseMs);
    this.#pause = error === null || waitMs <= 0 ? null : { untilMs: nowMs + waitMs, error };
  }

  /** Why no login is to be tried now; null when one may be. */
  pausedFor(nowMs: number): CheckError | null {
    return this.#pause === null || this.#pause.untilMs <= nowMs ? null : this.#pause.error;
  }
}
