// How answers go out: whole, in pieces as fast as the client takes them, or broken off on order.

import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';

/** Resolves when the response takes more; false when its client is gone. */
async function drained(response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return false;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
  return !response.destroyed;
}

/** Sends an answer; `truncated` breaks its body off in the middle. */
export async function send(
  response: ServerResponse,
  answer: Exclude<Answer, { kind: 'watch' }>,
  truncated: boolean,
): Promise<void> {
  if (response.destroyed) return;
  response.setHeader('cache-control', 'no-cache, private');
  if (answer.kind === 'text') {
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    const bytes = Buffer.from(answer.text);
    response.writeHead(answer.status, {
      'content-type': answer.contentType,
      'content-length': bytes.length,
    });
    if (truncated) cut(response, bytes.subarray(0, bytes.length >> 1));
    else response.end(bytes);
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  for (const chunk of answer.chunks) {
    if (truncated) {
      cut(response, Buffer.from(chunk.slice(0, chunk.length >> 1)));
      return;
    }
    if (!response.write(chunk) && !(await drained(response))) return;
  }
  response.end();
}

/** Sends a part of a body, then closes the connection under it. */
function cut(response: ServerResponse, part: Buffer): void {
  response.write(part, () => response.socket?.destroy());
}
