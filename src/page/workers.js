// The table of workers, and what waits for them.

/** @import { MonitorStatus, WorkerStatus } from '../shared/monitor-status.ts' */

import { badge, element, fill, row, show } from './elements.js';
import { counted } from './words.js';

/** @param {Partial<MonitorStatus>} status */
export function drawPool({ pool }) {
  if (pool === undefined) return;
  show('queue', pool.queueLength === 0 ? '' : `${counted(pool.queueLength, 'check')} waiting for a worker`);
  element('queue').hidden = pool.queueLength === 0;
  fill('workers', pool.workers, ({ worker }) => String(worker), workerRow);
}

/** @param {WorkerStatus} worker */
function workerRow({ worker, busyShare, jobsInFlight, heapUsedBytes, restarts }) {
  const meter = document.createElement('meter');
  meter.value = busyShare;
  meter.high = 0.8;
  meter.ariaHidden = 'true';
  return row(`Worker ${worker}`, {
    Busy: [meter, `${Math.round(busyShare * 100)} %`],
    Checks: [String(jobsInFlight)],
    Heap: [`${(heapUsedBytes / 1_048_576).toFixed(0)} MiB`],
    Restarts: [restarts === 0 ? '0' : badge('warn', String(restarts))],
  });
}
