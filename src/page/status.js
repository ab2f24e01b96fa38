// The status page: takes the sections of the monitor's status as they come, and draws those that have changed.

/** @import { MonitorStatus } from '../shared/monitor-status.ts' */

import { element, nameRoles, show } from './elements.js';
import { drawProblems } from './problems.js';
import { drawRegions } from './regions.js';
import { drawShards } from './shards.js';
import { ago, secondsSince, setMonitorTime } from './times.js';
import { drawTransitions } from './transitions.js';
import { counted, duration, span } from './words.js';
import { drawPool } from './workers.js';

/** Without news for so long the connection is taken for lost. */
const silenceMs = 10_000;
const reconnectMs = 3_000;

/** What is known so far; sections come one by one. @type {Partial<MonitorStatus>} */
const status = {};
let lastNewsMs = 0;
let paused = false;

function drawMonitor() {
  const { monitor, regions = [] } = status;
  if (monitor === undefined) return;
  show('poll-period', duration(monitor.pollPeriodMs / 1000));
  show('version', `${monitor.version}${monitor.revision === '' ? '' : ` (${monitor.revision})`}`);
  element('shadow').hidden = !monitor.shadow;
  element('not-ready').hidden = monitor.ready && monitor.live;
  show('not-ready', monitor.live ? `Not ready: ${monitor.detail}.` : 'Not alive: polls have stopped.');
  const down = regions.filter(({ state }) => state === 'down').length;
  document.title = down === 0 ? 'Region monitor' : `▲ ${counted(down, 'region')} down – Region monitor`;
}

function draw() {
  drawMonitor();
  drawProblems(status);
  drawRegions(status);
  drawShards(status);
  drawPool(status);
  drawTransitions(status);
}

function tick() {
  const isLost = Date.now() - lastNewsMs > silenceMs;
  const connection = element('connection');
  connection.className = `badge ${isLost ? 'bad' : paused ? 'warn' : 'good'}`;
  show('connection', isLost ? '▲ no connection' : paused ? 'paused' : '● live');
  if (paused) return;
  for (const shown of document.querySelectorAll('time[data-age]'))
    if (shown instanceof HTMLTimeElement) shown.textContent = ago(shown.dateTime);
  if (status.monitor !== undefined) show('uptime', span(secondsSince(status.monitor.startedAt)));
}

function connect() {
  const source = new EventSource('events');
  for (const section of ['time', 'monitor', 'regions', 'problems', 'shards', 'pool', 'transitions', 'caches'])
    source.addEventListener(section, (/** @type {MessageEvent<string>} */ { data }) => {
      Object.assign(status, JSON.parse(data));
      lastNewsMs = Date.now();
      if (section === 'time' && status.time !== undefined) setMonitorTime(status.time, lastNewsMs);
      if (!paused) draw();
    });
  source.addEventListener('error', () => {
    // Browsers come back by themselves, but not after an answer that is no stream.
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, reconnectMs);
  });
}

const pause = element('pause');
pause.addEventListener('click', () => {
  paused = !paused;
  pause.setAttribute('aria-pressed', String(paused));
  if (!paused) draw();
  tick();
});

for (const table of document.querySelectorAll('table')) nameRoles(table);
lastNewsMs = Date.now();
connect();
setInterval(tick, 1_000);
