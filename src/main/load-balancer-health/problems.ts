// What can be wrong with load balancers, as lines of the problem log.

import type { CheckError } from '../../shared/errors.ts';
import type { MalformedLoadBalancer } from '../../shared/load-balancer-health.ts';
import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import { refTo } from '../../shared/watched-object.ts';
import type { Problem } from '../problems/problem.ts';
import type { Written } from '../projection/object-writer.ts';

/** The subject of what is wrong with all load balancers of a region. */
export const serviceSubject = 'service';
const loadBalancerSubjects = 'load-balancer/';

function subjectOf({ namespace, name }: LoadBalancerRecord): string {
  return `${loadBalancerSubjects}${namespace}/${name}`;
}

export function isLoadBalancerSubject(subject: string): boolean {
  return subject.startsWith(loadBalancerSubjects);
}

/** What all problems of one load balancer share. */
function of(object: LoadBalancerRecord, key: string) {
  return {
    key: `${key}/${object.namespace}/${object.name}`,
    subject: subjectOf(object),
    object: refTo('loadbalancers', object),
  };
}

export function missingRegionLabel(object: LoadBalancerRecord): Problem {
  return {
    ...of(object, 'no-region'),
    message: 'load balancer missing region label, skipping',
    fields: { load_balancer: object.name },
  };
}

export function checkFailed(object: LoadBalancerRecord, error: CheckError): Problem {
  return {
    ...of(object, `check/${error.code === 'invalid-config' ? error.message : error.code}`),
    message: 'failed to check load balancer, skipping',
    error: error.message,
    fields: { load_balancer: object.name, region: object.regionId ?? '', code: error.code },
    ended: 'load balancer checked again',
  };
}

export function missingIdentityLabel(object: LoadBalancerRecord): Problem {
  const message = `consistency error: load balancer ${object.name} missing identity label`;
  return checkFailed(object, { code: 'invalid-config', message });
}

export function notFound(object: LoadBalancerRecord): Problem {
  return {
    ...of(object, 'missing'),
    message: 'load balancer not found in provider, skipping',
    fields: { load_balancer: object.name, region: object.regionId ?? '' },
    ended: 'load balancer found in provider again',
  };
}

export function ambiguous(object: LoadBalancerRecord, count: number): Problem {
  const message = `consistency error: ${count} load balancers of the project are named lb-${object.name}`;
  return checkFailed(object, { code: 'invalid-config', message });
}

export function unreadable(object: LoadBalancerRecord): Problem {
  const message = `the region's record of load balancer ${object.name} cannot be read`;
  return checkFailed(object, { code: 'invalid-response', message });
}

export function malformedRecord(
  region: string,
  identity: string,
  { name, error }: MalformedLoadBalancer,
): Problem {
  return {
    key: `malformed/${identity}/${name ?? ''}`,
    message: 'failed to read a load balancer record of the region, skipping',
    error: error.message,
    fields: { region, identity, load_balancer_name: name ?? '' },
  };
}

export function mostVanished(region: string, identity: string, loadBalancers: number): Problem {
  return {
    key: `vanished/${identity}`,
    message: 'most load balancers of a project are missing at once, confirming before reporting it',
    fields: { region, identity, load_balancers: loadBalancers },
  };
}

/** Said once: such a region may have load balancers elsewhere, but none that can be asked for. */
export function noService(region: string, error: CheckError, loadBalancers: number): Problem {
  return {
    key: 'no-service',
    subject: serviceSubject,
    hidesOthers: true,
    message: 'region has no load-balancer service, skipping its load balancers',
    fields: { region, code: error.code, detail: error.message, load_balancers: loadBalancers },
    ended: 'region has a load-balancer service',
  };
}

/** A reason of the region's: one line, however many projects it has. */
export function serviceFailed(region: string, error: CheckError, loadBalancers: number): Problem {
  return {
    key: `service/${error.code}`,
    subject: serviceSubject,
    hidesOthers: true,
    message: 'failed to list load balancers of region, skipping',
    error: error.message,
    fields: { region, code: error.code, load_balancers: loadBalancers },
    ended: 'load balancers of region listed again',
  };
}

/** After a write; null for one that stands. */
export function writeProblem(
  object: LoadBalancerRecord,
  written: Written<LoadBalancerRecord>,
): Problem | null {
  if (written.kind !== 'failed') return null;
  const { message } = written.error;
  return {
    ...of(object, 'write'),
    message: 'failed to check load balancer, skipping',
    error: message,
    fields: { load_balancer: object.name, region: object.regionId ?? '' },
    ended: 'load balancer checked again',
  };
}
