// What one poll found, server by server: the same for people and for programs.

import { isDeepStrictEqual } from 'node:util';
import type { RegionRecord } from '../main/kubernetes/objects/resource-records.ts';
import { type Condition, findCondition, healthyType, kubernetesTime } from '../shared/conditions.ts';
import { regionKey } from '../shared/region-ref.ts';
import type { RebuildMarker, ServerRecord } from '../shared/server-record.ts';
import type { Note, ProblemCollector, Trouble } from './problem-collector.ts';
import type { Recorded } from './recording-writer.ts';

export type Outcome =
  /** The object shows what the region says. */
  | 'unchanged'
  /** It does now, and did not before; or would, in a dry run. */
  | 'changed'
  /** It could not be checked or written. */
  | 'failed';

/** Status, reason and message of the Healthy condition; null where there is none. */
export type Health = Pick<Condition, 'status' | 'reason' | 'message'> | null;

/** A part of the object before and after the poll. */
interface Change<Value> {
  readonly before: Value;
  readonly after: Value;
}

export interface ServerLine {
  readonly namespace: string;
  /** Of the Server object. */
  readonly name: string;
  readonly displayName: string;
  readonly region: string;
  readonly regionName: string;
  readonly identity: string;
  readonly flavor: string;
  /** "" where the region did not name it. */
  readonly flavorName: string;
  readonly outcome: Outcome;
  readonly phase: Change<string>;
  readonly health: Change<Health>;
  /** The annotation that says since when the server has been pending; null where it has none. */
  readonly pendingSince: Change<string | null>;
  /** With the definitions of v1.19: times as Kubernetes writes them, null where the object has none. */
  readonly scheduledAt: Change<string | null>;
  readonly launchedAt: Change<string | null>;
  readonly provisionedAt: Change<string | null>;
  /** "" where it is not known. */
  readonly macAddress: Change<string>;
  /** The rebuild that the platform asked for; null where there is none. */
  readonly rebuild: Change<RebuildMarker | null>;
  /** Present when it failed. */
  readonly error?: Trouble;
}

interface RegionLine {
  readonly region: string;
  readonly regionName: string;
  readonly servers: number;
  /** Present when the region failed as a whole. */
  readonly error?: Trouble;
}

export interface CheckReport {
  readonly dryRun: boolean;
  readonly summary: { readonly servers: number } & Readonly<Record<Outcome, number>>;
  readonly regions: readonly RegionLine[];
  readonly servers: readonly ServerLine[];
  readonly notes: readonly Note[];
}

export interface CheckFindings {
  readonly dryRun: boolean;
  readonly regions: Iterable<RegionRecord>;
  readonly servers: Iterable<ServerRecord>;
  readonly recorded: (server: ServerRecord) => Recorded<ServerRecord> | undefined;
  readonly problems: Pick<ProblemCollector, 'of' | 'regions' | 'notes'>;
  readonly flavorName: (server: ServerRecord) => string;
}

const notReached: Trouble = { code: 'cancelled', message: 'the poll ended before this server was checked' };

export function checkReport(findings: CheckFindings): CheckReport {
  const { dryRun, problems } = findings;
  const regions = new Map([...findings.regions].map((region) => [regionKey(region), region]));
  const servers = [...findings.servers]
    .filter(({ deleting }) => !deleting)
    .map((server) => serverLine(server, regions.get(regionOf(server)), findings))
    .toSorted(byRegionAndName);
  const count = (wanted: Outcome) => servers.filter(({ outcome }) => outcome === wanted).length;
  const inRegion = Map.groupBy(servers, ({ namespace, region: name }) => regionKey({ namespace, name }));
  return {
    dryRun,
    summary: {
      servers: servers.length,
      unchanged: count('unchanged'),
      changed: count('changed'),
      failed: count('failed'),
    },
    regions: [...regions].map(([key, { name, displayName }]) => {
      const error = problems.regions.get(key);
      return {
        region: name,
        regionName: displayName,
        servers: inRegion.get(key)?.length ?? 0,
        ...(error === undefined ? {} : { error }),
      };
    }),
    servers,
    notes: problems.notes,
  };
}

/** Whether everything could be checked and written, whatever the state of the servers. */
export function isComplete({ summary, regions }: CheckReport): boolean {
  return summary.failed === 0 && regions.every(({ error }) => error === undefined);
}

function serverLine(
  server: ServerRecord,
  region: RegionRecord | undefined,
  { recorded, problems, flavorName }: CheckFindings,
): ServerLine {
  const found = recorded(server);
  const { before, after } = found ?? { before: server, after: server };
  const change = <Value>(part: (server: ServerRecord) => Value): Change<Value> => ({
    before: part(before),
    after: part(after),
  });
  const changes = {
    phase: change(({ phase }) => phase),
    health: change(healthOf),
    pendingSince: change(({ pendingEntryTime = null }) => pendingEntryTime),
    scheduledAt: change(({ scheduledAtSeconds }) => timeOf(scheduledAtSeconds)),
    launchedAt: change(({ launchedAtSeconds }) => timeOf(launchedAtSeconds)),
    provisionedAt: change(({ provisionedAtSeconds }) => timeOf(provisionedAtSeconds)),
    macAddress: change(({ macAddress }) => macAddress),
    rebuild: change(({ rebuild }) => rebuild),
  };
  const error = found === undefined ? (problems.of(server) ?? notReached) : undefined;
  return {
    namespace: server.namespace,
    name: server.name,
    displayName: server.displayName,
    region: server.regionId ?? '',
    regionName: region?.displayName ?? '',
    identity: server.identityId ?? '',
    flavor: server.flavorId,
    flavorName: flavorName(server),
    outcome: error !== undefined ? 'failed' : differs(changes) ? 'changed' : 'unchanged',
    ...changes,
    ...(error === undefined ? {} : { error }),
  };
}

function regionOf({ namespace, regionId: name = '' }: ServerRecord): string {
  return regionKey({ namespace, name });
}

function differs(changes: Readonly<Record<string, Change<unknown>>>): boolean {
  return Object.values(changes).some(isChanged);
}

export function isChanged({ before, after }: Change<unknown>): boolean {
  return !isDeepStrictEqual(before, after);
}

function timeOf(seconds: number | null): string | null {
  return seconds === null ? null : kubernetesTime(seconds * 1000);
}

function healthOf({ conditions }: ServerRecord): Health {
  const condition = findCondition(conditions, healthyType);
  if (condition === undefined) return null;
  const { status, reason, message } = condition;
  return { status, reason, message };
}

function byRegionAndName(a: ServerLine, b: ServerLine): number {
  return (
    compare(a.regionName, b.regionName) ||
    compare(a.region, b.region) ||
    compare(a.displayName, b.displayName) ||
    compare(a.name, b.name)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
