// What can be wrong with the services of a region, as lines of the problem log.

import type { CheckError } from '../../shared/errors.ts';
import { refTo } from '../../shared/watched-object.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { Problem } from '../problems/problem.ts';
import type { Written } from '../projection/object-writer.ts';
import type { FailingService } from './services.ts';

/** The subject of what is wrong with the health of a region as a whole. */
const regionHealthSubject = 'region-health';

export function serviceFailed(region: string, { service, error }: FailingService): Problem {
  return {
    key: `service/${service}`,
    message: 'region service is not available',
    error: error.message,
    fields: { region, service, code: error.code },
    ended: 'region service is available again',
  };
}

export function notAsked(region: string, error: CheckError): Problem {
  return {
    key: `unasked/${error.code}`,
    subject: regionHealthSubject,
    hidesOthers: true,
    message: 'failed to ask region for its services, skipping',
    error: error.message,
    fields: { region, code: error.code },
    ended: 'region asked for its services again',
  };
}

/** After a write; null for one that stands. */
export function writeProblem(region: RegionRecord, written: Written<RegionRecord>): Problem | null {
  if (written.kind !== 'failed') return null;
  return {
    key: 'write',
    subject: 'write',
    object: refTo('regions', region),
    message: 'failed to write region health',
    error: written.error.message,
    fields: { region: region.name },
    ended: 'region health written again',
  };
}
