// Projects what is known of a cloud project onto its Server objects, as they are in the cache by now, and counts them.

import type { Span } from '@opentelemetry/api';
import type { Clock } from '../../shared/clock.ts';
import type { CheckError } from '../../shared/errors.ts';
import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { EventLoopTurns } from '../polls/event-loop-turns.ts';
import type { ServerWriter } from '../projection/server-writer.ts';
import type { ProjectCounts } from '../projection/state-counts.ts';
import type { Finding } from '../regions/project-view.ts';
import type { RegionState } from '../regions/region-state.ts';
import type { FlavorAttributes, Metrics } from '../telemetry/metrics.ts';
import type { ProjectPlan } from './jobs.ts';
import type { RegionPoll } from './poll.ts';
import { annotationFailed, notFound, unsupportedPowerState } from './problems.ts';

export interface ServerProjectorOptions {
  readonly servers: Pick<ResourceCache<ServerRecord>, 'get'>;
  readonly writer: ServerWriter;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly turns: EventLoopTurns;
}

/** Where a project's results go. */
export interface ProjectionContext {
  readonly poll: RegionPoll;
  readonly state: RegionState;
  readonly span: Span;
  readonly signal: AbortSignal;
}

/** A server whose object is not as it should be. */
export interface DueWrite {
  readonly server: ServerRecord;
  readonly observation: Observation;
  /** Where the server is counted once it is. */
  readonly counts: ProjectCounts;
}

/** Servers that are looked at in one slice of main's time. */
const chunk = 250;
/** Writes that are asked for at once; the writer's own limit holds for all regions together. */
const writesAtOnce = 32;
/** A server that was asked for is expected to come so soon. */
const pendingMs = 15 * 60_000;

export class ServerProjector {
  readonly #options: ServerProjectorOptions;

  constructor(options: ServerProjectorOptions) {
    this.#options = options;
  }

  /** Looks at the servers of a project, and says which are to be written. */
  async project(plan: ProjectPlan, context: ProjectionContext): Promise<readonly DueWrite[]> {
    const { servers: cache, writer, metrics, clock, turns } = this.#options;
    const { poll, state } = context;
    const view = state.view(plan.identityId);
    const counts = poll.countsOf(plan.identityId);
    const due: DueWrite[] = [];
    let missing = 0;
    let unsettled = false;
    const look = (planned: ServerRecord): void => {
      const server = cache.get(planned.namespace, planned.name);
      if (server === undefined || server.uid !== planned.uid || server.deleting) return;
      const finding = view.find(server, (name) => cache.get(server.namespace, name) !== undefined);
      unsettled ||= isUnsettled(server, finding, clock.now());
      if (finding.kind === 'missing') {
        missing++;
        poll.note(notFound(server));
      } else if (finding.kind === 'unreadable') {
        poll.serverFailed(server, unreadableRecord(server));
      } else {
        const observation = finding.kind === 'observed' ? finding.observation : unreachable;
        if (observation.unsupportedPowerState !== null) poll.note(unsupportedPowerState(server, observation));
        if (writer.isIdle(server, observation)) count(counts, server, state);
        else due.push({ server, observation, counts });
      }
    };
    for (let from = 0; from < plan.servers.length; from += chunk) {
      await turns.take(() => plan.servers.slice(from, from + chunk).forEach(look));
    }
    view.retain(plan.servers);
    state.setUnsettled(plan.identityId, unsettled);
    metrics.serversSkipped('not-found', poll.regionId, missing);
    return due;
  }

  /** Resolves when each write stands or failed. */
  async write(due: readonly DueWrite[], context: ProjectionContext): Promise<void> {
    const { poll, state, span, signal } = context;
    const queue = due.values();
    const writeSome = async () => {
      for (const { server, observation, counts } of queue) {
        const attributes = flavorAttributes(server, state);
        const written = await this.#options.writer.write({ server, observation, attributes, signal, span });
        if (written.kind === 'stands') {
          count(counts, written.server, state);
          const { annotationError } = written;
          if (annotationError !== undefined) poll.note(annotationFailed(server, annotationError));
        } else if (written.kind === 'failed' && !signal.aborted) {
          const message = `cannot write status: ${written.error.message}`;
          poll.serverFailed(server, { code: 'internal', message });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(writesAtOnce, due.length) }, writeSome));
  }
}

/** For a server that is in a cell which the cloud cannot reach, as far as anybody can tell. */
const unreachable: Observation = {
  providerId: '',
  name: null,
  ownerId: null,
  health: { status: 'Unknown', reason: 'Unknown', message: 'unable to determine server status' },
  phase: null,
  unsupportedPowerState: null,
  stage: 'other',
  taskRuns: false,
  inTransition: false,
  partial: true,
  deleted: false,
  createdAtSeconds: null,
  launchedAtSeconds: null,
  imageId: null,
  macAddresses: null,
  updated: null,
};

/** Whether the server will soon be another than it is: a task changes it, or somebody waits for it to come. */
function isUnsettled(server: ServerRecord, finding: Finding, nowMs: number): boolean {
  const observation = finding.kind === 'observed' ? finding.observation : unreachable;
  if (observation.inTransition) return true;
  const phase = observation.phase ?? server.phase;
  if (phase !== 'Pending' && phase !== '') return false;
  const since = Date.parse(server.pendingEntryTime ?? '');
  return nowMs - (Number.isNaN(since) ? server.createdAt : since) < pendingMs;
}

function count(counts: ProjectCounts, server: ServerRecord, state: RegionState): void {
  counts.add({ state: server.phase.toLowerCase(), ...flavorAttributes(server, state) });
}

function flavorAttributes(server: ServerRecord, state: RegionState): FlavorAttributes {
  return {
    region_id: server.regionId ?? '',
    region_name: state.record.displayName,
    flavor_id: server.flavorId,
    flavor_name: state.flavorName(server.flavorId),
  };
}

function unreadableRecord(server: ServerRecord): CheckError {
  return { code: 'invalid-response', message: `the region's record of server ${server.name} cannot be read` };
}
