// The job and the result of the load-balancer-health check: the protocol between main and worker.

import type { CheckError } from './errors.ts';
import type { RegionJob, SentRequests } from './region-job.ts';
import type { Credentials, Session } from './session.ts';

/** One cloud project (identity) to list. */
export interface LoadBalancerTask {
  readonly identityId: string;
  readonly credentials: Credentials;
  readonly session?: Session;
  /** Of the list that is known: one that has it is not reported again. */
  readonly knownDigest?: string;
}

export interface LoadBalancerHealthJob extends RegionJob {
  readonly projects: readonly LoadBalancerTask[];
}

/** Members of a load balancer's pools, as their monitors see them. */
export interface MemberCounts {
  readonly failing: number;
  readonly all: number;
}

/** What a region says of one load balancer. */
export interface LoadBalancerObservation {
  /** The cloud's id. */
  readonly providerId: string;
  /** "" where it has none. */
  readonly name: string;
  /** As Octavia names them. */
  readonly provisioningStatus: string;
  readonly operatingStatus: string;
  /** Of a degraded one, where that could be read. */
  readonly members?: MemberCounts;
}

/** A record that could not be read: the load balancer is there, but nothing is known of it. */
export interface MalformedLoadBalancer {
  /** Null when not even that could be read. */
  readonly name: string | null;
  readonly error: CheckError;
}

/** A project's complete list, or one error. */
export interface LoadBalancerList {
  readonly identityId: string;
  readonly outcome:
    | {
        readonly ok: true;
        readonly observations: readonly LoadBalancerObservation[];
        readonly malformed: readonly MalformedLoadBalancer[];
        /** Null when the next list must be read, whatever it says. */
        readonly digest: string | null;
        /** True when the list has the `knownDigest`: no observations are reported. */
        readonly unchanged: boolean;
      }
    | {
        readonly ok: false;
        readonly error: CheckError;
        /** True when its turn did not come: that says nothing about the project. */
        readonly unasked?: boolean;
      };
  /** The session to keep; null when there is none to keep. */
  readonly session: Session | null;
}

export interface LoadBalancerHealthResult extends SentRequests {
  readonly projects: readonly LoadBalancerList[];
}

/** Whether a failure says that the region has no such service: none in its catalog, or nothing at its address. */
export function lacksService({ code }: CheckError): boolean {
  return code === 'no-endpoint' || code === 'not-found';
}
