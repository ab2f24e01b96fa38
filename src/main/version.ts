// Which monitor this is: for --version, the first log line and the telemetry's resource.

import { readFileSync } from 'node:fs';
import * as v from 'valibot';

export interface Version {
  readonly version: string;
  /** The commit that was built; "" where nothing was built, that is in a checkout. */
  readonly revision: string;
}

const schema = v.object({ version: v.string(), revision: v.optional(v.string(), '') });

/** What the build stamped in the folder above (next to cli/ and main/), or else what package.json says. */
export function readVersion(): Version {
  const stamped = readIfThere(new URL('../version.json', import.meta.url));
  const text = stamped ?? readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return v.parse(schema, JSON.parse(text));
}

function readIfThere(url: URL): string | undefined {
  try {
    return readFileSync(url, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
