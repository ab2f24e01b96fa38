// One request to each service of a region: is it there, and how quick is it?

import { isAnswer, toCheckError } from '../../shared/errors.ts';
import type { RegionService, ServiceAnswer } from '../../shared/region-health.ts';
import type { CatalogService, Session } from '../../shared/session.ts';
import { endpointUrl, serviceUrl } from '../openstack/catalog.ts';
import type { LoginTools } from '../openstack/login.ts';
import { versionDocuments } from './version-document.ts';

/** No region of ours is without it. */
const required: CatalogService = 'compute';

export interface AskedService {
  readonly answer: ServiceAnswer;
  /** What answered, to be asked first next time; null when nothing did. */
  readonly document: string | null;
}

export interface ServiceQuestion {
  readonly service: CatalogService;
  readonly session: Session;
  /** What answered last time. */
  readonly known: string | undefined;
}

/** Never rejects. */
export async function askIdentity(tools: LoginTools, url: string): Promise<ServiceAnswer> {
  const { answer } = await measured(tools, 'identity', async () => {
    await send(tools, { service: 'identity', url, token: null });
    return url;
  });
  return answer;
}

/** Null for a service that the region does not have. Never rejects. */
export async function askService(
  tools: LoginTools,
  { service, session: { endpoints, token }, known }: ServiceQuestion,
): Promise<AskedService | null> {
  const endpoint = endpoints[service];
  if (service !== required && (endpoint === undefined || !('url' in endpoint))) return null;
  return measured(tools, service, async () => {
    const catalogUrl = endpointUrl(endpoints, service, tools.target.catalogRegion);
    const documents = versionDocuments(serviceUrl(catalogUrl, service));
    const [first = catalogUrl, ...others] =
      known !== undefined && documents.includes(known) ? [known] : documents;
    return sendFirst(tools, { service, token, url: first }, others);
  });
}

interface VersionQuery {
  readonly service: RegionService;
  readonly url: string;
  readonly token: string | null;
}

/** The URL that answered. Where there is nothing, the next is tried. */
async function sendFirst(
  tools: LoginTools,
  query: VersionQuery,
  [next, ...others]: readonly string[],
): Promise<string> {
  try {
    await send(tools, query);
    return query.url;
  } catch (thrown) {
    if (next === undefined || toCheckError(thrown).code !== 'not-found') throw thrown;
    return sendFirst(tools, { ...query, url: next }, others);
  }
}

async function send({ client }: LoginTools, { service, url, token }: VersionQuery): Promise<void> {
  try {
    await client.send({
      method: 'GET',
      url,
      route: service === 'identity' ? 'GET /v3' : `GET / (${service} versions)`,
      headers: token === null ? {} : { 'x-auth-token': token },
      // 300 is how a root lists its versions.
      accept: [200, 203, 300],
    });
  } catch (thrown) {
    // Who says no, or not now, is there.
    const { code } = toCheckError(thrown);
    if (!isAnswer(code) && code !== 'rate-limited') throw thrown;
  }
}

async function measured(
  { clock }: LoginTools,
  service: RegionService,
  ask: () => Promise<string>,
): Promise<AskedService> {
  const startMs = clock.monotonicMs();
  const seconds = () => (clock.monotonicMs() - startMs) / 1000;
  try {
    const document = await ask();
    return { answer: { service, seconds: seconds(), error: null }, document };
  } catch (thrown) {
    const error = toCheckError(thrown);
    return {
      answer: { service, seconds: error.code === 'no-endpoint' ? null : seconds(), error },
      document: null,
    };
  }
}
