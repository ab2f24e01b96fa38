// One region and all that is remembered of it between polls. What was learnt through the region's API can be learnt again:
// it goes when the access changes or is lost. How the region has been doing (its health) outlives that: a region that
// cannot be resolved keeps its breaker.

import { isDeepStrictEqual } from 'node:util';
import type { RegionService } from '../../shared/region-health.ts';
import type { RegionRef } from '../../shared/region-ref.ts';
import type { FlavorResult } from '../../shared/server-health.ts';
import type { Credentials, RegionTarget } from '../../shared/session.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import { Flavors } from './flavors.ts';
import { Login } from './login.ts';
import { Pause } from './pause.ts';
import { PollHealth } from './poll-health.ts';
import { Project } from './project.ts';
import type { TransitionKind } from './transitions.ts';

/** How a region is reached, as its Region object and Secret say. */
export interface RegionAccess {
  readonly target: RegionTarget;
  /** The region's own service account; null for a provider without logins. */
  readonly service: Credentials | null;
}

export class Region implements RegionRef {
  readonly namespace: string;
  /** The region's id. */
  readonly name: string;
  readonly health: PollHealth;
  /** Of the region's service account, which all checks share. */
  readonly login = new Login();
  /** While it lasts, no check logs in with the service account. */
  readonly loginPause: Pause;
  readonly #pollPeriodMs: number;
  #record: RegionRecord | null = null;
  #access: RegionAccess | null = null;
  #flavors: Flavors;
  readonly #projects = new Map<string, Project>();
  #era = 0;
  #redefined = false;
  /** Servers that name it, as of the last poll. */
  servers = 0;
  /** Whether each of its services answered the last poll of the region-health check; empty where there was none. */
  services: ReadonlyMap<RegionService, boolean> = new Map();

  constructor({ namespace, name }: RegionRef, pollPeriodMs: number) {
    this.namespace = namespace;
    this.name = name;
    this.#pollPeriodMs = pollPeriodMs;
    this.health = new PollHealth({ pollPeriodMs, random: Math.random });
    this.loginPause = new Pause(pollPeriodMs);
    this.#flavors = new Flavors(pollPeriodMs);
  }

  /** The Region object; null where servers name one that does not exist. */
  get record(): RegionRecord | null {
    return this.#record;
  }

  get displayName(): string {
    return this.#record?.displayName ?? '';
  }

  /** Null until it is resolved, and when it cannot be. */
  get access(): RegionAccess | null {
    return this.#access;
  }

  /** Another number whenever all that was learnt through the access was dropped: what was learnt before is of another region. */
  get era(): number {
    return this.#era;
  }

  /** Whether the object has changed since the access was taken: the access may be out of date. */
  get redefined(): boolean {
    return this.#redefined;
  }

  get flavors(): Flavors {
    return this.#flavors;
  }

  /** By identity. */
  get projects(): ReadonlyMap<string, Project> {
    return this.#projects;
  }

  get unsettled(): boolean {
    for (const { unsettled } of this.#projects.values()) if (unsettled) return true;
    return false;
  }

  /** Since when the oldest transition of each kind has been running, in all its projects: epoch milliseconds. */
  get oldestTransitions(): ReadonlyMap<TransitionKind, number> {
    const oldest = new Map<TransitionKind, number>();
    for (const { transitions } of this.#projects.values())
      for (const [kind, sinceMs] of transitions.oldest)
        oldest.set(kind, Math.min(sinceMs, oldest.get(kind) ?? sinceMs));
    return oldest;
  }

  /** Takes the object as it is now. A change of what it defines ends a rest: it may be the remedy. */
  define(record: RegionRecord | null): void {
    const before = this.#record;
    this.#record = record;
    if (record === before) return;
    if (record !== null && before !== null && record.uid === before.uid) {
      if (isDeepStrictEqual(record.openstack, before.openstack) && record.provider === before.provider)
        return;
      this.#redefined = true;
      this.#flavors.expire();
    } else if (before !== null) {
      // Another object of its name, or none: nothing that was learnt of the old one is known of it.
      this.loseAccess();
    }
    this.health.wake();
  }

  /** Takes the access as it is now. What was learnt of another cloud, or with another account, is dropped. */
  use(access: RegionAccess): void {
    const before = this.#access;
    this.#redefined = false;
    if (isDeepStrictEqual(access, before)) return;
    if (before !== null) {
      if (isDeepStrictEqual(access.target, before.target)) {
        this.login.drop();
        this.loginPause.end();
        this.#flavors.expire();
      } else {
        this.loseAccess();
      }
      this.health.wake();
    }
    this.#access = access;
  }

  /** Drops all that was learnt through the access. Without one, nothing was. */
  loseAccess(): void {
    if (this.#access === null) return;
    this.#era++;
    this.#access = null;
    this.services = new Map();
    this.login.drop();
    this.loginPause.end();
    this.#projects.clear();
    this.#flavors = new Flavors(this.#pollPeriodMs);
  }

  /** The project of an identity; asking for it begins it. */
  project(identityId: string): Project {
    let project = this.#projects.get(identityId);
    if (project === undefined) {
      project = new Project(identityId, this.#pollPeriodMs);
      this.#projects.set(identityId, project);
    }
    return project;
  }

  /** The project of an identity with its credentials as they are now. Of another project, nothing is known. */
  useProject(identityId: string, credentials: Credentials | undefined): Project {
    const known = this.#projects.get(identityId);
    if (known !== undefined && known.credentials?.projectId !== credentials?.projectId)
      this.#projects.delete(identityId);
    const project = this.project(identityId);
    project.use(credentials);
    return project;
  }

  /** Drops projects that no server names. */
  retainProjects(identityIds: ReadonlySet<string>): void {
    for (const id of this.#projects.keys()) if (!identityIds.has(id)) this.#projects.delete(id);
  }

  takeFlavors({ outcome, session }: FlavorResult, nowMs: number): void {
    this.login.keep(this.#access?.service ?? undefined, session);
    // Where there is a session, it was not the login that failed.
    this.loginPause.take(outcome.ok || session !== null ? null : outcome.error, nowMs);
    if (outcome.ok) this.#flavors.listed(outcome.flavors, this.#record?.openstack?.flavorIds ?? null, nowMs);
    else this.#flavors.failed(outcome.error, nowMs);
  }
}
