// The real Keystone and Nova of the OpenStack lab, when it runs: from the environment, or from the lab beside the
// repository. It is read, never changed, and never started from here.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface LabUser {
  readonly userId: string;
  readonly password: string;
  readonly projectId: string;
}

export interface Lab {
  /** Without /v3. */
  readonly keystone: string;
  readonly domainId: string;
  readonly alice: LabUser;
  readonly bob: LabUser;
}

const script = fileURLToPath(new URL('../../../../shared/openstack-lab/up', import.meta.url));
/** Where the lab listens when it runs. */
const labKeystone = 'http://127.0.0.1:5000/v3';

/** Whether there is anything to ask for a lab. */
export function labIsNamed(): boolean {
  return process.env['OS_AUTH_URL'] !== undefined || existsSync(script);
}

/** Null when the lab does not answer. */
export async function findLab(): Promise<Lab | null> {
  const variables = process.env['OS_AUTH_URL'] === undefined ? await askLab() : process.env;
  const read = (name: string): string => {
    const value = variables[name];
    if (value === undefined) throw new Error(`the OpenStack lab is there, but ${name} is not set`);
    return value;
  };
  if (variables['OS_AUTH_URL'] === undefined || !(await answers(variables['OS_AUTH_URL']))) return null;
  return {
    keystone: variables['OS_AUTH_URL'].replace(/\/v3\/?$/, ''),
    domainId: read('LAB_DOMAIN_ID'),
    alice: {
      userId: read('OS_USER_ID'),
      password: read('OS_PASSWORD'),
      projectId: read('OS_PROJECT_ID'),
    },
    bob: {
      userId: read('LAB_BOB_USER_ID'),
      password: read('LAB_BOB_PASSWORD'),
      projectId: read('LAB_BETA_PROJECT_ID'),
    },
  };
}

/** What the lab's own script exports. It would start a lab that is down, so it is asked only when the lab answers. */
async function askLab(): Promise<Record<string, string | undefined>> {
  if (!(await answers(labKeystone))) return {};
  try {
    const { stdout } = await promisify(execFile)(script, { timeout: 60_000 });
    const variables: Record<string, string | undefined> = {};
    for (const [, name = '', value] of stdout.matchAll(/^export (\w+)='([^']*)'$/gm)) variables[name] = value;
    return variables;
  } catch {
    return {};
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    await response.text();
    return response.ok;
  } catch {
    return false;
  }
}
