// What is remembered of a region's projects between polls: their load balancers as last listed, and their logins where the
// server-health check has none.

import { isDeepStrictEqual } from 'node:util';
import type { CheckError } from '../../shared/errors.ts';
import type { LoadBalancerList, LoadBalancerTask } from '../../shared/load-balancer-health.ts';
import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import type { Credentials } from '../../shared/session.ts';
import { Login } from '../regions/login.ts';
import { Pause } from '../regions/pause.ts';
import type { Region } from '../regions/region.ts';
import { LoadBalancerView } from './view.ts';

export class LoadBalancerProject {
  readonly identityId: string;
  /** Of the region: what was learnt in another one is of another cloud. */
  readonly #era: number;
  readonly #pause: Pause;
  /** For an identity without servers. */
  readonly #login = new Login();
  readonly view = new LoadBalancerView();
  #credentials: Credentials | null = null;
  /** Load balancers of the identity, as of the last plan. */
  objects: readonly LoadBalancerRecord[] = [];
  /** Monotonic milliseconds of the last good answer. */
  lastGoodMs: number | null = null;
  #failing = false;
  #askedAt: number | null = null;

  constructor(identityId: string, { era }: Pick<Region, 'era'>, pollPeriodMs: number) {
    this.identityId = identityId;
    this.#era = era;
    this.#pause = new Pause(pollPeriodMs);
  }

  get credentials(): Credentials | undefined {
    return this.#credentials ?? undefined;
  }

  /** Whether what is remembered is of this cloud and project. */
  isOf({ era }: Region, { projectId }: Credentials): boolean {
    return era === this.#era && projectId === this.#credentials?.projectId;
  }

  /** Whether the last answer was an error. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Monotonic milliseconds of the last answer; null before the first. */
  get askedAt(): number | null {
    return this.#askedAt;
  }

  /** Takes the credentials as they are now. Changed ones end a pause. */
  use(credentials: Credentials): void {
    if (isDeepStrictEqual(credentials, this.#credentials)) return;
    this.#credentials = credentials;
    this.#failing = false;
    this.#pause.end();
  }

  /** Why the project is not to be asked now; null when it may be. A refused login is refused to every check. */
  pausedFor(region: Region, nowMs: number): CheckError | null {
    return region.projects.get(this.identityId)?.pausedFor(nowMs) ?? this.#pause.errorAt(nowMs);
  }

  /** Whether there is a login to use. */
  loggedIn(region: Region): boolean {
    return region.era === this.#era && this.#sessionOf(region) !== undefined;
  }

  /** Null before the credentials are known. */
  task(region: Region): LoadBalancerTask | null {
    const { identityId } = this;
    const credentials = this.#credentials;
    if (credentials === null) return null;
    const session = this.#sessionOf(region);
    const { digest } = this.view;
    return {
      identityId,
      credentials,
      // Of a shared login, the server-health check sees to the renewal.
      ...(session === undefined
        ? {}
        : { session: region.projects.has(identityId) ? { ...session, renewAtMs: Infinity } : session }),
      ...(digest === null ? {} : { knownDigest: digest }),
    };
  }

  /** Takes the answer; false when it is not believed yet. */
  take(region: Region, { outcome, session }: LoadBalancerList, nowMs: number): boolean {
    const credentials = this.#credentials ?? undefined;
    const login = this.#loginOf(region);
    // A login that was made meanwhile counts; one that was only used is the other check's to keep.
    if (session?.token !== login.session(credentials)?.token) login.keep(credentials, session);
    if (!outcome.ok && outcome.unasked === true) return true;
    this.#failing = !outcome.ok;
    this.#askedAt = nowMs;
    this.#pause.take(outcome.ok ? null : outcome.error, nowMs);
    if (!outcome.ok) return true;
    this.lastGoodMs = nowMs;
    const believed = this.view.take(outcome);
    // The confirmation must not be made with the token that may be at fault.
    if (!believed) login.drop();
    return believed;
  }

  #sessionOf(region: Region) {
    return this.#loginOf(region).session(this.#credentials ?? undefined);
  }

  #loginOf(region: Region): Login {
    return region.projects.get(this.identityId)?.login ?? this.#login;
  }
}
