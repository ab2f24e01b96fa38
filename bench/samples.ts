// Machines are noisy: a figure is a handful of samples, told as median, minimum and maximum.

export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1));
  return sorted[index] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** "0.41", or "0.41 (0.39–0.55)" when the samples differ in what is shown. */
export function told(samples: readonly number[]): string {
  if (samples.length === 0) return '';
  const [middle, least, most] = [median(samples), Math.min(...samples), Math.max(...samples)].map(short);
  return least === most ? `${middle}` : `${middle} (${least}–${most})`;
}

/** Three digits that count. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  const text = value.toFixed(digits);
  return Number.isInteger(value) ? String(value) : text;
}
