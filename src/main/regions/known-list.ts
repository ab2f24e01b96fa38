// The complete list that a project gave last, page by page, and which of its servers changed since.

import type { Observation } from '../../shared/observation.ts';
import type { KnownPage, ListedPage } from '../../shared/server-health.ts';

/** A server of a list; what is known of it stands when no observation was reported. */
export interface ListedServer {
  readonly id: string;
  readonly reported: Observation | null;
}

interface IdentifiedPage extends KnownPage {
  /** Provider ids of its servers. */
  readonly ids: readonly string[];
}

export class KnownList {
  #pages: readonly IdentifiedPage[] = [];
  readonly #changed = new Set<string>();

  /** What comes again with a digest that it has here would change nothing. */
  get pages(): readonly KnownPage[] {
    const isChanged = (id: string): boolean => this.#changed.has(id);
    return this.#pages.map(({ ids, ...page }) => {
      if (this.#changed.size === 0 || !ids.some(isChanged)) return page;
      const serverDigests = page.serverDigests.map((digest, index) =>
        isChanged(ids[index] ?? '') ? 0 : digest,
      );
      return { ...page, digest: null, serverDigests };
    });
  }

  /** A list of changes named the server; null for one that it did not identify. */
  noteChanged(id: string | null): void {
    if (id === null) this.#pages = [];
    else this.#changed.add(id);
  }

  /** True for a list that is this one, of which nothing has changed since. */
  isAgain(pages: readonly ListedPage[]): boolean {
    return pages.length > 0 && pages.every(({ unchanged }) => unchanged) && this.#changed.size === 0;
  }

  /** The servers of a list that was asked for with these pages, page by page; a list without pages is one. */
  read(
    pages: readonly ListedPage[],
    observations: readonly Observation[],
  ): readonly (readonly ListedServer[])[] {
    if (pages.length === 0)
      return [observations.map((observation) => ({ id: observation.providerId, reported: observation }))];
    const known = this.#pages.flatMap(({ ids }) => ids);
    const reported = observations.values();
    return pages.map(({ unchanged, places }, index) =>
      unchanged
        ? (this.#pages[index]?.ids ?? []).map(asItWas)
        : places.map((place) => {
            const observation = place === null ? reported.next().value : undefined;
            return observation === undefined
              ? asItWas(known[place ?? -1] ?? '')
              : { id: observation.providerId, reported: observation };
          }),
    );
  }

  /** `servers` are what `read` made of the pages. */
  replace(pages: readonly ListedPage[], servers: readonly (readonly ListedServer[])[]): void {
    const before = this.#pages;
    this.#pages = pages.map(({ digest, next, records, serverDigests, unchanged }, index) => {
      const known = unchanged ? before[index] : undefined;
      const ids = (servers[index] ?? []).map(({ id }) => id);
      return known ?? { digest, next, records, serverDigests, ids };
    });
    this.#changed.clear();
  }
}

function asItWas(id: string): ListedServer {
  return { id, reported: null };
}
