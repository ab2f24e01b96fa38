// Projects what is known of a cloud project onto its Server objects, as they are in the cache by now: servers that show it
// are counted, the others' writes are handed to the write queue.

import type { Span } from '@opentelemetry/api';
import type { Clock } from '../../shared/clock.ts';
import type { CheckError } from '../../shared/errors.ts';
import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { EventLoopTurns } from '../polls/event-loop-turns.ts';
import type { ObjectWrites } from '../projection/object-writes.ts';
import type { ProjectCounts, StateKey } from '../projection/state-counts.ts';
import type { WriteProblems } from '../projection/write-problems.ts';
import type { Project } from '../regions/project.ts';
import type { Region } from '../regions/region.ts';
import { type Transition, transitionOf } from '../regions/transitions.ts';
import type { FlavorAttributes, Metrics } from '../telemetry/metrics.ts';
import type { RegionPoll } from './poll.ts';
import { notFound, unsupportedPowerState } from './problems.ts';

export interface ServerProjectorOptions {
  readonly servers: Pick<ObjectView<ServerRecord>, 'get'>;
  readonly writes: Pick<ObjectWrites<ServerRecord, Observation>, 'isIdle' | 'submit'>;
  readonly writeProblems: WriteProblems<ServerRecord>;
  readonly metrics: Pick<Metrics, 'serversSkipped'>;
  readonly clock: Clock;
  readonly turns: EventLoopTurns;
}

/** Where a project's results go. */
export interface ProjectionContext {
  readonly poll: RegionPoll;
  readonly region: Region;
  readonly span: Span;
  readonly signal: AbortSignal;
}

/** Servers that are looked at in one slice of main's time. */
const chunk = 250;

export class ServerProjector {
  readonly #options: ServerProjectorOptions;

  constructor(options: ServerProjectorOptions) {
    this.#options = options;
  }

  async project(project: Project, context: ProjectionContext): Promise<void> {
    const { servers: cache, metrics, clock, turns } = this.#options;
    const { poll } = context;
    const { view, servers, transitions } = project;
    const counts = poll.countsOf(project.identityId);
    let missing = 0;
    const running = new Map<string, Transition>();
    const building = new Set<string>();
    const baremetal = new Set(context.region.record?.openstack?.baremetalFlavorIds);
    const look = (planned: ServerRecord): void => {
      const server = cache.get(planned.namespace, planned.name);
      if (server === undefined || server.uid !== planned.uid || server.deleting) return;
      const finding = view.find(server, (name) => cache.get(server.namespace, name) !== undefined);
      let observation = finding.kind === 'observed' ? finding.observation : unreachable;
      const transition = transitionOf(server, observation, {
        before: transitions.of(server.uid),
        nowMs: clock.now(),
      });
      if (transition !== null) running.set(server.uid, transition);
      if (finding.kind === 'missing') {
        missing++;
        poll.note(notFound(server));
      } else if (finding.kind === 'unreadable') {
        poll.serverFailed(server, unreadableRecord(server));
      } else {
        if (observation.stage === 'building' && baremetal.has(server.flavorId)) {
          building.add(observation.providerId);
          observation = withNode(observation, project.nodes.stateOf(observation.providerId));
        }
        if (observation.unsupportedPowerState !== null) poll.note(unsupportedPowerState(server, observation));
        this.#take(server, observation, counts, context);
      }
    };
    for (let from = 0; from < servers.length; from += chunk) {
      await turns.take(() => servers.slice(from, from + chunk).forEach(look));
    }
    view.retain(servers);
    project.nodes.building = building;
    transitions.take(running, clock.now());
    metrics.serversSkipped('not-found', poll.regionId, missing);
  }

  #take(
    server: ServerRecord,
    observation: Observation,
    counts: ProjectCounts,
    { region, span, signal }: ProjectionContext,
  ): void {
    const { writes, writeProblems } = this.#options;
    if (writes.isIdle(server, observation)) {
      writeProblems.take(region, server, { kind: 'stands', object: server });
      counts.add(stateKey(server, region));
      return;
    }
    // Until its write ends a server is counted as its object shows it.
    const shown = server.phase === '' || writeProblems.has(region, server) ? null : stateKey(server, region);
    const taken = writes.submit({
      object: server,
      observation,
      region,
      span,
      signal,
      settled: (written) => {
        if (shown !== null) counts.remove(shown);
        if (written.kind === 'stands') counts.add(stateKey(written.object, region));
        if (!signal.aborted) writeProblems.take(region, server, written);
      },
    });
    if (taken && shown !== null) counts.add(shown);
  }
}

/** For a server that is in a cell which the cloud cannot reach, as far as can be known. */
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

function withNode(observation: Observation, node: string | null | undefined): Observation {
  return node === undefined ? observation : { ...observation, node };
}

function stateKey(server: ServerRecord, region: Region): StateKey {
  return { state: server.phase.toLowerCase(), ...flavorAttributes(server, region) };
}

/** What the metrics name a server by. `region` is undefined when it is gone. */
export function flavorAttributes(server: ServerRecord, region: Region | undefined): FlavorAttributes {
  return {
    region_id: server.regionId ?? '',
    region_name: region?.displayName ?? '',
    flavor_id: server.flavorId,
    flavor_name: region?.flavors.name(server.flavorId) ?? '',
  };
}

function unreadableRecord(server: ServerRecord): CheckError {
  return { code: 'invalid-response', message: `the region's record of server ${server.name} cannot be read` };
}
