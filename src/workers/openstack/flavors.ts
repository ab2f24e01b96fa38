// The flavors that a region offers to everybody.

import type { Flavor } from '../../shared/server-health.ts';
import { readPages } from './pages.ts';
import { type NovaFlavor, readFlavorPage } from './schema.ts';
import type { ComputeSession } from './session.ts';

/** Sorted by name. */
export async function listFlavors(session: ComputeSession): Promise<readonly Flavor[]> {
  const flavors: NovaFlavor[] = [];
  await readPages(session, { path: '/flavors/detail', query: '' }, () => {
    flavors.length = 0;
    return (json) => {
      const page = readFlavorPage(json);
      for (const flavor of page.flavors) flavors.push(flavor);
      return { ids: page.flavors.map(({ id }) => id), next: page.next };
    };
  });
  return flavors
    .filter((flavor) => flavor['os-flavor-access:is_public'] !== false)
    .map(({ id, name }) => ({ id, name }))
    .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}
