// The provider without a cloud: each server lives through its phases by its age alone.

import type { Observation } from '../../shared/observation.ts';
import type {
  Flavor,
  FlavorResult,
  ProjectResult,
  ProjectTask,
  SimulatedServer,
} from '../../shared/server-health.ts';
import { healthCondition } from './health-condition.ts';
import { inTransition, stageOf } from './lifecycle-phase.ts';
import type { Provider } from './provider.ts';

/** How long a simulated server takes to build, in milliseconds. */
const buildTimeMs = 20_000;

const flavors: readonly Flavor[] = [
  { id: '11111111-1111-1111-1111-111111111111', name: 'sim-standard-4' },
  { id: '22222222-2222-2222-2222-222222222222', name: 'sim-gpu-8' },
];

export class SimulatedProvider implements Provider {
  async listProject(task: ProjectTask): Promise<ProjectResult> {
    return {
      identityId: task.identityId,
      outcome: {
        ok: true,
        complete: true,
        observations: (task.simulatedServers ?? []).map(observeSimulated),
        malformed: [],
        watermark: null,
        pages: [],
      },
      session: null,
    };
  }

  async listFlavors(): Promise<FlavorResult> {
    return { outcome: { ok: true, flavors }, session: null };
  }

  release(): void {
    // Holds nothing.
  }
}

/** The next state follows from the present phase and the age alone, so a restart of the monitor changes nothing. */
export function observeSimulated(server: SimulatedServer): Observation {
  const state = simulatedState(server);
  return {
    providerId: server.name,
    name: server.displayName,
    ownerId: server.name,
    health: healthCondition(state.status, null),
    phase: state.phase,
    unsupportedPowerState: null,
    stage: stageOf(state.status),
    taskRuns: false,
    inTransition: inTransition(state.status, false),
    partial: false,
    deleted: false,
    createdAtSeconds: Math.floor(server.createdAt / 1000),
    launchedAtSeconds:
      server.ageMs < buildTimeMs ? null : Math.floor((server.createdAt + buildTimeMs) / 1000),
    imageId: null,
    macAddresses: null,
    updated: null,
  };
}

function simulatedState({ phase, ageMs }: SimulatedServer): {
  status: string;
  phase: Observation['phase'];
} {
  if (phase === 'Stopping' || phase === 'Stopped') return { status: 'SHUTOFF', phase: 'Stopped' };
  if (phase !== 'Running' && ageMs < buildTimeMs) return { status: 'BUILD', phase: null };
  return { status: 'ACTIVE', phase: 'Running' };
}
