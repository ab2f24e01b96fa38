// What the answers of a region's services say of its health.

import type { Health } from '../../shared/conditions.ts';
import { type CheckError, concernsRegion } from '../../shared/errors.ts';
import type { RegionService, ServiceAnswer } from '../../shared/region-health.ts';

/** What one poll saw of a region. */
export type Sight =
  | {
      readonly kind: 'asked';
      readonly answers: readonly ServiceAnswer[];
      /** Why only identity could be asked; null when all could. */
      readonly loginError: CheckError | null;
    }
  | { readonly kind: 'unasked'; readonly error: CheckError }
  /** Of a provider without services. */
  | { readonly kind: 'simulated' };

export interface Verdict {
  readonly health: Health;
  /** What two polls must agree on. Reasons that vary from poll to poll, as of one that hangs or is refused, are not in it. */
  readonly gist: string;
}

/** Where logins fail, identity does not work, whatever its version document says. */
export function withLogin(
  answers: readonly ServiceAnswer[],
  loginError: CheckError | null,
): readonly ServiceAnswer[] {
  if (loginError === null || !isOutage(loginError)) return answers;
  return answers.map((answer) =>
    answer.service === 'identity' && answer.error === null ? { ...answer, error: loginError } : answer,
  );
}

/** Whether a login failed for a reason of the region's. Where it was refused, or put off, identity is there. */
export function isOutage({ code }: CheckError): boolean {
  return concernsRegion(code) && code !== 'rate-limited';
}

/** Nothing works in a region without these. */
const vital: ReadonlySet<RegionService> = new Set<RegionService>(['identity', 'compute']);

/** Null for a region of which nothing is said: nobody can ask it for services. */
export function verdictOf(sight: Sight): Verdict | null {
  if (sight.kind === 'simulated') return healthy('region is simulated');
  if (sight.kind === 'unasked') return sight.error.code === 'unsupported' ? null : unknown(sight.error);
  const failing = sight.answers.flatMap(({ service, error }) => (error === null ? [] : [{ service, error }]));
  if (failing.some(({ service }) => vital.has(service))) return failed('Errored', failing);
  if (sight.loginError !== null) return unknown(sight.loginError);
  return failing.length === 0 ? healthy('all services answer') : failed('Degraded', failing);
}

function healthy(message: string): Verdict {
  return { health: { status: 'True', reason: 'Healthy', message }, gist: 'Healthy' };
}

function unknown({ code, message }: CheckError): Verdict {
  return {
    health: { status: 'Unknown', reason: 'Unknown', message: `unable to ask the region: ${message}` },
    gist: `Unknown ${code}`,
  };
}

function failed(
  reason: 'Errored' | 'Degraded',
  failing: readonly { readonly service: RegionService; readonly error: CheckError }[],
): Verdict {
  const named = failing.map(({ service, error: { code } }) => `${service} (${code})`);
  const last = named.at(-1) ?? '';
  const list = named.length === 1 ? last : `${named.slice(0, -1).join(', ')} and ${last}`;
  const message = `${list} ${named.length === 1 ? 'is' : 'are'} not available`;
  const services = failing.map(({ service }) => service);
  return { health: { status: 'False', reason, message }, gist: `${reason} ${services.join(' ')}` };
}
