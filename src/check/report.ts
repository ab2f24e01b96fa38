// What one poll found, object by object: the same for people and for programs.

import { isDeepStrictEqual } from 'node:util';
import type { ProjectObject } from '../main/checks/grouping.ts';
import type { RegionRecord } from '../main/kubernetes/objects/resource-records.ts';
import { type Condition, findCondition, healthyType, kubernetesTime } from '../shared/conditions.ts';
import type { LoadBalancerRecord } from '../shared/load-balancer-record.ts';
import { regionKey } from '../shared/region-ref.ts';
import type { RebuildMarker, ServerRecord } from '../shared/server-record.ts';
import type { WatchedObject, WatchedResource } from '../shared/watched-object.ts';
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

/** What there is to say of an object of any kind. */
export interface ObjectLine {
  readonly namespace: string;
  /** Of the object. */
  readonly name: string;
  readonly displayName: string;
  readonly region: string;
  readonly regionName: string;
  readonly identity: string;
  readonly outcome: Outcome;
  readonly health: Change<Health>;
  /** Present when it failed. */
  readonly error?: Trouble;
}

export interface ServerLine extends ObjectLine {
  readonly flavor: string;
  /** "" where the region did not name it. */
  readonly flavorName: string;
  readonly phase: Change<string>;
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
}

type CheckedRegion = Pick<ObjectLine, 'outcome' | 'health' | 'error'>;

export interface RegionLine {
  readonly namespace: string;
  readonly region: string;
  readonly regionName: string;
  /** Present when the health of regions is checked. */
  readonly checked?: CheckedRegion;
  readonly servers: number;
  readonly loadBalancers: number;
  /** Present when the region failed as a whole. */
  readonly error?: Trouble;
}

export interface CheckReport {
  readonly dryRun: boolean;
  /** Objects of all kinds by outcome. */
  readonly summary: { readonly servers: number; readonly loadBalancers: number } & Readonly<
    Record<Outcome, number>
  >;
  readonly regions: readonly RegionLine[];
  readonly servers: readonly ServerLine[];
  /** None unless their health is checked. */
  readonly loadBalancers: readonly ObjectLine[];
  readonly notes: readonly Note[];
}

/** The objects of a kind as they were before the poll, and by uid what stands since. */
interface Found<Watched> {
  readonly objects: Iterable<Watched>;
  readonly recorded: ReadonlyMap<string, Recorded<Watched>>;
}

export interface CheckFindings {
  readonly dryRun: boolean;
  readonly regions: Iterable<RegionRecord>;
  readonly servers: Found<ServerRecord>;
  readonly loadBalancers: Found<LoadBalancerRecord>;
  /** By uid what stands of regions; null where their health is not checked. */
  readonly recordedRegions: ReadonlyMap<string, Recorded<RegionRecord>> | null;
  readonly problems: Pick<ProblemCollector, 'of' | 'regions' | 'notes'>;
  readonly flavorName: (server: ServerRecord) => string;
}

const notReached: Trouble = { code: 'cancelled', message: 'the poll ended before this object was checked' };

export function checkReport(findings: CheckFindings): CheckReport {
  const { dryRun, problems } = findings;
  const regions = new Map([...findings.regions].map((region) => [regionKey(region), region]));
  const context = { regions, problems };
  const servers = linesOf(findings.servers, (server, recorded) => ({
    ...objectLine('servers', { object: server, recorded, changes: changesOf }, context),
    flavor: server.flavorId,
    flavorName: findings.flavorName(server),
  }));
  const loadBalancers = linesOf(findings.loadBalancers, (object, recorded) =>
    objectLine('loadbalancers', { object, recorded, changes: healthChange }, context),
  );
  const checkedRegions = new Map(
    [...regions].flatMap(([key, region]) => {
      const checked = checkedRegion(region, findings);
      return checked === null ? [] : [[key, checked] as const];
    }),
  );
  const all = [...servers, ...loadBalancers, ...checkedRegions.values()];
  const count = (wanted: Outcome) => all.filter(({ outcome }) => outcome === wanted).length;
  const serversIn = byRegion(servers);
  const balancersIn = byRegion(loadBalancers);
  return {
    dryRun,
    summary: {
      servers: servers.length,
      loadBalancers: loadBalancers.length,
      unchanged: count('unchanged'),
      changed: count('changed'),
      failed: count('failed'),
    },
    regions: [...regions].map(([key, { namespace, name, displayName }]) => {
      const error = problems.regions.get(key);
      const checked = checkedRegions.get(key);
      return {
        namespace,
        region: name,
        regionName: displayName,
        ...(checked === undefined ? {} : { checked }),
        servers: serversIn.get(key)?.length ?? 0,
        loadBalancers: balancersIn.get(key)?.length ?? 0,
        ...(error === undefined ? {} : { error }),
      };
    }),
    servers,
    loadBalancers,
    notes: problems.notes,
  };
}

