// Compute microversions: the two request headers, their grammar, and what Nova answers when it cannot serve one.

import { type Answer, type CloudRequest, header, novaFault } from './answer.ts';

const oldest = 1;
const grammar = /^([1-9]\d*)\.([1-9]\d*|0)$/;

/** The minor number that the request asks for (no header means 2.1), or Nova's refusal. */
export function negotiate(request: CloudRequest, maximum: string): number | Answer {
  const asked = requested(request);
  const newest = minorOf(maximum);
  if (asked === null) return oldest;
  if (asked === 'latest') return newest;
  const match = grammar.exec(asked);
  if (match === null)
    return novaFault(
      400,
      `API Version String ${asked} is of invalid format. Must be of format MajorNum.MinorNum.`,
    );
  const minor = Number(match[2]);
  if (match[1] !== '2' || minor < oldest || minor > newest)
    return novaFault(
      406,
      `Version ${asked} is not supported by the API. Minimum is 2.${oldest} and maximum is ${maximum}.`,
      versionHeaders(asked),
    );
  return minor;
}

export function versionHeaders(version: string): Record<string, string> {
  return {
    'OpenStack-API-Version': `compute ${version}`,
    'X-OpenStack-Nova-API-Version': version,
    Vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
  };
}

export function minorOf(version: string): number {
  const match = grammar.exec(version);
  if (match?.[1] !== '2') throw new TypeError(`not a compute microversion: ${version}`);
  return Number(match[2]);
}

/** As written in the request. The newer header wins; it may name other services too, which are not ours. */
export function requested(request: CloudRequest): string | null {
  for (const part of header(request, 'openstack-api-version')?.split(',') ?? []) {
    const [service, version] = part.trim().split(/\s+/);
    if (service === 'compute' && version !== undefined) return version;
  }
  return header(request, 'x-openstack-nova-api-version');
}
