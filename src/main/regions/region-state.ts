// What the monitor remembers of one region between polls: how to reach it, sessions, flavours, and a view of each project.
// All of it can be learnt again: the objects in Kubernetes are the memory that counts.

import { isDeepStrictEqual } from 'node:util';
import { type CheckError, concernsRegion } from '../../shared/errors.ts';
import type {
  Credentials,
  Flavor,
  FlavorResult,
  ProjectResult,
  RegionTarget,
  Session,
} from '../../shared/server-health.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import { ProjectPauses } from './project-pauses.ts';
import { ProjectView } from './project-view.ts';

/** How a region is reached, as its Region object and Secret say. */
export interface RegionAccess {
  readonly target: RegionTarget;
  /** The region's own service account; null for a provider without logins. */
  readonly service: Credentials | null;
}

interface Login {
  readonly credentials: Credentials;
  readonly session: Session;
}

/** Flavours hardly change; the original keeps them as long. */
const flavorLifetimeMs = 3_600_000;
/** What was refused is asked for again sooner, but not at every poll: each time may cost a login that fails. */
const flavorRetryMs = 300_000;

export class RegionState {
  record: RegionRecord;
  #access: RegionAccess;
  /** By identity; the region's service account under "". */
  readonly #logins = new Map<string, Login>();
  readonly #views = new Map<string, ProjectView>();
  #flavorNames: ReadonlyMap<string, string> = new Map();
  #flavorsDueMs = 0;
  /** Number of the poll that last listed a project completely. */
  readonly #listedAt = new Map<string, number>();
  /** Projects with servers that will soon be others than they are. */
  readonly #unsettled = new Set<string>();
  /** Projects that the region wants left alone. */
  readonly pauses = new ProjectPauses();
  /** Why the flavours could not be listed when they were last asked for; null when they could. */
  flavorError: CheckError | null = null;

  constructor(record: RegionRecord, access: RegionAccess) {
    this.record = record;
    this.#access = access;
  }

  get access(): RegionAccess {
    return this.#access;
  }

  /** Takes the objects as they are now. What was learnt through another access is dropped. */
  update(record: RegionRecord, access: RegionAccess): void {
    if (!isDeepStrictEqual(access, this.#access)) {
      this.#logins.clear();
      this.#views.clear();
      this.#listedAt.clear();
      this.#unsettled.clear();
      this.pauses.clear();
      this.#flavorsDueMs = 0;
    }
    if (!isDeepStrictEqual(record.openstack, this.record.openstack)) this.#flavorsDueMs = 0;
    this.record = record;
    this.#access = access;
  }

  view(identityId: string): ProjectView {
    let view = this.#views.get(identityId);
    if (view === undefined) {
      view = new ProjectView();
      this.#views.set(identityId, view);
    }
    return view;
  }

  /** Lets go of projects that no server names any more. */
  retainProjects(identityIds: ReadonlySet<string>): void {
    for (const id of this.#views.keys()) {
      if (identityIds.has(id)) continue;
      this.#views.delete(id);
      this.#listedAt.delete(id);
      this.#unsettled.delete(id);
    }
    for (const id of this.#logins.keys()) if (id !== '' && !identityIds.has(id)) this.#logins.delete(id);
    this.pauses.retain(identityIds);
  }

  /** Number of the poll that last listed the project completely; null when none did. */
  listedAt(identityId: string): number | null {
    return this.#listedAt.get(identityId) ?? null;
  }

  /** Projects with servers that will soon be others than they are. */
  get unsettled(): ReadonlySet<string> {
    return this.#unsettled;
  }

  setUnsettled(identityId: string, unsettled: boolean): void {
    if (unsettled) this.#unsettled.add(identityId);
    else this.#unsettled.delete(identityId);
  }

  /** The session to use again; undefined when there is none for exactly these credentials. */
  session(identityId: string, credentials: Credentials): Session | undefined {
    const login = this.#logins.get(identityId);
    if (login === undefined || !isDeepStrictEqual(login.credentials, credentials)) return undefined;
    return login.session;
  }

  keepSession(identityId: string, credentials: Credentials | undefined, session: Session | null): void {
    if (session === null || credentials === undefined) this.#logins.delete(identityId);
    else this.#logins.set(identityId, { credentials, session });
  }

  dropSession(identityId: string): void {
    this.#logins.delete(identityId);
  }

  flavorsDue(nowMs: number): boolean {
    return nowMs >= this.#flavorsDueMs;
  }

  takeFlavors({ outcome, session }: FlavorResult, nowMs: number): void {
    this.keepSession('', this.#access.service ?? undefined, session);
    this.flavorError = outcome.ok ? null : outcome.error;
    if (!outcome.ok) {
      this.#flavorsDueMs = nowMs + flavorDelayMs(outcome.error);
      return;
    }
    this.#flavorsDueMs = nowMs + flavorLifetimeMs;
    const selected = this.record.openstack?.flavorIds ?? null;
    const isSelected = ({ id }: Flavor) => selected === null || selected.includes(id);
    this.#flavorNames = new Map(outcome.flavors.filter(isSelected).map(({ id, name }) => [id, name]));
  }

  /** "" for a flavour that is unknown, private or not selected. */
  flavorName(flavorId: string): string {
    return this.#flavorNames.get(flavorId) ?? '';
  }

  /** Takes a project's answer; false when it is not believed yet. */
  takeProject(result: ProjectResult, credentials: Credentials | undefined, pollNumber: number): boolean {
    this.keepSession(result.identityId, credentials, result.session);
    if (!result.outcome.ok) return true;
    const { complete } = result.outcome;
    const believed = this.view(result.identityId).take(result.outcome);
    // The confirmation must not be made with the token that may be at fault.
    if (!believed) this.dropSession(result.identityId);
    else if (complete) this.#listedAt.set(result.identityId, pollNumber);
    return believed;
  }
}

/** A region that fails is asked again by the next poll, so that its first good answer has the flavours' names. */
function flavorDelayMs({ code, retryAfterMs }: CheckError): number {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, flavorRetryMs);
  return concernsRegion(code) && code !== 'rate-limited' ? 0 : flavorRetryMs;
}
