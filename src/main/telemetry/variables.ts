// OpenTelemetry's environment variables. A value that cannot be used is ignored and reported, as the specification asks:
// telemetry does not keep a monitor from starting.

export type Environment = Readonly<Record<string, string | undefined>>;

/** Thrown by a reader: "it must be …". The message holds no value that may be a secret. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
}

export class Variables {
  readonly #env: Environment;
  readonly #problems = new Set<string>();

  constructor(env: Environment) {
    this.#env = env;
  }

  /** What is ignored, and what to write instead. */
  get problems(): readonly string[] {
    return [...this.#problems];
  }

  /**
   * What `read` makes of the first variable that has a usable value; null when none has. An empty value counts as none, as
   * the specification says.
   */
  first<Value>(names: readonly string[], read: (text: string, name: string) => Value): Value | null {
    for (const name of names) {
      const text = (this.#env[name] ?? '').trim();
      if (text === '') continue;
      try {
        return read(text, name);
      } catch (error) {
        if (!(error instanceof Unusable)) throw error;
        this.report(`${name} is ignored: ${error.message}`);
      }
    }
    return null;
  }

  /** Each problem once: both signals may read the same variable. */
  report(problem: string): void {
    this.#problems.add(problem);
  }
}

/** In any case, as the specification wants it for booleans and for names. */
export function oneOf<const Value extends string>(...values: readonly Value[]): (text: string) => Value {
  return (text) => {
    const value = values.find((candidate) => candidate === text.toLowerCase());
    if (value === undefined)
      throw new Unusable(`it must be ${values.join(' or ')}, not ${JSON.stringify(text)}`);
    return value;
  };
}

export function boolean(text: string): boolean {
  return oneOf('true', 'false')(text) === 'true';
}

/** Node takes a longer timer for one of 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

export function milliseconds(text: string): number {
  const ms = Number(text);
  if (!(Number.isInteger(ms) && ms > 0 && ms <= longestTimerMs))
    throw new Unusable(`it must be a number of milliseconds above 0, not ${JSON.stringify(text)}`);
  return ms;
}
