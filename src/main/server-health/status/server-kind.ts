// Server objects as a kind that the writers know: their status, the annotation that times how long they are Pending
// (profile v1.16), and what a transition of theirs means.

import type { Clock } from '../../../shared/clock.ts';
import { kubernetesTime } from '../../../shared/conditions.ts';
import { pendingEntryAnnotation } from '../../../shared/labels.ts';
import type { Observation } from '../../../shared/observation.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';
import type { Definitions } from '../../kubernetes/objects/profile.ts';
import type { Annotations, StatusKind } from '../../projection/status-kind.ts';
import { type AnnouncementTargets, announceServer } from './announcement.ts';
import { annotationChange } from './pending-time.ts';
import { projectServer, type ServerProjection } from './projection.ts';
import { serverWords } from './server-fields.ts';
import { type StatusChange, shows } from './status-change.ts';

export interface ServerKindOptions extends AnnouncementTargets {
  readonly definitions: Pick<Definitions, 'profile'>;
  readonly clock: Pick<Clock, 'now'>;
}

export class ServerKind implements StatusKind<ServerRecord, Observation, ServerProjection> {
  readonly words = serverWords;
  readonly #options: ServerKindOptions;

  constructor(options: ServerKindOptions) {
    this.#options = options;
  }

  project(server: ServerRecord, observation: Observation): ServerProjection {
    const { clock, definitions } = this.#options;
    return projectServer(server, observation, { profile: definitions.profile, nowMs: clock.now() });
  }

  shows(server: ServerRecord, change: StatusChange): boolean {
    return shows(server, change);
  }

  announce(before: ServerRecord, projection: ServerProjection): void {
    announceServer(before, projection, { ...this.#options, nowMs: this.#options.clock.now() });
  }

  /** With the definitions of v1.19, existing annotations are left alone. */
  annotations(server: ServerRecord): Annotations | null {
    const { clock, definitions } = this.#options;
    const change = definitions.profile === 'v1.16' ? annotationChange(server) : null;
    if (change === null) return null;
    return { [pendingEntryAnnotation]: change === 'stamp' ? kubernetesTime(clock.now()) : null };
  }

  annotated(server: ServerRecord, annotations: Annotations): ServerRecord {
    return { ...server, pendingEntryTime: annotations[pendingEntryAnnotation] ?? undefined };
  }

  shown(server: ServerRecord): readonly unknown[] {
    const { phase, scheduledAtSeconds, launchedAtSeconds, provisionedAtSeconds, macAddress, rebuild } =
      server;
    return [phase, scheduledAtSeconds, launchedAtSeconds, provisionedAtSeconds, macAddress, rebuild?.state];
  }
}
