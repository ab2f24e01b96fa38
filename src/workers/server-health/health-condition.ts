// Nova's server status to the Healthy condition: rules of the v1.16 profile.

import type { Health } from '../../shared/conditions.ts';

/** Longest message that we write into a condition, in UTF-16 units. */
const maxMessageLength = 512;

// One object each: structured clone sends an object once, however many observations refer to it.
const healthy: Health = { status: 'True', reason: 'Healthy', message: 'server is healthy' };
const unknown: Health = {
  status: 'Unknown',
  reason: 'Unknown',
  message: 'unable to determine server status',
};

/** `status` is Nova's, case-sensitive; null when it gave none. `fault` is the text of a server in error, if known. */
export function healthCondition(status: string | null, fault: string | null | undefined): Health {
  switch (status) {
    case 'ACTIVE':
      return healthy;
    case 'ERROR':
      return { status: 'False', reason: 'Errored', message: faultMessage(fault) };
    case null:
    case 'UNKNOWN':
      return unknown;
    default:
      return { status: 'False', reason: 'Degraded', message: cut(`server is in state ${status}`) };
  }
}

function faultMessage(fault: string | null | undefined): string {
  const message = 'server is in an error state';
  // Faults can be whole tracebacks: one line is what a condition can show.
  const text = fault?.replaceAll(/\s+/g, ' ').trim() ?? '';
  return text === '' ? message : cut(`${message}: ${text}`);
}

function cut(text: string): string {
  if (text.length <= maxMessageLength) return text;
  // A lone half of a surrogate pair would be no valid UTF-8 for the API server.
  return `${text.slice(0, maxMessageLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
