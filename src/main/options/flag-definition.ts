// What a flag is.

export const flagGroups = ['Monitoring', 'Shards', 'Kubernetes', 'Limits', 'Telemetry', 'Logging'] as const;
/** Heading of the flags that belong to one command alone. */
export const ownGroup = 'Options';

export interface Flag<Value> {
  /** Without the dashes in front. */
  readonly name: string;
  readonly group: (typeof flagGroups)[number] | typeof ownGroup;
  /** What the value is, for --help. A flag of kind "bool" may stand without a value. */
  readonly kind: string;
  readonly parse: (text: string) => Value;
  readonly description: string;
  /** All texts that it takes, if they are few: for completion. */
  readonly values?: readonly string[];
  /** May be given several times: the values are joined by commas. */
  readonly repeatable?: true;
  /** As a user would write it. Absent where the default depends on other flags or on the machine. */
  readonly default?: string;
  /** That dependence, in words. */
  readonly follows?: string;
}

export interface FixedFlag<Value> extends Flag<Value> {
  readonly default: string;
}

export function fixed<Value>(definition: FixedFlag<Value>): FixedFlag<Value> {
  return definition;
}

export function following<Value>(definition: Flag<Value> & { readonly follows: string }): Flag<Value> {
  return definition;
}
