// The status page: takes the sections of the monitor's status as they come, and draws those that have changed. All text
// goes into the page as text, never as HTML.

/** @import { MonitorStatus, PollStatus, ProblemObject, ProblemStatus, RegionStatus, Transition, WorkerStatus } from '../shared/monitor-status.ts' */

/** Without news for so long the connection is taken for lost. */
const silenceMs = 10_000;
const reconnectMs = 3_000;
/** Screen readers are told of transitions no more often. */
const announceEveryMs = 4_000;

/** What is known so far; sections come one by one. @type {Partial<MonitorStatus>} */
const status = {};
/** How much the monitor's clock is ahead of this one. */
let clockAheadMs = 0;
let lastNewsMs = 0;
let paused = false;
/** Sequence number of the last transition that was announced, and the monitor that it belongs to. */
let announced = { startedAt: '', sequence: 0, atMs: 0 };
/** When the latest problem began that is no news any more; null before the first look. @type {string | null} */
let knownProblemsUntil = null;

// ---------------------------------------------------------------- drawing

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page lacks #${id}`);
  return found;
}

/**
 * @param {string} id
 * @param {string} text
 */
function show(id, text) {
  const target = element(id);
  // What is the same is left alone: a selection in it survives, and nothing is read out again.
  if (target.textContent !== text) target.textContent = text;
}

/**
 * @param {keyof HTMLElementTagNameMap} tag
 * @param {string} className
 * @param {...(Node | string)} children
 */
function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/**
 * @param {string} className
 * @param {string} text
 */
function badge(className, text) {
  return make('span', `badge ${className}`, text);
}

/** @type {ReadonlyMap<string, string>} */
const tableRoles = new Map([
  ['TABLE', 'table'],
  ['THEAD', 'rowgroup'],
  ['TBODY', 'rowgroup'],
  ['TR', 'row'],
  ['TD', 'cell'],
]);

/**
 * Says what the parts of tables are. On a phone they are laid out as cards, and some browsers then take them for no table.
 * @param {Element} within
 */
function nameRoles(within) {
  for (const part of [within, ...within.querySelectorAll('table, thead, tbody, tr, th, td')])
    part.role =
      tableRoles.get(part.tagName) ?? (part.getAttribute('scope') === 'row' ? 'rowheader' : 'columnheader');
}

/**
 * A row whose first cell names it.
 * @param {Node | string} head
 * @param {Readonly<Record<string, readonly (Node | string)[]>>} cells
 */
function row(head, cells) {
  const made = make('tr', '');
  const first = make('th', '', head);
  first.setAttribute('scope', 'row');
  made.append(first);
  for (const [label, content] of Object.entries(cells)) {
    const cell = make('td', '', make('div', '', ...content));
    cell.dataset['label'] = label;
    made.append(cell);
  }
  nameRoles(made);
  return made;
}

/** Rows as they were drawn, by their table's id and their own key. @type {Map<string, {source: string, row: HTMLElement}>} */
const drawn = new Map();

/**
 * Draws a row for each item, and leaves those alone that have not changed.
 * @template Item
 * @param {string} id
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} draw
 */
function fill(id, items, keyOf, draw) {
  const body = element(id);
  const rows = items.map((item) => {
    const key = `${id} ${keyOf(item)}`;
    const source = JSON.stringify(item);
    const known = drawn.get(key);
    if (known?.source === source) return known.row;
    const made = draw(item);
    drawn.set(key, { source, row: made });
    return made;
  });
  const kept = new Set(rows);
  for (const [key, { row: old }] of drawn) if (key.startsWith(`${id} `) && !kept.has(old)) drawn.delete(key);
  for (const [index, wanted] of rows.entries())
    if (body.children[index] !== wanted) body.insertBefore(wanted, body.children[index] ?? null);
  while (body.children.length > rows.length) body.lastElementChild?.remove();
}

// ---------------------------------------------------------------- words

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  return span(seconds);
}

/**
 * Whole units, the two largest.
 * @param {number} seconds
 */
function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return parts(Math.floor(s / 60), 'min', s % 60, 's');
  if (s < 86_400) return parts(Math.floor(s / 3_600), 'h', Math.floor((s % 3_600) / 60), 'min');
  return parts(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3_600), 'h');
}

/**
 * @param {number} large
 * @param {string} largeUnit
 * @param {number} small
 * @param {string} smallUnit
 */
function parts(large, largeUnit, small, smallUnit) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** @param {string} at */
function secondsSince(at) {
  return (Date.now() + clockAheadMs - Date.parse(at)) / 1000;
}

/** @param {string} at */
function ago(at) {
  const seconds = Math.floor(secondsSince(at));
  return seconds < 1 ? 'just now' : `${span(seconds)} ago`;
}

/** An element that shows how long ago something was, and goes on doing so. @param {string} at */
function age(at) {
  const made = document.createElement('time');
  made.dateTime = at;
  made.dataset['age'] = '';
  made.title = new Date(at).toLocaleString();
  made.textContent = ago(at);
  return made;
}

