// Times of the monitor as the page shows them: its clock may differ from the browser's.

import { span } from './words.js';

/** How much the monitor's clock is ahead of this one. */
let clockAheadMs = 0;

/**
 * @param {string} time What the monitor's clock shows.
 * @param {number} nowMs What this one shows.
 */
export function setMonitorTime(time, nowMs) {
  clockAheadMs = Date.parse(time) - nowMs;
}

/** @param {string} at */
export function secondsSince(at) {
  return (Date.now() + clockAheadMs - Date.parse(at)) / 1000;
}

/** @param {string} at */
export function ago(at) {
  const seconds = Math.floor(secondsSince(at));
  return seconds < 1 ? 'just now' : `${span(seconds)} ago`;
}

/** An element that shows how long ago something was, and goes on doing so. @param {string} at */
export function age(at) {
  const made = document.createElement('time');
  made.dateTime = at;
  made.dataset['age'] = '';
  made.title = new Date(at).toLocaleString();
  made.textContent = ago(at);
  return made;
}

/** @param {string} at */
export function clockTime(at) {
  const made = document.createElement('time');
  made.dateTime = at;
  made.title = new Date(at).toLocaleString();
  made.textContent = new Date(at).toLocaleTimeString([], { hourCycle: 'h23' });
  return made;
}
