// What worker threads say unasked.

import * as v from 'valibot';
import type { Started, Warned } from '../../shared/worker-protocol.ts';

const messageSchema = v.union([
  v.object({ ticket: v.number(), slot: v.number(), startedMs: v.number() }),
  v.object({ warning: v.string() }),
]);

/** Null for anything else: a check may have a channel of its own. */
export function readMessage(message: unknown): Started | Warned | null {
  const parsed = v.safeParse(messageSchema, message);
  return parsed.success ? parsed.output : null;
}
