// Answers that come compressed. We do not ask for it, as clouds answer from close by; some proxies do it all the same.

import { pipeline, type Readable, type Transform } from 'node:stream';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';

export type ContentEncoding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** Of the header; null where the body is as it is, or in a way that we do not know. */
export function contentEncoding(header: string | string[] | undefined): ContentEncoding | null {
  const name = [header ?? []].flat().join(',').trim().toLowerCase();
  if (name === 'x-gzip') return 'gzip';
  return name === 'gzip' || name === 'deflate' || name === 'br' || name === 'zstd' ? name : null;
}

/** A body that comes little by little, as it is read. */
export function decompressed(body: Readable, encoding: ContentEncoding | null): Readable {
  if (encoding === null) return body;
  const plain = decoder(encoding, Buffer.from([8]));
  pipeline(body, plain, () => {});
  return plain;
}

/** For a body that begins with these bytes. Fails with zlib's error when it is damaged, or ends too early. */
export function decoder(encoding: ContentEncoding, beginning: Buffer): Transform {
  const options = { chunkSize: 65_536 };
  if (encoding === 'gzip') return createGunzip(options);
  if (encoding === 'br') return createBrotliDecompress(options);
  if (encoding === 'zstd') return createZstdDecompress(options);
  // "deflate" means zlib's format, but some servers send the bare one.
  return isZlib(beginning) ? createInflate(options) : createInflateRaw(options);
}

function isZlib([method = 0]: Buffer): boolean {
  return (method & 0x0f) === 8;
}
