// Opens a TCP connection as Go's dialer does: every address of a name is tried within the time that there is. Node's own
// way gives each address 250 ms, and so never reaches a host that is far away and has an address that does not answer.

import { lookup as systemLookup } from 'node:dns';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../deadline.ts';
import { asError } from '../errors.ts';

export interface Endpoint {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface DialOptions {
  readonly signal: AbortSignal;
  /** For the name and for all of its addresses. */
  readonly timeoutMs: number;
  /** The system's unless given. */
  readonly lookup?: LookupFunction | undefined;
}

/** After this time, addresses of the other family are tried beside those of the first (RFC 6555, and Go). */
const otherFamilyAfterMs = 300;
/** The least that an address gets while others wait, as far as there is time. */
const leastAttemptMs = 2_000;

/**
 * Rejects with the signal's reason, or with an error that has a code of the system: the first address's, or ETIMEDOUT
 * when the time is over.
 */
export async function dial({ host, port }: Endpoint, options: DialOptions): Promise<Socket> {
  const { signal, timeoutMs, lookup = systemLookup } = options;
  const deadline = new Deadline(timeoutMs, signal);
  const endMs = performance.now() + timeoutMs;
  let tried: readonly string[] = [];
  try {
    tried = isIP(host) === 0 ? await addressesOf(host, lookup, deadline.signal) : [host];
    return await race(tried, { port, endMs, signal: deadline.signal });
  } catch (error) {
    if (!deadline.expired) throw error;
    const where = tried.length === 0 ? 'its address was not found' : `tried ${tried.join(', ')}`;
    throw timedOut(`no connection to ${host}:${port} within ${timeoutMs} ms (${where})`);
  } finally {
    deadline.release();
  }
}

async function addressesOf(
  host: string,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  lookup(host, { all: true }, (error, found) => {
    if (error !== null) reject(error);
    else resolve(typeof found === 'string' ? [found] : found.map(({ address }) => address));
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

interface Attempt {
  readonly port: number;
  /** On the clock of `performance`. */
  readonly endMs: number;
  readonly signal: AbortSignal;
}

/** The first connection among the addresses of both families. */
async function race(addresses: readonly string[], attempt: Attempt): Promise<Socket> {
  const family = isIP(addresses[0] ?? '');
  const others = addresses.filter((address) => isIP(address) !== family);
  if (others.length === 0) return inTurn(addresses, attempt);
  const over = new AbortController();
  const signal = AbortSignal.any([attempt.signal, over.signal]);
  const first = inTurn(
    addresses.filter((address) => isIP(address) === family),
    { ...attempt, signal },
  );
  const failed = new Promise((resolve) => {
    first.catch(resolve);
  });
  const second = (async () => {
    await Promise.race([failed, sleep(otherFamilyAfterMs, undefined, { signal })]);
    return inTurn(others, { ...attempt, signal });
  })();
  try {
    const winner = await Promise.any([first, second]);
    for (const late of [first, second])
      late.then(
        (socket) => {
          if (socket !== winner) socket.destroy();
        },
        () => {},
      );
    return winner;
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    over.abort(new Error('another address was quicker'));
  }
}

/** One address after another, each with its share of the time that is left. */
async function inTurn(addresses: readonly string[], attempt: Attempt): Promise<Socket> {
  let firstError: Error | undefined;
  for (const [index, address] of addresses.entries()) {
    attempt.signal.throwIfAborted();
    const leftMs = attempt.endMs - performance.now();
    const shareMs = Math.max(leftMs / (addresses.length - index), Math.min(leastAttemptMs, leftMs));
    try {
      return await connectTo(address, attempt, shareMs);
    } catch (error) {
      firstError ??= asError(error);
    }
  }
  attempt.signal.throwIfAborted();
  throw firstError ?? Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' });
}

async function connectTo(address: string, { port, signal }: Attempt, timeoutMs: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host: address, port, noDelay: true });
  const onAbort = (): void => reject(signal.reason);
  const late = (): void =>
    reject(timedOut(`no connection to ${address}:${port} within ${Math.round(timeoutMs)} ms`));
  // After a pause of the whole thread, the connection may be there already, and only be reported after the timer.
  const timer = setTimeout(() => setImmediate(late), Math.max(0, timeoutMs));
  signal.addEventListener('abort', onAbort);
  socket.once('connect', () => resolve(socket));
  // Stays: whoever takes the socket over may not listen yet when it fails.
  socket.on('error', reject);
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}
