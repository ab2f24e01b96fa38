// What the sandbox and the processes of its replicas say to each other.

import type { Fields } from '../../main/log/logger.ts';
import type { Options } from '../../main/options/options.ts';
import type { Version } from '../../main/version.ts';

/** The first and only message to a replica. */
export interface Start {
  readonly kind: 'start';
  readonly options: Options;
  readonly version: Version;
  /** Lines of the log are sent, not written. */
  readonly story: boolean;
}

export interface Listening {
  readonly kind: 'listening';
  readonly url: string;
}

export interface Line {
  readonly kind: 'line';
  readonly level: 'info' | 'error';
  readonly msg: string;
  readonly error: string;
  readonly fields: Fields;
}

export function isStart(message: unknown): message is Start {
  return kindOf(message) === 'start';
}

export function isListening(message: unknown): message is Listening {
  return kindOf(message) === 'listening';
}

export function isLine(message: unknown): message is Line {
  return kindOf(message) === 'line';
}

function kindOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'kind' in message ? message.kind : undefined;
}
