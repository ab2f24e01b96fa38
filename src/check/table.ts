// The report of `check` for people: a table of each kind of object, and the problems below it.

import { regionKey } from '../shared/region-ref.ts';
import { type Paint, paintOf, printable, type Terminal, wrap } from '../terminal/terminal.ts';
import type { Trouble } from './problem-collector.ts';
import {
  type CheckReport,
  type Health,
  isChanged,
  type ObjectLine,
  type Outcome,
  type RegionLine,
  type ServerLine,
} from './report.ts';

export interface CheckTableOptions {
  readonly terminal: Terminal;
  /** More columns, and nothing is cut. */
  readonly wide: boolean;
}

interface Column<Line> {
  readonly title: string;
  readonly text: (line: Line) => string;
  /** Characters below which it is never cut; absent where it is never cut at all. */
  readonly atLeast?: number;
}

const gap = '  ';

/** One table a kind that there is; an empty one of servers when there is nothing at all. */
export function checkTable(
  { servers, loadBalancers, regions, dryRun }: CheckReport,
  options: CheckTableOptions,
): string {
  const { wide } = options;
  const checkedRegions = regions.flatMap(lineOfRegion);
  const where = wide
    ? whereColumns
    : severalNamespaces([...servers, ...loadBalancers, ...checkedRegions])
      ? [namespaceColumn]
      : [];
  const columns = [
    ...where,
    ...narrowColumns(dryRun),
    // Only with the definitions of v1.19, and where there is something to show.
    ...(wide ? bootColumns.filter(({ text }) => servers.some((server) => text(server) !== '')) : []),
    ...(wide ? [messageColumn] : []),
  ];
  const ofKind = (kind: readonly Column<ObjectLine>[]) => [
    ...where,
    ...kind,
    ...(wide ? [messageColumn] : []),
  ];
  const ofBalancers = ofKind(healthColumns('LOAD BALANCER', dryRun).toSpliced(1, 0, regionColumn));
  const ofRegions = ofKind(healthColumns('REGION', dryRun)).filter(({ title }) => title !== 'IDENTITY');
  const empty = loadBalancers.length + checkedRegions.length === 0;
  return [
    ...(servers.length > 0 || empty ? [tableOf(servers, columns, options)] : []),
    ...(loadBalancers.length > 0 ? [tableOf(loadBalancers, ofBalancers, options)] : []),
    ...(checkedRegions.length > 0 ? [tableOf(checkedRegions, ofRegions, options)] : []),
  ].join('\n');
}

/** None where the health of regions is not checked. */
function lineOfRegion({ namespace, region, regionName, checked }: RegionLine): readonly ObjectLine[] {
  if (checked === undefined) return [];
  return [{ namespace, name: region, displayName: regionName, region, regionName, identity: '', ...checked }];
}

/** One line an object, under a line of titles. Without a width nothing is cut. */
function tableOf<Line extends ObjectLine>(
  lines: readonly Line[],
  columns: readonly Column<Line>[],
  { terminal, wide }: CheckTableOptions,
): string {
  const paint = paintOf(terminal);
  const rows = lines.map((object) => columns.map(({ text }) => printable(text(object)) || '-'));
  const natural = columns.map(({ title }, index) =>
    rows.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), title.length),
  );
  const widths = wide || terminal.width === null ? natural : fitted(columns, natural, terminal.width);
  const cut = terminal.unicode ? '…' : '~';
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => shortened(cell, widths[index] ?? cell.length, cut).padEnd(widths[index] ?? 0))
      .join(gap)
      .trimEnd();
  return [
    paint('bold', line(columns.map(({ title }) => title))),
    ...rows.map((row, index) => painted(line(row), lines[index]?.outcome, paint)),
    '',
  ].join('\n');
}

