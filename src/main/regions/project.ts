// What is remembered of one identity's cloud project between polls: its session, its servers as last observed, and whether
// the region wants it left alone for a while.

import { isDeepStrictEqual } from 'node:util';
import type { CheckError } from '../../shared/errors.ts';
import type { ProjectResult } from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { Credentials } from '../../shared/session.ts';
import { BuildingNodes } from './building-nodes.ts';
import { Login } from './login.ts';
import { Pause } from './pause.ts';
import { ProjectView } from './project-view.ts';
import { Transitions } from './transitions.ts';

/** Servers in a page by default: Nova's own limit. */
const usualPage = 1000;
const smallestPage = 50;
/** A complete list that does not fit is tried again after 2, 4, … polls, at most after 2 to the power of this. */
const mostListPauses = 5;

/** What a project was asked for, and when. */
export interface AskedLists {
  readonly pollNumber: number;
  readonly nowMs: number;
  /** True when everything was asked for, and nothing else. */
  readonly complete: boolean;
}

export class Project {
  readonly identityId: string;
  readonly view = new ProjectView();
  readonly login = new Login();
  readonly nodes: BuildingNodes;
  #credentials: Credentials | undefined;
  /** Servers of the identity, as of the last plan. */
  servers: readonly ServerRecord[] = [];
  /** Number of the poll that last listed the project completely; null when none did. */
  #listedAt: number | null = null;
  readonly #pause: Pause;
  #failing = false;
  #askedAt: number | null = null;
  #lastGoodMs: number | null = null;
  #listFailure: CheckError | null = null;
  /** Complete lists in a row that did not fit into their time-outs. */
  #listFailures = 0;
  #nextListAt = 0;
  #pageSize: number | null = null;
  readonly transitions = new Transitions();

  constructor(identityId: string, pollPeriodMs: number) {
    this.identityId = identityId;
    this.#pause = new Pause(pollPeriodMs);
    this.nodes = new BuildingNodes(pollPeriodMs);
  }

  /** Undefined for a provider without logins. */
  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  /** True while servers of the project will soon be different: they are asked for between two polls, too. */
  get unsettled(): boolean {
    return this.transitions.watched;
  }

  get listedAt(): number | null {
    return this.#listedAt;
  }

  /** Whether the last answer was an error. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Number of the poll that last asked the project; null when none did. */
  get askedAt(): number | null {
    return this.#askedAt;
  }

  /** Monotonic milliseconds of the last good answer; null before the first. */
  get lastGoodMs(): number | null {
    return this.#lastGoodMs;
  }

  /** Why the last complete list could not be read whole; null when it could. */
  get listFailure(): CheckError | null {
    return this.#listFailure;
  }

  /** Number of the poll from which on a complete list is tried after the changes; null while it is asked for alone. */
  get nextListAt(): number | null {
    return this.#listFailures === 0 ? null : this.#nextListAt;
  }

  /** Servers to ask for in one page of a complete list; null leaves it to the cloud. */
  get pageSize(): number | null {
    return this.#pageSize;
  }

  /** Takes the credentials as they are now. Changed ones end a pause. */
  use(credentials: Credentials | undefined): void {
    if (isDeepStrictEqual(credentials, this.#credentials)) return;
    this.#credentials = credentials;
    this.#pause.end();
    this.#failing = false;
  }

  /** Takes the answer to what was asked, slice by slice; false when it is not believed yet. */
  *take(result: ProjectResult, asked: AskedLists): Generator<void, boolean> {
    const { outcome, session } = result;
    const { pollNumber, nowMs } = asked;
    this.login.keep(this.#credentials, session);
    if (!outcome.ok && outcome.unasked === true) return true;
    this.#failing = !outcome.ok;
    this.#askedAt = pollNumber;
    const listError = outcome.ok ? (outcome.completeError ?? null) : asked.complete ? outcome.error : null;
    if (listError !== null && isTooLarge(listError))
      this.#listFailed(listError, { ...asked, answered: outcome.ok });
    else if (outcome.ok && outcome.complete) this.#listFitted();
    this.#pause.take(outcome.ok ? null : outcome.error, nowMs);
    if (!outcome.ok) return true;
    this.#lastGoodMs = nowMs;
    const believed = yield* this.view.take(outcome);
    // The confirmation must not be made with the token that may be at fault.
    if (!believed) this.login.drop();
    else if (outcome.complete) this.#listedAt = pollNumber;
    return believed;
  }

  /** Why the project is not to be asked now, with the time that is left; null when it may be asked. */
  pausedFor(nowMs: number): CheckError | null {
    return this.#pause.errorAt(nowMs);
  }

  /** Where the project has answered, the size of the list is to blame; otherwise the region may only hang. */
  #listFailed(
    error: CheckError,
    { pollNumber, answered }: AskedLists & { readonly answered: boolean },
  ): void {
    this.#listFailures++;
    const pageFits = (error.overtime?.pagesRead ?? 0) > 0;
    if (!pageFits && (answered || (this.view.watermark === null && this.#listFailures > 1)))
      this.#pageSize = Math.max(smallestPage, Math.floor((this.#pageSize ?? usualPage) / 2));
    if (answered) this.#listFailure = error;
    this.#nextListAt = pollNumber + 2 ** Math.min(this.#listFailures, mostListPauses);
  }

  #listFitted(): void {
    this.#listFailure = null;
    this.#listFailures = 0;
    // Larger pages again: the cloud may only have been slow for a while.
    const larger = (this.#pageSize ?? usualPage) * 2;
    this.#pageSize = larger >= usualPage ? null : larger;
  }
}

function isTooLarge({ code }: CheckError): boolean {
  return code === 'timeout' || code === 'response-too-large';
}
