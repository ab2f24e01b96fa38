// The parts of a server's record that are read by hand, as few servers need them: MAC addresses and the image.

/** How the platform names a network of its own in the cloud: what follows is the network's id. */
const networkPrefix = 'network-';
const macKey = 'OS-EXT-IPS-MAC:mac_addr';
const maxMacLength = 64;
const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The first MAC address in each of the platform's networks, by the network's id; null when there is none. */
export function macAddresses(addresses: unknown): Readonly<Record<string, string>> | null {
  if (!isRecord(addresses)) return null;
  const found: Record<string, string> = {};
  for (const name of Object.keys(addresses)) {
    if (!name.startsWith(networkPrefix)) continue;
    const mac = firstMac(addresses[name]);
    if (mac !== null) found[name.slice(networkPrefix.length)] = mac;
  }
  return Object.keys(found).length === 0 ? null : found;
}

function firstMac(entries: unknown): string | null {
  if (!Array.isArray(entries)) return null;
  for (const entry of entries) {
    const mac: unknown = isRecord(entry) ? entry[macKey] : undefined;
    if (typeof mac === 'string' && mac !== '' && mac.length <= maxMacLength) return mac;
  }
  return null;
}

/** The image's id; null for a server without one (booted from a volume: Nova writes ""), or when it is not a UUID. */
export function imageId(image: unknown): string | null {
  const id = isRecord(image) ? image['id'] : undefined;
  return typeof id === 'string' && uuid.test(id) ? id.toLowerCase() : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
