// The job and the result of the server-health check: the protocol between main and worker.

import type { CheckError } from './errors.ts';
import type { Observation } from './observation.ts';
import type { RegionJob, SentRequests } from './region-job.ts';
import type { Credentials, Session } from './session.ts';

/** One cloud project (identity) to list. */
export interface ProjectTask {
  readonly identityId: string;
  /** Absent for a provider without logins. */
  readonly credentials?: Credentials;
  readonly session?: Session;
  /** ISO 8601 in whole seconds, the cloud's clock: ask only for what changed since. Absent asks for everything. */
  readonly changesSince?: string;
  /** After the changes, ask for everything too, in the time that is left. */
  readonly alsoComplete?: boolean;
  /** Servers to ask for in one page of a complete list. Absent leaves it to the cloud. */
  readonly pageSize?: number;
  /** Of the complete list that is known: a page that comes again as it was is not reported again. */
  readonly knownPages?: readonly KnownPage[];
  /** Faults already known, by provider id: not fetched again while `updated` is the same. */
  readonly knownFaults?: Readonly<Record<string, KnownFault>>;
  /** Present when the project may have bare-metal servers that are building. */
  readonly baremetal?: BaremetalTask;
  /** For the simulated provider, which has no cloud to ask. */
  readonly simulatedServers?: readonly SimulatedServer[];
}

/**
 * Servers of bare-metal flavors wait for a node while they are built, and only the bare-metal service knows whether they
 * have one. A list of servers does not name flavors by id, so main says which servers are meant.
 */
export interface BaremetalTask {
  /** The region's service account, scoped to this project: only administrators see nodes. */
  readonly credentials: Credentials;
  readonly session?: Session;
  /** The Server objects that may be building. */
  readonly servers: readonly { readonly name: string; readonly displayName: string }[];
  /** Provider ids of those that were building when last observed: a list of changes, or one that is unchanged, lacks them. */
  readonly building: readonly string[];
}

/** A page of a complete list. Its bytes say all that there is to know of its servers, and where the list goes on. */
export interface KnownPage {
  /** Null when the same page may mean something else next time: more than its records was asked for, and did not come. */
  readonly digest: string | null;
  /** The query of the page after it; null on the last. */
  readonly next: string | null;
  /** Records in it. */
  readonly records: number;
  /** Of the bytes of each of its servers, in order; 0 for one that may mean something else next time. */
  readonly serverDigests: readonly number[];
}

/** A page as it came. */
export interface ListedPage extends KnownPage {
  /** True when it is the known page in its place: nothing of its servers is reported again, nor their digests. */
  readonly unchanged: boolean;
  /**
   * Of its servers, in order: the place of each in the known pages, counted over all of them, if it is as it was there. Null
   * for one whose observation is reported.
   */
  readonly places: readonly (number | null)[];
}

/** The fault text of a server, null for none, and the cloud's time of the last change when it was seen. */
export interface KnownFault {
  readonly updated: string;
  readonly fault: string | null;
}

export interface SimulatedServer {
  readonly name: string;
  readonly displayName: string;
  readonly phase: string;
  /** When the object was created, epoch milliseconds, and how long ago that is. */
  readonly createdAt: number;
  readonly ageMs: number;
}

/** Flavors are asked for with the region's own service account. */
export interface FlavorTask {
  readonly credentials?: Credentials;
  readonly session?: Session;
}

export interface ServerHealthJob extends RegionJob {
  readonly projects: readonly ProjectTask[];
  /** Present when the region's flavors are due. */
  readonly flavors?: FlavorTask;
  /** Ask one project first, and the others only if the region answers. */
  readonly probe: boolean;
}

export interface Flavor {
  readonly id: string;
  readonly name: string;
}

/** A record that could not be read. The server is there, but nothing is known of it: it must not count as gone. */
export interface MalformedRecord {
  /** The cloud's id of the server; null when not even that could be read. */
  readonly providerId: string | null;
  /** Name of the Server object in the cloud's metadata; null when that could not be read, or is not there. */
  readonly ownerId: string | null;
  /** Names the record and the field. */
  readonly error: CheckError;
}

/** What the bare-metal service says of the servers that are building. A failure of it costs the project nothing else. */
export interface NodesResult {
  readonly outcome:
    | {
        readonly ok: true;
        /** Provision state of the node of each server, by provider id; null for one that has no node yet. */
        readonly states: Readonly<Record<string, string | null>>;
        /** Servers that more than one node claims. */
        readonly ambiguous: readonly string[];
      }
    | {
        readonly ok: false;
        /** Whether there was no way to the service, or it did not answer the question. */
        readonly step: 'session' | 'list';
        /** Servers that were asked for. */
        readonly asked: readonly string[];
        readonly error: CheckError;
      };
  /** The session to keep; null when there is none to keep. */
  readonly session: Session | null;
}

/** One project's answer: everything, what changed, or one error. Never a part of it. */
export interface ProjectResult {
  readonly identityId: string;
  readonly outcome:
    | {
        readonly ok: true;
        /** True when the list was asked for without a filter: what is not in it is not there. */
        readonly complete: boolean;
        readonly observations: readonly Observation[];
        /** Records that could not be read; the rest of the list stands. */
        readonly malformed: readonly MalformedRecord[];
        /** To ask from next time: ISO 8601, whole seconds, the cloud's clock. Null when only a complete list will do. */
        readonly watermark: string | null;
        /** Of a complete list, in order. None of any other list. */
        readonly pages: readonly ListedPage[];
        /** Why there are changes only, where everything was asked for too. */
        readonly completeError?: CheckError;
      }
    | {
        readonly ok: false;
        readonly error: CheckError;
        /** True when its turn did not come: that says nothing about the project. */
        readonly unasked?: boolean;
      };
  /** The session to keep; null when there is none to keep. */
  readonly session: Session | null;
  /** Present when the bare-metal service was asked. */
  readonly nodes?: NodesResult;
}

export interface FlavorResult {
  readonly outcome:
    | { readonly ok: true; readonly flavors: readonly Flavor[] }
    | { readonly ok: false; readonly error: CheckError };
  readonly session: Session | null;
}

export interface ServerHealthResult extends SentRequests {
  readonly projects: readonly ProjectResult[];
  readonly flavors: FlavorResult | null;
}
