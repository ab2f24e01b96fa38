// Flavors of the sandbox's cloud and how Nova shows them.

import type { Json } from './json.ts';

export interface CloudFlavor {
  readonly id: string;
  readonly name: string;
  readonly public: boolean;
  readonly vcpus: number;
  readonly ramMib: number;
  readonly diskGib: number;
  readonly extraSpecs: Readonly<Record<string, string>>;
}

export interface NewFlavor {
  readonly id: string;
  readonly name: string;
  readonly public?: boolean;
  readonly vcpus?: number;
  readonly ramMib?: number;
  readonly diskGib?: number;
  readonly extraSpecs?: Readonly<Record<string, string>>;
}

export function flavorOf(flavor: NewFlavor): CloudFlavor {
  return { public: true, vcpus: 4, ramMib: 8192, diskGib: 40, extraSpecs: {}, ...flavor };
}

/** As in `GET /flavors/detail` at microversion 2.`minor`. */
export function flavorRecord(flavor: CloudFlavor, minor: number, computeRoot: string): Json {
  return {
    id: flavor.id,
    name: flavor.name,
    ram: flavor.ramMib,
    disk: flavor.diskGib,
    swap: minor >= 75 ? 0 : '',
    'OS-FLV-EXT-DATA:ephemeral': 0,
    'OS-FLV-DISABLED:disabled': false,
    vcpus: flavor.vcpus,
    'os-flavor-access:is_public': flavor.public,
    rxtx_factor: 1,
    links: [
      { rel: 'self', href: `${computeRoot}/v2.1/flavors/${flavor.id}` },
      { rel: 'bookmark', href: `${computeRoot}/flavors/${flavor.id}` },
    ],
    ...(minor >= 55 ? { description: null } : {}),
    ...(minor >= 61 ? { extra_specs: flavor.extraSpecs } : {}),
  };
}

/** As it stands inside a server record. */
export function embeddedFlavor(flavor: CloudFlavor, minor: number, computeRoot: string): Json {
  if (minor < 47)
    return {
      id: flavor.id,
      links: [{ rel: 'bookmark', href: `${computeRoot}/flavors/${flavor.id}` }],
    };
  return {
    vcpus: flavor.vcpus,
    ram: flavor.ramMib,
    disk: flavor.diskGib,
    ephemeral: 0,
    swap: 0,
    original_name: flavor.name,
    extra_specs: flavor.extraSpecs,
  };
}
