// Listening on loopback, also on a port that was given up for a while.

import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const host = '127.0.0.1';

/** Meanwhile another program's connection may have the port; most of them end soon. */
const patienceMs = 15_000;
const tryAgainMs = 200;

/** Resolves to the port: 0 takes any that is free. Another is waited for if it was `ours` before. */
export async function listening(server: Server, port: number, { ours = false } = {}): Promise<number> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      await listenOnce(server, port);
      break;
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!taken || !ours || performance.now() > untilMs) throw error;
      await sleep(tryAgainMs);
    }
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

async function listenOnce(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
