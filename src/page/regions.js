// The table of regions: their states, servers by phase, and the duration of their last polls.

/** @import { MonitorStatus, PollStatus, RegionStatus } from '../shared/monitor-status.ts' */

import { badge, fill, make, row, show } from './elements.js';
import { age } from './times.js';
import { counted, duration, tone } from './words.js';

/** @param {Partial<MonitorStatus>} status */
export function drawRegions({ regions = [] }) {
  const watched = regions.filter(({ state }) => state !== 'unsupported');
  show('regions-up', `${watched.filter(({ up }) => up).length} of ${watched.length}`);
  show('servers', regions.reduce((sum, { servers }) => sum + servers, 0).toLocaleString());
  fill(
    'regions',
    regions,
    ({ namespace, regionId }) => `${namespace}/${regionId}`,
    (region) => regionRow(region, regionName({ regions }, region)),
  );
}

/**
 * @param {RegionStatus} region
 * @param {string} name
 */
function regionRow(region, name) {
  const { state, lastGoodAt, polls } = region;
  const isAsked = state !== 'unsupported';
  return row(name, {
    State: regionState(region),
    'Last answer': [!isAsked ? '–' : lastGoodAt === null ? 'never' : age(lastGoodAt)],
    Servers: [phases(region)],
    'Poll duration': [!isAsked || polls.length === 0 ? '–' : sparkline(polls)],
  });
}

/** @param {RegionStatus} region */
function regionState({ state, breakerOpen, failures, error, provider, services }) {
  const badges = [badge(...stateBadges[state])];
  if (breakerOpen) badges.push(badge('warn', 'breaker open'));
  for (const [service, answers] of Object.entries(services))
    if (!answers) badges.push(badge('warn', `▲ ${service} does not answer`));
  const shown = [make('div', 'badges', ...badges)];
  const times = failures > 1 ? ` (${failures} polls in a row)` : '';
  if (state === 'unsupported') shown.push(make('span', 'detail', `provider ${provider}`));
  else if (error !== null) shown.push(make('span', 'detail', `${error.code}: ${error.message}${times}`));
  return shown;
}

/** How a state looks: not by its color alone. @type {Record<RegionStatus['state'], [string, string]>} */
const stateBadges = {
  up: ['good', '● up'],
  down: ['bad', '▲ down'],
  waiting: ['', '○ waiting'],
  unsupported: ['', '○ not monitored'],
};

/** @param {RegionStatus} region */
function phases({ servers, phases }) {
  const known = Object.entries(phases).filter(([, count]) => count > 0);
  known.sort(([, a], [, b]) => b - a);
  const badges = known.map(([phase, count]) => badge(tone(phase), `${count.toLocaleString()} ${phase}`));
  const unknown = servers - known.reduce((sum, [, count]) => sum + count, 0);
  if (unknown > 0) badges.push(badge('', `${unknown.toLocaleString()} not observed`));
  return servers === 0 && badges.length === 0 ? 'none' : make('div', 'badges', ...badges);
}

const svgNamespace = 'http://www.w3.org/2000/svg';
const sparkSize = { polls: 30, bar: 4, height: 24 };

/** @param {readonly PollStatus[]} polls */
function sparkline(polls) {
  const longest = Math.max(...polls.map(({ seconds }) => seconds));
  const ordered = polls.map(({ seconds }) => seconds).toSorted((a, b) => a - b);
  // One that took much longer than usual, as the first one does, must not make all others look alike.
  const full = Math.min(longest, 4 * (ordered[Math.floor(ordered.length / 2)] ?? 0));
  const failed = polls.filter(isFailed).length;
  const svg = document.createElementNS(svgNamespace, 'svg');
  svg.setAttribute('width', String(sparkSize.polls * sparkSize.bar));
  svg.setAttribute('height', String(sparkSize.height));
  svg.setAttribute('aria-hidden', 'true');
  for (const [index, poll] of polls.entries()) {
    // A poll that failed may have been quick: its bar is drawn as high as there is room, and hollow.
    const share = isFailed(poll) || poll.seconds >= full ? 1 : poll.seconds / full;
    const height = Math.max(2, Math.round(share * sparkSize.height)) - 1;
    const bar = document.createElementNS(svgNamespace, 'rect');
    bar.setAttribute('x', String(index * sparkSize.bar + 0.5));
    bar.setAttribute('y', String(sparkSize.height - height - 0.5));
    bar.setAttribute('width', String(sparkSize.bar - 2));
    bar.setAttribute('height', String(height));
    if (isFailed(poll)) bar.setAttribute('class', 'failed');
    svg.append(bar);
  }
  const last = duration(polls.at(-1)?.seconds ?? 0);
  const words = `of ${counted(polls.length, 'poll')} the longest took ${duration(longest)}, ${failed} failed`;
  const made = make('div', 'spark', svg, last, make('span', 'unseen', `, ${words}`));
  made.title = words;
  return made;
}

/** @param {PollStatus} poll */
function isFailed({ outcome }) {
  return outcome !== 'ok' && outcome !== 'partial';
}

/**
 * The name of a region, with its namespace where regions of several namespaces are watched.
 * @param {Partial<MonitorStatus>} status
 * @param {Pick<RegionStatus, 'namespace' | 'regionId'>} region
 */
export function regionName({ regions = [] }, { namespace, regionId }) {
  const known = regions.find((region) => region.namespace === namespace && region.regionId === regionId);
  const name = known?.regionName || regionId;
  const several = regions.some((region) => region.namespace !== regions[0]?.namespace);
  return several && name !== '' ? `${name} (${namespace})` : name;
}
