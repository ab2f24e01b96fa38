// The job and the result of the region-health check: the protocol between main and worker.

import type { CheckError } from './errors.ts';
import type { RegionJob, SentRequests } from './region-job.ts';
import { type CatalogService, type Credentials, catalogServices, type Session } from './session.ts';

/** The services that are asked, where a region has them. */
export const regionServices = ['identity', ...catalogServices] as const;

export type RegionService = 'identity' | CatalogService;

/** URLs of version documents, as they answered last. */
export type VersionDocuments = Readonly<Partial<Record<CatalogService, string>>>;

export interface RegionHealthJob extends RegionJob {
  /** Of the region's service account; null when no login is to be tried: identity is asked alone. */
  readonly credentials: Credentials | null;
  readonly session?: Session;
  readonly documents: VersionDocuments;
}

/** What became of the request to one service. */
export interface ServiceAnswer {
  readonly service: RegionService;
  /** Until it answered, or failed; null when it could not even be asked. */
  readonly seconds: number | null;
  /** Null when it answered. */
  readonly error: CheckError | null;
}

export interface RegionHealthResult extends SentRequests {
  /** Of all services that the region has, as far as they are known. */
  readonly answers: readonly ServiceAnswer[];
  /** Why the services besides identity are not known; null when they are. */
  readonly loginError: CheckError | null;
  readonly documents: VersionDocuments;
  /** The session to keep; null when there is none to keep. */
  readonly session: Session | null;
}
