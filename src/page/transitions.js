// The table of the latest transitions. New ones are announced to screen readers.

/** @import { MonitorStatus, Transition } from '../shared/monitor-status.ts' */

import { badge, element, fill, make, row, show } from './elements.js';
import { regionName } from './regions.js';
import { clockTime } from './times.js';
import { counted, tone } from './words.js';

/** Screen readers are told of transitions no more often. */
const announceEveryMs = 4_000;
/** Sequence number of the last transition that was announced, and the monitor that it belongs to. */
let announced = { startedAt: '', sequence: 0, atMs: 0 };

/** @param {Partial<MonitorStatus>} status */
export function drawTransitions(status) {
  const { transitions = [], monitor } = status;
  element('no-transitions').hidden = transitions.length > 0;
  const startedAt = monitor?.startedAt ?? '';
  fill(
    'transition-rows',
    transitions,
    ({ sequence }) => `${startedAt} ${sequence}`,
    (transition) => transitionRow(transition, regionName(status, transition)),
  );
  announce(status);
}

/**
 * @param {Transition} transition
 * @param {string} region
 */
function transitionRow({ at, name: id, displayName, from, to, message }, region) {
  const name = make('span', '', displayName || id);
  name.title = id;
  return row(clockTime(at), {
    Region: [region],
    Object: [name],
    Change: [
      `${from || 'new'} → `,
      badge(tone(to), to),
      ...(message === '' || to === 'Healthy' ? [] : [make('span', 'detail', message)]),
    ],
  });
}

/**
 * Tells a screen reader what is new, in one sentence. What was there before the page was is no news.
 * @param {Partial<MonitorStatus>} status
 */
function announce(status) {
  const [latest] = status.transitions ?? [];
  const startedAt = status.monitor?.startedAt ?? '';
  const isSameMonitor = announced.startedAt === startedAt;
  const sequence = latest?.sequence ?? 0;
  if (!isSameMonitor) announced = { startedAt, sequence, atMs: 0 };
  if (latest === undefined || sequence === announced.sequence) return;
  if (Date.now() - announced.atMs < announceEveryMs) return;
  const { displayName, name, from, to } = latest;
  const sentence = `${displayName || name} in ${regionName(status, latest)}: ${from || 'new'} to ${to}`;
  const count = sequence - announced.sequence;
  show('announcement', count === 1 ? sentence : `${counted(count, 'transition')}, the latest: ${sentence}`);
  announced = { startedAt, sequence, atMs: Date.now() };
}