/** Whether everything could be checked and written, whatever the state of the servers. */
export function isComplete({ summary, regions }: CheckReport): boolean {
  return summary.failed === 0 && regions.every(({ error }) => error === undefined);
}

function linesOf<Watched extends ProjectObject, Line extends ObjectLine>(
  { objects, recorded }: Found<Watched>,
  lineOf: (object: Watched, recorded: Recorded<Watched> | undefined) => Line,
): readonly Line[] {
  return [...objects]
    .filter(({ deleting }) => !deleting)
    .map((object) => lineOf(object, recorded.get(object.uid)))
    .toSorted(byRegionAndName);
}

interface Looked<Watched, Changes> {
  readonly object: Watched;
  readonly recorded: Recorded<Watched> | undefined;
  readonly changes: (recorded: Recorded<Watched>) => Changes;
}

interface LineContext extends Pick<CheckFindings, 'problems'> {
  /** By key. */
  readonly regions: ReadonlyMap<string, RegionRecord>;
}

function objectLine<Watched extends ProjectObject, Changes extends { readonly health: Change<Health> }>(
  resource: WatchedResource,
  { object, recorded, changes: changesIn }: Looked<Watched, Changes>,
  { regions, problems }: LineContext,
): ObjectLine & Changes {
  const { namespace, name, displayName, regionId: region = '', identityId: identity = '' } = object;
  const changes = changesIn(recorded ?? { before: object, after: object });
  const error = recorded === undefined ? (problems.of(resource, object) ?? notReached) : undefined;
  return {
    namespace,
    name,
    displayName,
    region,
    regionName: regions.get(regionKey({ namespace, name: region }))?.displayName ?? '',
    identity,
    outcome: error !== undefined ? 'failed' : differs({ ...changes }) ? 'changed' : 'unchanged',
    ...changes,
    ...(error === undefined ? {} : { error }),
  };
}

function byRegion(lines: readonly ObjectLine[]): ReadonlyMap<string, readonly ObjectLine[]> {
  return Map.groupBy(lines, ({ namespace, region: name }) => regionKey({ namespace, name }));
}

/** Null where the health of regions is not checked. One that two polls must agree on stays as it is. */
function checkedRegion(
  region: RegionRecord,
  { recordedRegions, problems }: Pick<CheckFindings, 'recordedRegions' | 'problems'>,
): CheckedRegion | null {
  if (recordedRegions === null) return null;
  const { health } = healthChange(recordedRegions.get(region.uid) ?? { before: region, after: region });
  const error = problems.of('regions', region);
  if (error !== undefined) return { outcome: 'failed', health, error };
  return { outcome: isChanged(health) ? 'changed' : 'unchanged', health };
}

function healthChange({ before, after }: Recorded<WatchedObject>): { readonly health: Change<Health> } {
  return { health: { before: healthOf(before), after: healthOf(after) } };
}

function changesOf(recorded: Recorded<ServerRecord>) {
  const { before, after } = recorded;
  const change = <Value>(part: (server: ServerRecord) => Value): Change<Value> => ({
    before: part(before),
    after: part(after),
  });
  return {
    ...healthChange(recorded),
    phase: change(({ phase }) => phase),
    pendingSince: change(({ pendingEntryTime = null }) => pendingEntryTime),
    scheduledAt: change(({ scheduledAtSeconds }) => timeOf(scheduledAtSeconds)),
    launchedAt: change(({ launchedAtSeconds }) => timeOf(launchedAtSeconds)),
    provisionedAt: change(({ provisionedAtSeconds }) => timeOf(provisionedAtSeconds)),
    macAddress: change(({ macAddress }) => macAddress),
    rebuild: change(({ rebuild }) => rebuild),
  };
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

function healthOf({ conditions }: WatchedObject): Health {
  const condition = findCondition(conditions, healthyType);
  if (condition === undefined) return null;
  const { status, reason, message } = condition;
  return { status, reason, message };
}

function byRegionAndName(a: ObjectLine, b: ObjectLine): number {
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