/** Every problem in full, once, and the totals. */
export function checkSummary(report: CheckReport, seconds: number, terminal: Terminal): string {
  const paint = paintOf(terminal);
  const { summary, dryRun } = report;
  const parts = [
    `${lookedAt(report)}, in ${seconds.toFixed(1)} s`,
    `${summary.unchanged} unchanged`,
    ...(summary.changed > 0
      ? [paint('yellow', `${summary.changed} ${dryRun ? 'would change' : 'changed'}`)]
      : []),
    ...(summary.failed > 0 ? [paint('red', `${summary.failed} not checked`)] : []),
  ];
  return [...remarks(report).flatMap((text) => wrap(text, terminal.width ?? 80)), parts.join(', '), ''].join(
    '\n',
  );
}

function lookedAt({ summary, regions }: CheckReport): string {
  const inRegions = counted(regions.length, 'region');
  const isOfRegions = summary.servers + summary.loadBalancers === 0 && regions.some(({ checked }) => checked);
  return isOfRegions ? inRegions : `${countedObjects(summary)} in ${inRegions}`;
}

/** They can be long, so they come below the table. */
function remarks({ regions, servers, loadBalancers, notes }: CheckReport): readonly string[] {
  const objects: readonly ObjectLine[] = [...servers, ...loadBalancers];
  const several = severalNamespaces([...regions, ...objects]);
  const names = new Map(
    regions.map((line) => [
      keyOf(line),
      `${line.regionName || line.region}${several ? ` (${line.namespace})` : ''}`,
    ]),
  );
  const failedRegions = new Set(regions.filter(({ error }) => error !== undefined).map(keyOf));
  const ofObjects = objects.filter((line) => !failedRegions.has(keyOf(line)));
  const lines = [...[...regions, ...ofObjects].flatMap(troubled), ...notes].map((line) => {
    const name = names.get(keyOf(line));
    return printable(name === undefined ? line.message : `${name}: ${line.message}`);
  });
  return limited([...new Set(lines)]);
}

/** Where a line belongs to. */
type Place = Pick<ObjectLine, 'namespace' | 'region'>;

function keyOf({ namespace, region: name }: Place): string {
  return regionKey({ namespace, name });
}

function severalNamespaces(lines: readonly Place[]): boolean {
  return lines.some(({ namespace }) => namespace !== lines[0]?.namespace);
}

function troubled({ namespace, region, error }: Place & Pick<ObjectLine, 'error'>): (Place & Trouble)[] {
  return error === undefined ? [] : [{ namespace, region, ...error }];
}

const mostRemarks = 20;

function limited(lines: readonly string[]): readonly string[] {
  if (lines.length <= mostRemarks) return lines;
  return [...lines.slice(0, mostRemarks), `and ${lines.length - mostRemarks} more (--output json lists all)`];
}

function narrowColumns(dryRun: boolean): readonly Column<ServerLine>[] {
  return [
    nameColumn,
    regionColumn,
    { title: 'FLAVOR', text: ({ flavor, flavorName }) => flavorName || flavor, atLeast: 8 },
    { title: 'PHASE', text: ({ phase }) => phase.after },
    healthColumn,
    { title: changedTitle(dryRun), text: changeText, atLeast: 24 },
  ];
}

/** Of a kind whose health is all that may change. */
function healthColumns(kind: string, dryRun: boolean): readonly Column<ObjectLine>[] {
  return [
    { ...nameColumn, title: kind },
    healthColumn,
    { title: changedTitle(dryRun), text: healthText, atLeast: 24 },
  ];
}

const nameColumn: Column<ObjectLine> = {
  title: 'NAME',
  text: ({ displayName, name }) => displayName || name,
  atLeast: 12,
};

const regionColumn: Column<ObjectLine> = {
  title: 'REGION',
  text: ({ region, regionName }) => regionName || region,
  atLeast: 8,
};

const healthColumn: Column<ObjectLine> = { title: 'HEALTH', text: ({ health }) => reasonOf(health.after) };

function changedTitle(dryRun: boolean): string {
  return dryRun ? 'WOULD CHANGE' : 'CHANGED';
}

const namespaceColumn: Column<ObjectLine> = { title: 'NAMESPACE', text: ({ namespace }) => namespace };

