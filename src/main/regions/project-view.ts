// What is known of one cloud project between polls: its servers as last observed, and from when on to ask for changes.
// Kept up to date by complete lists and by lists of changes; asked for the observation of each Server object.

import type { Observation } from '../../shared/observation.ts';
import type { KnownFault, KnownPage, ListedPage, MalformedRecord } from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import { KnownList, type ListedServer } from './known-list.ts';

export interface ProjectAnswer {
  readonly complete: boolean;
  readonly observations: readonly Observation[];
  /** Records that could not be read: their servers are there, but nothing can be said of them. */
  readonly malformed: readonly MalformedRecord[];
  readonly watermark: string | null;
  /** Of a complete list, in order: servers that are as they were have no observations here. None of any other list. */
  readonly pages: readonly ListedPage[];
}

export type Finding =
  | { readonly kind: 'observed'; readonly observation: Observation }
  /** The region answered, and the server is not there. */
  | { readonly kind: 'missing' }
  /** The region answered, but its record of this server cannot be read. */
  | { readonly kind: 'unreadable' }
  /** Not found, but the region cannot reach a cell whose servers it cannot name: it may be there. */
  | { readonly kind: 'unreachable' };

/** Observations that are taken in one slice of main's time. */
const slice = 1_000;

export class ProjectView {
  #byId = new Map<string, Observation>();
  readonly #byOwner = new Map<string, Observation>();
  readonly #byName = new Map<string, Observation[]>();
  /** Provider id that was found for a Server object, by its uid: it survives renames on both sides. */
  readonly #remembered = new Map<string, string>();
  /** Records that could not be read when they were last listed, by provider id where that could be read. */
  readonly #malformed = new Map<string, MalformedRecord>();
  /** Owners of those records. */
  readonly #unreadableOwners = new Set<string>();
  /** One of them has no known owner, so any server that was not found may be it. */
  #unreadableStranger = false;
  /** Partial records that nothing is known of: any server that is not found may be one of them. */
  #strangers = false;
  #watermark: string | null = null;
  /** Known faults: few servers have one, so they are kept apart. */
  readonly #faults = new Map<string, KnownFault>();
  readonly #list = new KnownList();
  #confirming = false;
  /** Some records are partial. */
  #partial = false;

  /**
   * ISO 8601, the cloud's clock; null when only a complete list will do: to confirm, or because a cell was not reached,
   * whose servers come back without having changed.
   */
  get watermark(): string | null {
    return this.#confirming || this.#partial ? null : this.#watermark;
  }

  /** Of the last complete list. What comes again with the digest that it has here would change nothing. */
  get pages(): readonly KnownPage[] {
    return this.#confirming ? [] : this.#list.pages;
  }

  /** True while most servers are missing for the first time: the next list must be complete and made with a new login. */
  get confirming(): boolean {
    return this.#confirming;
  }

