// The table of open problems. A new problem is announced to screen readers.

/** @import { MonitorStatus, ProblemObject, ProblemStatus } from '../shared/monitor-status.ts' */

import { element, fill, make, row, show } from './elements.js';
import { regionName } from './regions.js';
import { age } from './times.js';
import { counted } from './words.js';

/** When the latest problem began that is no news any more; null before the first look. @type {string | null} */
let knownProblemsUntil = null;

/** @param {Partial<MonitorStatus>} status */
export function drawProblems(status) {
  const { problems } = status;
  if (problems === undefined) return;
  const { open, groups } = problems;
  element('no-problems').hidden = groups.length > 0;
  element('problems-table').hidden = groups.length === 0;
  const named = groups.map((group) => ({ ...group, regionName: regionName(status, group) }));
  fill('problems', named, problemKey, problemRow);
  const unseen = open - groups.reduce((sum, { count }) => sum + count, 0);
  show('further-problems', `${counted(unseen, 'further problem')}; the log has all.`);
  element('further-problems').hidden = unseen === 0;
  announceProblem(groups[0], status);
}

/**
 * Tells a screen reader of a new problem. What was there before the page was is no news.
 * @param {ProblemStatus | undefined} newest
 * @param {Partial<MonitorStatus>} status
 */
function announceProblem(newest, status) {
  const begun = newest?.latest ?? '';
  if (newest !== undefined && knownProblemsUntil !== null && begun > knownProblemsUntil) {
    const where = newest.regionId === '' ? '' : ` in ${regionName(status, newest)}`;
    show('problem-announcement', `Problem${where}: ${newest.message}`);
  }
  if (knownProblemsUntil === null || begun > knownProblemsUntil) knownProblemsUntil = begun;
}

/** @param {ProblemStatus} problem */
function problemKey({ namespace, regionId, code, message, objects }) {
  const [object] = objects;
  // Each resource of Kubernetes has an outage of its own.
  return [namespace, regionId, code, message, object?.kind === 'resource' ? object.name : ''].join(' ');
}

/** @param {ProblemStatus & { readonly regionName: string }} problem */
function problemRow({ message, code, error, regionName, count, objects, since, latest }) {
  const head = make('div', '', message);
  const reason = [code, error].filter((text) => text !== '').join(': ');
  if (reason !== '') head.append(make('span', 'detail', reason));
  return row(head, {
    Region: [regionName || '–'],
    Concerns: concerned(objects, count),
    Since: latest === since ? [age(since)] : [age(since), make('span', 'detail', 'latest ', age(latest))],
  });
}

/** @type {Record<ProblemObject['kind'], string>} */
const objectNames = {
  server: 'server',
  region: 'region',
  'load balancer': 'load balancer',
  record: 'record',
  identity: 'identity',
  resource: 'Kubernetes',
};

/**
 * @param {readonly ProblemObject[]} objects
 * @param {number} count
 */
function concerned(objects, count) {
  if (objects.length === 0) return ['the region'];
  const lines = objects.map(({ kind, name, displayName }) => {
    const made = make('span', 'object', `${objectNames[kind]} ${displayName || name}`);
    made.title = name;
    return made;
  });
  if (count > objects.length)
    lines.push(make('span', 'detail', `and ${(count - objects.length).toLocaleString()} more`));
  return lines;
}
