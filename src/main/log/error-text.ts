// What to print of anything that was thrown.

import { messageOf } from '../../shared/errors.ts';

/** Causes followed at most, so that a chain that loops ends. */
const maxDepth = 5;

/** One line that says what happened, with the causes: undici and node put the reason of a failed request there. */
export function errorText(error: unknown): string {
  const texts: string[] = [];
  let current = error;
  for (let depth = 0; depth < maxDepth && current !== undefined && current !== null; depth += 1) {
    const text = ownText(current);
    // A wrapper often repeats its cause.
    if (text !== '' && !texts.some((known) => known.includes(text))) texts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return texts.length === 0 ? 'unknown error' : texts.join(': ');
}

function ownText(error: unknown): string {
  // A connection that failed on every address of a name has an empty message and the reasons in `errors`.
  if (error instanceof AggregateError && error.message === '')
    return error.errors.slice(0, maxDepth).map(ownText).join('; ');
  if (error instanceof Error) return messageOf(error) || error.name;
  if (typeof error === 'string') return error;
  if (typeof error === 'object' && error !== null) {
    if ('message' in error && typeof error.message === 'string') return error.message;
    return 'unknown error';
  }
  return String(error);
}