  /** Faults that are known, by provider id. */
  knownFaults(): Readonly<Record<string, KnownFault>> {
    return Object.fromEntries(this.#faults);
  }

  /** Records that could not be read, until they come whole. */
  malformed(): Iterable<MalformedRecord> {
    return this.#malformed.values();
  }

  *observations(): Iterable<Observation> {
    yield* this.#byId.values();
  }

  /**
   * Takes an answer. False when it is not believed yet: most servers that were there are gone at once, which a wrongly
   * scoped token looks like too. The view then stays as it is, until the next complete answer is taken as it comes.
   * Large answers are taken slice by slice: do not query the view before the end.
   */
  *take(answer: ProjectAnswer): Generator<void, boolean> {
    if (answer.complete && this.#list.isAgain(answer.pages)) {
      this.#watermark = answer.watermark;
      return true;
    }
    const empty = answer.observations.length + answer.malformed.length === 0;
    if (answer.complete) {
      const pages = this.#list.read(answer.pages, answer.observations);
      if (!this.#confirming && this.#mostVanished(answer, pages)) {
        this.#confirming = true;
        return false;
      }
      yield;
      this.#confirming = false;
      yield* this.#replace(answer, pages);
    } else {
      yield* this.#putAll(answer.observations, this.#byId);
      for (const { providerId } of [...answer.observations, ...answer.malformed])
        this.#list.noteChanged(providerId);
    }
    for (const record of answer.malformed) this.#malformed.set(malformedKey(record), record);
    this.#watermark = answer.watermark;
    // Most lists of changes are empty, and projects can be large.
    if (!answer.complete && empty) return true;
    yield* this.#index();
    return true;
  }

  /**
   * The observation that belongs to a Server object: by the owner in the cloud's metadata, by the remembered provider id,
   * by exact name. A server whose metadata names another object (`isServer`) belongs to that one only.
   */
  find(server: ServerRecord, isServer: (name: string) => boolean): Finding {
    const owned = this.#byOwner.get(server.name);
    if (owned === undefined && this.#unreadableOwners.has(server.name)) return { kind: 'unreadable' };
    const observation = owned ?? this.#findRemembered(server, isServer) ?? this.#findByName(server, isServer);
    if (observation !== undefined) {
      this.#remembered.set(server.uid, observation.providerId);
      if (this.#malformed.has(observation.providerId)) return { kind: 'unreadable' };
      return { kind: 'observed', observation };
    }
    if (this.#unreadableStranger) return { kind: 'unreadable' };
    return { kind: this.#strangers ? 'unreachable' : 'missing' };
  }

  /** Drops what is remembered of Server objects that no longer exist. `servers` are all that the project has. */
  retain(servers: readonly ServerRecord[]): void {
    // More remembered servers than servers: some are gone.
    if (this.#remembered.size <= servers.length) return;
    const uids = new Set(servers.map(({ uid }) => uid));
    for (const uid of this.#remembered.keys()) if (!uids.has(uid)) this.#remembered.delete(uid);
  }

  #findRemembered(server: ServerRecord, isServer: (name: string) => boolean): Observation | undefined {
    const id = this.#remembered.get(server.uid);
    const observation = id === undefined ? undefined : this.#byId.get(id);
    return observation !== undefined && isUnowned(observation, isServer) ? observation : undefined;
  }

  #findByName(server: ServerRecord, isServer: (name: string) => boolean): Observation | undefined {
    if (server.displayName === '') return undefined;
    const named = this.#byName.get(server.displayName) ?? [];
    return (
      named.find(({ ownerId }) => ownerId === null) ??
      named.find((observation) => isUnowned(observation, isServer))
    );
  }

  #mostVanished({ malformed }: ProjectAnswer, pages: Pages): boolean {
    if (this.#byId.size === 0) return false;
    const present = new Set(pages.flatMap((page) => page.map(({ id }) => id)));
    for (const { providerId } of malformed) if (providerId !== null) present.add(providerId);
    let vanished = 0;
    for (const id of this.#byId.keys()) if (!present.has(id)) vanished++;
    return vanished * 2 > this.#byId.size;
  }

  *#replace(answer: ProjectAnswer, pages: Pages): Generator<void> {
    const { malformed } = answer;
    const before = this.#byId;
    this.#byId = new Map();
    this.#faults.clear();
    this.#malformed.clear();
    let listed = 0;
    for (const page of pages) {
      yield* this.#putAll(
        page.flatMap(({ id, reported }) => reported ?? before.get(id) ?? []),
        before,
      );
      listed += page.length;
    }
    // Of a server that is listed twice, the last record counts, so the others would not mean the same in another list.
    this.#list.replace(listed === this.#byId.size ? answer.pages : [], pages);
    // What could not be read is still there: it is kept as it was last seen.
    for (const { providerId } of malformed) {
      const known = providerId === null ? undefined : before.get(providerId);
      if (known === undefined) continue;
      this.#put(known, undefined);
      // Another record of it could be read, perhaps, but is not what is shown.
      this.#list.noteChanged(providerId);
    }
  }

  *#putAll(observations: readonly Observation[], before: ReadonlyMap<string, Observation>): Generator<void> {
    for (const some of slicesOf(observations)) {
      for (const observation of some) this.#put(observation, before.get(observation.providerId));
      yield;
    }
  }

  #put(observation: Observation, before: Observation | undefined): void {
    const { providerId, ownerId, deleted } = observation;
    this.#malformed.delete(malformedKey({ providerId, ownerId }));
    if (ownerId !== null) this.#malformed.delete(malformedKey({ providerId: null, ownerId }));
    if (deleted) this.#byId.delete(providerId);
    else this.#byId.set(providerId, withIdentity(observation, before));
    const { updated, fault } = observation;
    if (deleted || updated === null || fault === undefined) this.#faults.delete(providerId);
    else this.#faults.set(providerId, { updated, fault });
  }

  *#index(): Generator<void> {
    this.#byOwner.clear();
    this.#byName.clear();
    this.#unreadableOwners.clear();
    this.#unreadableStranger = false;
    this.#strangers = false;
    this.#partial = false;
    for (const { providerId, ownerId } of this.#malformed.values()) {
      if (ownerId !== null) this.#unreadableOwners.add(ownerId);
      else if (providerId === null || !this.#byId.has(providerId)) this.#unreadableStranger = true;
    }
    let seen = 0;
    for (const observation of this.#byId.values()) {
      if (++seen % slice === 0) yield;
      const { name, ownerId, partial } = observation;
      if (partial) this.#partial = true;
      if (partial && name === null) this.#strangers = true;
      if (ownerId !== null && isNewer(observation, this.#byOwner.get(ownerId)))
        this.#byOwner.set(ownerId, observation);
      if (name === null) continue;
      const named = this.#byName.get(name);
      if (named === undefined) this.#byName.set(name, [observation]);
      else if (isNewer(observation, named[0])) named.unshift(observation);
      else named.push(observation);
    }
  }
}

type Pages = readonly (readonly ListedServer[])[];

function* slicesOf(observations: readonly Observation[]): Iterable<readonly Observation[]> {
  for (let from = 0; from < observations.length; from += slice) yield observations.slice(from, from + slice);
}

/** Of several servers with one owner or one name, the one that was made last counts, in whatever order they come. */
function isNewer({ createdAtSeconds }: Observation, than: Observation | undefined): boolean {
  return than === undefined || (createdAtSeconds ?? 0) > (than.createdAtSeconds ?? 0);
}

/** A partial record carries neither name nor metadata: they stay as they were last seen. */
function withIdentity(observation: Observation, before: Observation | undefined): Observation {
  if (!observation.partial || before === undefined) return observation;
  return { ...observation, name: before.name, ownerId: before.ownerId };
}

/** True when its metadata names no existing Server object. */
function isUnowned({ ownerId }: Observation, isServer: (name: string) => boolean): boolean {
  return ownerId === null || !isServer(ownerId);
}

/** Records without an id are distinguished by owner; records with neither share one key. */
function malformedKey({ providerId, ownerId }: Pick<MalformedRecord, 'providerId' | 'ownerId'>): string {
  return providerId ?? `owner ${ownerId ?? ''}`;
}