/** @param {string} at */
function clockTime(at) {
  const made = document.createElement('time');
  made.dateTime = at;
  made.title = new Date(at).toLocaleString();
  made.textContent = new Date(at).toLocaleTimeString([], { hourCycle: 'h23' });
  return made;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** How a phase or a reason looks. @param {string} name */
function tone(name) {
  const tones = {
    running: 'good',
    healthy: 'good',
    errored: 'bad',
    degraded: 'warn',
    pending: 'warn',
    queued: 'warn',
    building: 'warn',
    stopping: 'warn',
  };
  return new Map(Object.entries(tones)).get(name.toLowerCase()) ?? '';
}

// ---------------------------------------------------------------- sections

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

function drawProblems() {
  const { problems } = status;
  if (problems === undefined) return;
  const { open, groups } = problems;
  element('no-problems').hidden = groups.length > 0;
  element('problems-table').hidden = groups.length === 0;
  const named = groups.map((group) => ({ ...group, regionName: regionName(group.regionId) }));
  fill('problems', named, problemKey, problemRow);
  const unseen = open - groups.reduce((sum, { count }) => sum + count, 0);
  show('further-problems', `${counted(unseen, 'further problem')}; the log has all.`);
  element('further-problems').hidden = unseen === 0;
  announceProblem(groups[0]);
}

/**
 * Tells a screen reader of a new problem. What was there before the page was is no news.
 * @param {ProblemStatus | undefined} newest
 */
function announceProblem(newest) {
  const begun = newest?.latest ?? '';
  if (newest !== undefined && knownProblemsUntil !== null && begun > knownProblemsUntil) {
    const where = newest.regionId === '' ? '' : ` in ${regionName(newest.regionId)}`;
    show('problem-announcement', `Problem${where}: ${newest.message}`);
  }
  if (knownProblemsUntil === null || begun > knownProblemsUntil) knownProblemsUntil = begun;
}

/** @param {ProblemStatus} problem */
function problemKey({ regionId, code, message, objects }) {
  const [object] = objects;
  // Each resource of Kubernetes has an outage of its own.
  return [regionId, code, message, object?.kind === 'resource' ? object.name : ''].join(' ');
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
const objectNames = { server: 'server', record: 'record', identity: 'identity', resource: 'Kubernetes' };

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

function drawRegions() {
  const { regions = [] } = status;
  const watched = regions.filter(({ state }) => state !== 'unsupported');
  show('regions-up', `${watched.filter(({ up }) => up).length} of ${watched.length}`);
  show('servers', regions.reduce((sum, { servers }) => sum + servers, 0).toLocaleString());
  fill('regions', regions, ({ regionId }) => regionId, regionRow);
}

/** @param {RegionStatus} region */
function regionRow(region) {
  const { regionId, regionName, state, lastGoodAt, polls } = region;
  const isAsked = state !== 'unsupported';
  return row(regionName || regionId, {
    State: regionState(region),
    'Last answer': [!isAsked ? '–' : lastGoodAt === null ? 'never' : age(lastGoodAt)],
    Servers: [phases(region)],
    'Poll duration': [!isAsked || polls.length === 0 ? '–' : sparkline(polls)],
  });
}

/** @param {RegionStatus} region */
function regionState({ state, breakerOpen, failures, error, provider }) {
  const badges = [badge(...stateBadges[state])];
  if (breakerOpen) badges.push(badge('warn', 'breaker open'));
  const shown = [make('div', 'badges', ...badges)];
  const times = failures > 1 ? ` (${failures} polls in a row)` : '';
  if (state === 'unsupported') shown.push(make('span', 'detail', `provider ${provider}`));
  else if (error !== null) shown.push(make('span', 'detail', `${error.code}: ${error.message}${times}`));
  return shown;
}

/** How a state looks: not by its colour alone. @type {Record<RegionStatus['state'], [string, string]>} */
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

function drawPool() {
  const { pool } = status;
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

function drawTransitions() {
  const { transitions = [], monitor } = status;
  element('no-transitions').hidden = transitions.length > 0;
  const startedAt = monitor?.startedAt ?? '';
  fill('transition-rows', transitions, ({ sequence }) => `${startedAt} ${sequence}`, transitionRow);
  announce(transitions, startedAt);
}

/** @param {Transition} transition */
function transitionRow({ at, regionId, server, serverName, from, to, message }) {
  const name = make('span', '', serverName || server);
  name.title = server;
  return row(clockTime(at), {
    Region: [regionName(regionId)],
    Server: [name],
    Change: [
      `${from || 'new'} → `,
      badge(tone(to), to),
      ...(message === '' || to === 'Healthy' ? [] : [make('span', 'detail', message)]),
    ],
  });
}

/** @param {string} id */
function regionName(id) {
  return status.regions?.find(({ regionId }) => regionId === id)?.regionName || id;
}

/**
 * Tells a screen reader what is new, in one sentence. What was there before the page was is no news.
 * @param {readonly Transition[]} transitions
 * @param {string} startedAt
 */
function announce(transitions, startedAt) {
  const [latest] = transitions;
  const isSameMonitor = announced.startedAt === startedAt;
  const sequence = latest?.sequence ?? 0;
  if (!isSameMonitor) announced = { startedAt, sequence, atMs: 0 };
  if (latest === undefined || sequence === announced.sequence) return;
  if (Date.now() - announced.atMs < announceEveryMs) return;
  const { serverName, server, regionId, from, to } = latest;
  const sentence = `${serverName || server} in ${regionName(regionId)}: ${from || 'new'} to ${to}`;
  const count = sequence - announced.sequence;
  show('announcement', count === 1 ? sentence : `${counted(count, 'transition')}, the latest: ${sentence}`);
  announced = { startedAt, sequence, atMs: Date.now() };
}

// ---------------------------------------------------------------- time and connection

function draw() {
  drawMonitor();
  drawProblems();
  drawRegions();
  drawPool();
  drawTransitions();
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
  for (const section of ['time', 'monitor', 'regions', 'problems', 'pool', 'transitions', 'caches'])
    source.addEventListener(section, (/** @type {MessageEvent<string>} */ { data }) => {
      Object.assign(status, JSON.parse(data));
      lastNewsMs = Date.now();
      if (section === 'time' && status.time !== undefined)
        clockAheadMs = Date.parse(status.time) - lastNewsMs;
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
