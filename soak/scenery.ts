// What invariants are held against.

import type { Everyday } from './everyday.ts';
import type { MonitorView } from './monitor-view.ts';
import type { Residue } from './residue.ts';
import type { Stage } from './stage.ts';
import type { Past } from './storm.ts';
import type { Watcher } from './watcher.ts';

export interface Scenery {
  readonly stage: Stage;
  readonly everyday: Everyday;
  readonly watcher: Watcher;
  /** All faults that there were. */
  readonly past: readonly Past[];
  readonly residue: Residue;
  readonly view: MonitorView;
}

export interface Invariant {
  readonly name: string;
  /** What is wrong, in a line each; nothing when it holds. */
  readonly breaches: (scenery: Scenery) => readonly string[];
}
