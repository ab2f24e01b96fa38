// The command line: npm run soak -- [options].

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export const help = `npm run soak -- [OPTION …]

Runs the monitor for a while beside simulated clouds and a stand-in for Kubernetes in which random things go wrong, several
at once, while servers change, come and go. Whenever all faults have ended, everything that the monitor shows must be what
is true, and everything that it told must have happened, once.

  --minutes M     how long (10)
  --seed N        which faults, when, where; a random one unless given
  --period MS     poll period of the monitor (1000)
  --replicas N    N replicas in processes of their own on a real API server, with the faults of replicas
  --only NAMES    only faults whose names contain one of these texts, with commas between them
  --log FILE      write the monitor's log there; written in any case when something is wrong
  --list          name all faults, and do nothing
`;

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly periodMs: number;
  /** Null for one monitor beside a stand-in for Kubernetes. */
  readonly replicas: number | null;
  /** Texts of which a fault's name must contain one; empty for all faults. */
  readonly only: readonly string[];
  /** File for the monitor's log; null when it is only wanted if something is wrong. */
  readonly log: string | null;
}

/** What to print instead of a soak, or its options. Throws an error of one line for what cannot be run. */
export function readOptions(args: readonly string[]): SoakOptions | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string' },
      period: { type: 'string' },
      replicas: { type: 'string' },
      only: { type: 'string' },
      log: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.list) return 'list';
  const seed = number('seed', values.seed ?? String(randomInt(1, 1_000_000)), 0);
  if (!Number.isInteger(seed)) throw new Error(`--seed must be an integer, not ${values.seed}`);
  return {
    minutes: number('minutes', values.minutes ?? '10', 0.1),
    seed,
    periodMs: number('period', values.period ?? '1000', 500),
    replicas: values.replicas === undefined ? null : number('replicas', values.replicas, 2),
    only: (values.only ?? '').split(',').filter((text) => text !== ''),
    log: values.log ?? null,
  };
}

function number(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new Error(`--${name} must be a number of at least ${least}, not ${JSON.stringify(text)}`);
}
