// The table of shards: which replica holds which. Hidden where one process watches all regions.

/** @import { MonitorStatus, ShardStatus } from '../shared/monitor-status.ts' */

import { badge, element, fill, make, row, show } from './elements.js';
import { age } from './times.js';
import { counted } from './words.js';

/** @param {Partial<MonitorStatus>} status */
export function drawShards({ shards = [] }) {
  element('shards-section').hidden = shards.length === 0;
  const held = shards.filter((shard) => shard.held).length;
  const what = held === 0 ? 'no shard: it is a standby' : counted(held, 'shard');
  show('shards-note', `This replica holds ${what}. The regions on this page are those of its shards.`);
  fill('shards', shards, ({ shard }) => String(shard), shardRow);
}

/** @param {ShardStatus} status */
function shardRow({ shard, holder, held, regions, since, renewedAt, moves }) {
  return row(`Shard ${shard}`, {
    Holder:
      holder === ''
        ? [badge('bad', '▲ nobody')]
        : [holderName(holder), ...(held ? [badge('good', 'this replica')] : [])],
    Regions: [String(regions)],
    Taken: [since === null ? '–' : age(since)],
    Renewed: [renewedAt === null ? '–' : age(renewedAt)],
    Moves: [String(moves)],
  });
}

/** The replica's name; all of the identity is in the Lease. @param {string} holder */
function holderName(holder) {
  const end = holder.lastIndexOf('_');
  const made = make('span', 'object', end > 0 ? holder.slice(0, end) : holder);
  made.title = holder;
  return made;
}
