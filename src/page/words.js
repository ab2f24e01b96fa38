// How durations, counts and states are put in words.

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  return span(seconds);
}

/**
 * Whole units, the two largest.
 * @param {number} seconds
 */
export function span(seconds) {
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

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** How a phase or a reason looks. @param {string} name */
export function tone(name) {
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
