// Logs a server's transitions with the original's messages and keys, so that whatever reads them keeps working.
// Those of late also to the status page.

import type { ServerRecord } from '../../shared/server-record.ts';
import type { Logger } from '../log/logger.ts';
import type { HealthTransition, PhaseTransition } from './projection.ts';
import type { RecentTransitions } from './recent-transitions.ts';

/** The keys that every line about a server carries. */
export function serverFields(server: ServerRecord): Readonly<Record<string, unknown>> {
  return { instance_id: server.name, org_id: server.organizationId, region_id: server.regionId ?? '' };
}

export class TransitionLog {
  readonly #logger: Logger;
  readonly #recent: RecentTransitions;

  constructor(logger: Logger, recent: RecentTransitions) {
    this.#logger = logger;
    this.#recent = recent;
  }

  phase(server: ServerRecord, transition: PhaseTransition, nowMs: number): void {
    const { from, to } = transition;
    this.#recent.phase(server, transition);
    this.#logger.info('instance phase transition', {
      ...serverFields(server),
      from_phase: from,
      to_phase: to,
      time_since_creation_ms: Math.max(0, Math.trunc(nowMs - server.createdAt)),
      instance_name: server.displayName,
    });
  }

  health(server: ServerRecord, transition: HealthTransition): void {
    const { from, to, durationMs, message } = transition;
    this.#recent.health(server, transition);
    this.#logger.info('instance state transition', {
      ...serverFields(server),
      from_state: from,
      to_state: to,
      duration_ms: durationMs,
      instance_name: server.displayName,
      message,
    });
  }

  invalidPendingTime(server: ServerRecord, text: string): void {
    this.#logger.error(
      'skipping provision duration: invalid pending-entry-time annotation',
      `cannot parse ${JSON.stringify(text)} as an RFC 3339 time`,
      serverFields(server),
    );
  }

  clockSkew(server: ServerRecord, pendingSince: string): void {
    this.#logger.info('skipping duration metric: negative duration (clock skew?)', {
      ...serverFields(server),
      pending_entry_time: pendingSince,
    });
  }

  bootClockSkew(
    server: ServerRecord,
    times: Readonly<Record<'created_at', string> & Partial<Record<'launched_at' | 'scheduled_at', string>>>,
  ): void {
    this.#logger.info('skipping duration metric: negative duration (clock skew?)', {
      ...serverFields(server),
      ...times,
    });
  }
}
