// Values that were put into a Secret with a newline too many, as `echo` and editors add one. Only our own keys are trimmed:
// all others are sent as they are, as the original does, but what is refused says so.

export interface NamedValue {
  /** For messages: "password". */
  readonly name: string;
  readonly value: string;
}

/** "the password ends with a newline" for each value that begins or ends with white space; never the value. */
export function blankEnds(values: readonly NamedValue[]): readonly string[] {
  return values.flatMap(({ name, value }) => {
    if (value.endsWith('\n')) return [`the ${name} ends with a newline`];
    if (/\s$/.test(value)) return [`the ${name} ends with a space`];
    return /^\s/.test(value) ? [`the ${name} begins with white space`] : [];
  });
}
