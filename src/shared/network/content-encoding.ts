// Answers that come compressed. We do not ask for it, as clouds answer from close by; some proxies do it all the same.

import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';

const decoders = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
} as const;

const rawInflate = promisify(inflateRaw);

export type ContentEncoding = keyof typeof decoders;

/** Of the header; null where the body is as it is, or in a way that we do not know. */
export function contentEncoding(header: string | undefined): ContentEncoding | null {
  const name = header?.trim().toLowerCase() ?? '';
  if (name === 'x-gzip') return 'gzip';
  return name === 'gzip' || name === 'deflate' || name === 'br' || name === 'zstd' ? name : null;
}

/** Null when it has more than `maxBytes`. Rejects with zlib's error when it is damaged. */
export async function decompress(
  body: Buffer,
  encoding: ContentEncoding,
  maxBytes: number,
): Promise<Buffer | null> {
  const limits = { maxOutputLength: maxBytes };
  try {
    return await decoders[encoding](body, limits);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ERR_BUFFER_TOO_LARGE') return null;
    // "deflate" means zlib's format, but some servers send the bare one.
    if (encoding === 'deflate' && code === 'Z_DATA_ERROR') return rawDecompress(body, maxBytes);
    throw error;
  }
}

async function rawDecompress(body: Buffer, maxBytes: number): Promise<Buffer | null> {
  try {
    return await rawInflate(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw error;
  }
}
