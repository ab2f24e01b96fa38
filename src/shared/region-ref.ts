// Names a Region object. The name alone is not enough: two namespaces may each hold a Region of one name.

export interface RegionRef {
  readonly namespace: string;
  readonly name: string;
}

/** For maps and logs. No name of a Kubernetes object holds a slash. */
export function regionKey({ namespace, name }: RegionRef): string {
  return `${namespace}/${name}`;
}

/** The name in a key. */
export function regionName(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}
