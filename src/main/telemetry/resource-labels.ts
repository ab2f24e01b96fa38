// Attributes of the resource as labels of Prometheus' target_info. Attributes come from the environment, and no name or
// value in it may spoil the page: a scraper drops all of a page that has one line that it cannot read.

/** A scraper may have a limit, beyond which it drops the page. */
const longestValue = 1024;
const longestName = 128;

/** As OpenTelemetry's rules for Prometheus have it: attributes whose names become the same share a label. */
export function resourceLabels(attributes: Readonly<Record<string, unknown>>): Record<string, string> {
  const labels = new Map<string, string>();
  for (const key of Object.keys(attributes).toSorted()) {
    const name = labelName(key);
    const known = labels.get(name);
    const value = textOf(attributes[key]);
    labels.set(name, (known === undefined ? value : `${known};${value}`).slice(0, longestValue));
  }
  return Object.fromEntries(labels);
}

/** These belong to histograms and summaries. */
const reserved: ReadonlySet<string> = new Set(['le', 'quantile']);

/** Names that begin with two underscores belong to Prometheus itself. */
function labelName(key: string): string {
  const name = key
    .replaceAll(/[^a-zA-Z0-9_]/g, '_')
    .replaceAll(/_{2,}/g, '_')
    .slice(0, longestName);
  return /^\d|^$/.test(name) || reserved.has(name) ? `_${name}` : name;
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  // Readers in C stop at a NUL; half of a surrogate pair is not Unicode.
  return text.replaceAll('\0', '').toWellFormed();
}
