// What an answer of an unusual size leaves behind: V8 would let the garbage of many of them grow to hundreds of MiB.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as v from 'valibot';

/** Returns what collects all garbage of this thread at once. The flag is one for all threads, so it stays set. */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = v.parse(v.function(), runInNewContext('gc'));
  return () => void collect();
}
