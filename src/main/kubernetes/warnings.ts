// What the API server, or an admission policy of the cluster, warns of beside an answer: a version that is deprecated, a
// field that it does not know. As in controller-runtime, each text counts once.

/** RFC 7234: a code, who says so ("-" for the API server), the text, and perhaps a date. */
const warningValue = /(?:^|,)\s*(\d{3}) \S+ "((?:[^"\\]|\\.)*)"/g;
/** What the API server says of itself; other codes are of caches and proxies. */
const ofServer = '299';
/** The API server sends 4 KiB at most. */
const maxHeaderLength = 8_192;
/** Of texts that name an object, there may be one for each. */
const maxKnown = 1_000;

export class Warnings {
  readonly #onWarning: (text: string) => void;
  readonly #known = new Set<string>();

  constructor(onWarning: (text: string) => void) {
    this.#onWarning = onWarning;
  }

  /** Takes the header `Warning` of an answer. */
  take(header: string | readonly string[] | undefined): void {
    if (header === undefined) return;
    for (const text of textsIn([header].flat().join(','))) {
      if (this.#known.has(text) || this.#known.size === maxKnown) continue;
      this.#known.add(text);
      this.#onWarning(text);
    }
  }
}

function textsIn(header: string): readonly string[] {
  return [...header.slice(0, maxHeaderLength).matchAll(warningValue)]
    .filter(([, code]) => code === ofServer)
    .map(([, , quoted = '']) => quoted.replaceAll(/\\(.)/g, '$1'))
    .filter((text) => text !== '');
}