const whereColumns: readonly Column<ObjectLine>[] = [
  namespaceColumn,
  { title: 'ID', text: ({ name }) => name },
  { title: 'IDENTITY', text: ({ identity }) => identity },
];

const bootColumns: readonly Column<ServerLine>[] = [
  { title: 'SCHEDULED', text: ({ scheduledAt }) => scheduledAt.after ?? '' },
  { title: 'LAUNCHED', text: ({ launchedAt }) => launchedAt.after ?? '' },
  { title: 'PROVISIONED', text: ({ provisionedAt }) => provisionedAt.after ?? '' },
  { title: 'MAC', text: ({ macAddress }) => macAddress.after },
  { title: 'REBUILD', text: ({ rebuild }) => rebuild.after?.state ?? '' },
  { title: 'REBUILD IMAGE', text: ({ rebuild }) => rebuild.after?.targetImageId ?? '' },
];

const messageColumn: Column<ObjectLine> = {
  title: 'MESSAGE',
  text: ({ error, health }) => error?.message ?? health.after?.message ?? '',
};

/** PHASE and HEALTH show the new value; this column shows the old one, or else what changed besides. */
function changeText(server: ServerLine): string {
  const { error, outcome, phase, health, rebuild } = server;
  if (error !== undefined) return `! ${error.code}`;
  if (outcome === 'unchanged') return '';
  const before = [
    ...(isChanged(phase) ? [phase.before || 'no phase'] : []),
    ...(reasonOf(health.before) === reasonOf(health.after) ? [] : [reasonOf(health.before) || 'no health']),
    ...(isChanged(rebuild) ? [`rebuild ${rebuild.before?.state ?? 'not asked for'}`] : []),
  ];
  return before.length > 0 ? `was ${before.join(', ')}` : otherChanges(server).join(', ');
}

/** The same of such a kind. */
function healthText({ error, outcome, health }: ObjectLine): string {
  if (error !== undefined) return `! ${error.code}`;
  if (outcome === 'unchanged') return '';
  const before = reasonOf(health.before);
  return before === reasonOf(health.after) ? 'message' : `was ${before || 'no health'}`;
}

function otherChanges(server: ServerLine): readonly string[] {
  const { health, pendingSince, scheduledAt, launchedAt, provisionedAt, macAddress } = server;
  return [
    ...(isChanged(health) ? ['message'] : []),
    ...(isChanged(pendingSince) ? ['annotation'] : []),
    ...([scheduledAt, launchedAt, provisionedAt].some(isChanged) ? ['times'] : []),
    ...(isChanged(macAddress) ? ['MAC'] : []),
  ];
}

function reasonOf(health: Health): string {
  return health?.reason ?? '';
}

/** Takes from the widest columns first, until the line fits or nothing more may be taken. */
function fitted(
  columns: readonly Pick<Column<never>, 'atLeast'>[],
  natural: readonly number[],
  width: number,
): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) - width;
  for (; excess > 0; excess--) {
    let widest = -1;
    for (const [index, { atLeast }] of columns.entries()) {
      const mayShrink = atLeast !== undefined && (widths[index] ?? 0) > atLeast;
      if (mayShrink && (widths[index] ?? 0) > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function shortened(text: string, width: number, cut: string): string {
  return text.length <= width ? text : text.slice(0, width - 1) + cut;
}

function painted(line: string, outcome: Outcome | undefined, paint: Paint): string {
  if (outcome === 'failed') return paint('red', line);
  return outcome === 'changed' ? paint('yellow', line) : line;
}

/** A kind that there are none of is not named, unless there is nothing at all. */
export function countedObjects({
  servers,
  loadBalancers,
}: {
  readonly servers: number;
  readonly loadBalancers: number;
}): string {
  if (loadBalancers === 0) return counted(servers, 'server');
  const balancers = counted(loadBalancers, 'load balancer');
  return servers === 0 ? balancers : `${counted(servers, 'server')} and ${balancers}`;
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
