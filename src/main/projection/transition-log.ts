// Logs a server's transitions with the original's messages and keys, so that whatever reads them keeps working, and hands
// them to whoever else wants to know: the status page, the Events.

import type { ServerRecord } from '../../shared/server-record.ts';
import type { Logger } from '../log/logger.ts';
import type { HealthTransition, PhaseTransition } from './projection.ts';

/** The keys that every line about a server carries. */
export function serverFields(server: ServerRecord): Readonly<Record<string, unknown>> {
  return { instance_id: server.name, org_id: server.organizationId, region_id: server.regionId ?? '' };
}

export interface TransitionListener {
  phase(server: ServerRecord, transition: PhaseTransition): void;
  health(server: ServerRecord, transition: HealthTransition): void;
}

export class TransitionLog {
  readonly #logger: Logger;
  readonly #listeners: readonly TransitionListener[];

  constructor(logger: Logger, listeners: readonly TransitionListener[]) {
    this.#logger = logger;
    this.#listeners = listeners;
  }

  phase(server: ServerRecord, transition: PhaseTransition, nowMs: number): void {
    const { from, to } = transition;
    for (const listener of this.#listeners) listener.phase(server, transition);
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
    for (const listener of this.#listeners) listener.health(server, transition);
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
