import test from 'ava';
import type { Profile } from '../../../../src/main/kubernetes/objects/profile.ts';
import { serverPhase } from '../../../../src/main/server-health/status/server-phase.ts';
import type { Stage } from '../../../../src/shared/observation.ts';
import type { Phase } from '../../../../src/shared/server-record.ts';

interface Case {
  readonly name: string;
  readonly profile: Profile;
  readonly before: string;
  readonly stage: Stage;
  /** By the power state alone. */
  readonly power?: Phase;
  readonly node?: string | null;
  readonly phase: string;
}

const cases: readonly Case[] = [
  { name: 'a new server', profile: 'v1.16', before: '', stage: 'building', phase: 'Pending' },
  { name: 'BUILD keeps the phase', profile: 'v1.16', before: 'Pending', stage: 'building', phase: 'Pending' },
  {
    name: 'running',
    profile: 'v1.16',
    before: 'Pending',
    stage: 'active',
    power: 'Running',
    phase: 'Running',
  },
  {
    name: 'REBUILD runs',
    profile: 'v1.16',
    before: 'Running',
    stage: 'rebuilding',
    power: 'Running',
    phase: 'Running',
  },
  {
    name: 'stopped',
    profile: 'v1.16',
    before: 'Stopping',
    stage: 'other',
    power: 'Stopped',
    phase: 'Stopped',
  },
  { name: 'no power state', profile: 'v1.16', before: 'Running', stage: 'failed', phase: 'Running' },
  {
    name: 'rolled back while Queued',
    profile: 'v1.16',
    before: 'Queued',
    stage: 'building',
    phase: 'Pending',
  },
  {
    name: 'rolled back while Building',
    profile: 'v1.16',
    before: 'Building',
    stage: 'failed',
    phase: 'Pending',
  },
  { name: 'a new server', profile: 'v1.19', before: '', stage: 'other', phase: 'Pending' },
  {
    name: 'BUILD of a virtual machine',
    profile: 'v1.19',
    before: 'Pending',
    stage: 'building',
    phase: 'Building',
  },
  {
    name: 'BUILD whatever the power state',
    profile: 'v1.19',
    before: 'Pending',
    stage: 'building',
    power: 'Running',
    phase: 'Building',
  },
  {
    name: 'BUILD, node available',
    profile: 'v1.19',
    before: 'Pending',
    stage: 'building',
    node: 'available',
    phase: 'Queued',
  },
  {
    name: 'BUILD, node deploying',
    profile: 'v1.19',
    before: 'Queued',
    stage: 'building',
    node: 'deploying',
    phase: 'Building',
  },
  {
    name: 'BUILD, no node yet',
    profile: 'v1.19',
    before: 'Pending',
    stage: 'building',
    node: null,
    phase: 'Queued',
  },
  {
    name: 'a node counts in BUILD only',
    profile: 'v1.19',
    before: 'Building',
    stage: 'active',
    power: 'Running',
    node: 'available',
    phase: 'Running',
  },
  {
    name: 'REBUILD',
    profile: 'v1.19',
    before: 'Running',
    stage: 'rebuilding',
    power: 'Running',
    phase: 'Building',
  },
  {
    name: 'running',
    profile: 'v1.19',
    before: 'Building',
    stage: 'active',
    power: 'Running',
    phase: 'Running',
  },
  {
    name: 'active without a power state',
    profile: 'v1.19',
    before: 'Building',
    stage: 'active',
    phase: 'Building',
  },
  {
    name: 'stopped',
    profile: 'v1.19',
    before: 'Stopping',
    stage: 'other',
    power: 'Stopped',
    phase: 'Stopped',
  },
  { name: 'in error before it ran', profile: 'v1.19', before: 'Queued', stage: 'failed', phase: 'Queued' },
];

for (const { name, profile, before, stage, power, node, phase } of cases) {
  test(`${profile}: ${name}: ${JSON.stringify(before)} becomes ${phase}`, (t) => {
    const seen = { phase: power ?? null, stage, ...(node === undefined ? {} : { node }) };
    t.is(serverPhase({ phase: before }, seen, profile), phase);
  });
}
