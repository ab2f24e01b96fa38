// Which compute API a cloud offers: where its v2.1 is, and up to which microversion.

import { CheckFailure } from '../../shared/errors.ts';
import type { ComputeService } from '../../shared/session.ts';
import { serviceUrl } from './catalog.ts';
import type { OpenstackClient } from './client.ts';
import { type NovaVersion, readVersions } from './schema.ts';

/** The microversion whose fields we read. From 2.69 on, servers in cells that are down are listed. */
const wantedMicroversion = '2.90';

/** What a job learns of compute services is shared by its projects. */
export class ComputeDiscovery {
  readonly #client: OpenstackClient;
  /** By the root that the catalog names. */
  readonly #services = new SharedAnswers<ComputeService>();
  /** What a service offered when it refused the wanted microversion, by its URL. */
  readonly #offers = new SharedAnswers<string | null>();

  constructor(client: OpenstackClient) {
    this.#client = client;
  }

  /** The service behind a catalog's URL, which may or may not name a version. */
  async service(catalogUrl: string, token: string): Promise<ComputeService> {
    const url = serviceUrl(catalogUrl, 'compute');
    const computeUrl = withoutSlash(url.origin + url.pathname);
    if (/\/v2\.1(?:\/|$)/.test(url.pathname)) {
      return { url: computeUrl, microversion: await this.#offers.known(computeUrl, wantedMicroversion) };
    }
    // The API before microversions: it ignores the header.
    if (/\/v2(?:\.0)?(?:\/|$)/.test(url.pathname)) return { url: computeUrl, microversion: null };
    return this.#services.get(computeUrl, async () => this.#discover(url, token));
  }

  /** The microversion to use with a service that refused the one we asked for. */
  async offered(computeUrl: string, token: string): Promise<string | null> {
    return this.#offers.get(computeUrl, async () => this.#askOffer(computeUrl, token));
  }

  /** What a service says of its API v2.1. */
  async version(computeUrl: string, token: string): Promise<NovaVersion> {
    // A URL that ends in a project id has no version document of its own.
    const root = computeUrl.replace(/(\/v2\.1)\/.*$/, '$1');
    return this.#version(`${root}/`, token);
  }

  async #discover(root: URL, token: string): Promise<ComputeService> {
    const version = await this.#version(`${withoutSlash(root.origin + root.pathname)}/`, token);
    const href = version.links?.find((link) => link.rel === 'self')?.href;
    return { url: versionUrl(root, href), microversion: usable(version) };
  }

  async #askOffer(computeUrl: string, token: string): Promise<string | null> {
    return usable(await this.version(computeUrl, token));
  }

  async #version(url: string, token: string): Promise<NovaVersion> {
    const route = 'GET / (compute versions)';
    const headers = { 'x-auth-token': token };
    // 300 is how a root lists its versions.
    const reply = await this.#client.send({ method: 'GET', url, route, headers, accept: [200, 300] });
    const version = readVersions(reply.json).find((entry) => entry.id === 'v2.1');
    if (version !== undefined) return version;
    throw new CheckFailure({
      code: 'no-endpoint',
      message: `the compute service at ${url} offers no API v2.1`,
    });
  }
}

/** Answers that several projects want: asked for once, and again only after a failure. */
class SharedAnswers<Answer> {
  readonly #answers = new Map<string, Promise<Answer>>();

  async get(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const asked = ask();
    this.#answers.set(key, asked);
    try {
      return await asked;
    } catch (thrown) {
      this.#answers.delete(key);
      throw thrown;
    }
  }

  async known(key: string, fallback: Answer): Promise<Answer> {
    return this.#answers.get(key) ?? fallback;
  }
}

/**
 * The path of the version's own link on the host of the catalog: behind a proxy, services know neither their scheme
 * nor their host, and some not even their path.
 */
function versionUrl(root: URL, href: string | undefined): string {
  const base = withoutSlash(root.pathname);
  const link = href === undefined ? null : URL.parse(href, root.href);
  const path = link === null ? '' : withoutSlash(link.pathname);
  return root.origin + (path.startsWith(`${base}/`) ? path : `${base}/v2.1`);
}

/** The lower of what we want and what is offered; null where there are no microversions. */
function usable(version: NovaVersion): string | null {
  const offered = minor(version.version ?? '');
  if (offered === null) return null;
  return offered < (minor(wantedMicroversion) ?? 0) ? `2.${offered}` : wantedMicroversion;
}

function minor(microversion: string): number | null {
  const match = /^2\.(\d+)$/.exec(microversion);
  return match === null ? null : Number(match[1]);
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '');
}
