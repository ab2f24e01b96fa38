// The examination of the way to Kubernetes: configuration, API server, definitions, and every right in required-rights.ts.

import { AccessError } from '../main/kubernetes/access/access-error.ts';
import type { ClusterAccess } from '../main/kubernetes/access/cluster-access.ts';
import { loadClusterAccess } from '../main/kubernetes/access/config.ts';
import { KubernetesClient } from '../main/kubernetes/client.ts';
import { ApiError } from '../main/kubernetes/errors.ts';
import { asFields, isFields, text } from '../main/kubernetes/objects/object-fields.ts';
import { detectProfile } from '../main/kubernetes/objects/profile.ts';
import type { RegionRecord } from '../main/kubernetes/objects/resource-records.ts';
import { type RequiredRight, rightsFor, rightText, type Verb } from '../main/kubernetes/required-rights.ts';
import type { Options } from '../main/options/options.ts';
import type { Clock } from '../shared/clock.ts';
import { apiGroup, apiVersion } from '../shared/labels.ts';
import type { Network } from '../shared/network/network.ts';
import { DoctorObjects, type UnreadableObject } from './objects.ts';
import { readHolders } from './shards.ts';
import { type Examination, type Found, StepFailure } from './steps.ts';

export interface KubernetesExamination {
  readonly options: Options;
  readonly requestTimeoutMs: number;
  readonly userAgent: string;
  readonly network: Network;
  readonly clock: Pick<Clock, 'now'>;
  readonly resources: AsyncDisposableStack;
}

export interface Cluster {
  readonly client: KubernetesClient;
  readonly objects: DoctorObjects;
}

const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const selfReviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

/** What the regions' examinations need; null when the API server or the Regions cannot be read. */
export async function examineKubernetes(
  exam: Examination,
  context: KubernetesExamination,
): Promise<Cluster | null> {
  const { options, resources, requestTimeoutMs, userAgent, network, clock } = context;
  const { namespace, shards } = options;
  const rights = rightsFor(options);
  const watched = rights.filter(({ scope }) => scope === 'watched');
  const ofLeases = rights.filter(({ scope }) => scope === 'leases');
  const ofSecrets = rights.filter(({ scope }) => scope === 'secrets');
  const { problems } = network;
  if (problems.length > 0)
    await exam.step('environment', () => ({
      value: true,
      detail: 'variables that name proxies or authorities cannot be used',
      warning: problems.join('; '),
    }));
  try {
    const access = await exam.step('configuration', async (signal) => configuration(options, signal));
    if (access === undefined) return null;
    const client = resources.adopt(
      new KubernetesClient(access, { requestTimeoutMs, userAgent, network }),
      async (opened) => opened.close(),
    );
    const account = await exam.step('API server', async (signal) => greet(client, signal));
    if (account === undefined) return null;
    await exam.step('definitions', async (signal) => served(client, signal));
    await exam.step('profile', async (signal) => profile(client, signal));
    for (const right of watched) {
      const places = [{ namespace, name: '' }];
      await exam.step(rightName(right), async (signal) => mayDo(client, { right, places, account }, signal));
    }
    const leaseNamespace = leaseNamespaceOf(options, access.defaultNamespace);
    for (const right of ofLeases)
      await exam.step(rightName(right), async (signal) => {
        const places = [{ namespace: leaseNamespace, name: '' }];
        return mayDo(client, { right, places, account }, signal);
      });
    if (shards !== null)
      await exam.step('shards', async (signal) => {
        const question = { namespace: leaseNamespace, count: shards.count, nowMs: clock.now() };
        return readHolders(client, question, signal);
      });
    const objects = new DoctorObjects(client, namespace);
    const found = await exam.step('Regions', async (signal) => readRegions(objects, namespace, signal));
    if (found === undefined) return null;
    for (const { object, error } of found.unreadable)
      await exam.step(`Region ${object}`, () => {
        throw new StepFailure(`it cannot be read: ${error}`, 'correct the field that is named');
      });
    const places = secretsOf(found.regions);
    for (const right of ofSecrets)
      if (places.length > 0)
        await exam.step(rightName(right), async (signal) =>
          mayDo(client, { right, places, account }, signal),
        );
    return { client, objects };
  } finally {
    exam.skipRest([
      'API server',
      'definitions',
      'profile',
      ...[...watched, ...ofLeases].map(rightName),
      ...(shards === null ? [] : ['shards']),
      'Regions',
    ]);
  }
}

/** As the monitor finds it. */
function leaseNamespaceOf({ shards, namespace }: Options, ofProcess: string | null): string {
  return shards?.leaseNamespace || ofProcess || namespace;
}

function rightName({ resource, use }: RequiredRight): string {
  return use === 'reading' ? `read ${resource}` : `write ${resource}`;
}

async function configuration(options: Options, signal: AbortSignal): Promise<Found<ClusterAccess>> {
  try {
    const value = await loadClusterAccess({
      kubeconfig: options.kubeconfig,
      context: options.context,
      signal,
    });
    const where = options.namespace === '' ? 'all namespaces' : `namespace ${options.namespace}`;
    const detail = `${value.server}, ${where}`;
    if (!value.skipTlsVerify || value.server.startsWith('http:')) return { value, detail };
    return {
      value,
      detail,
      warning:
        'the certificate of the API server is not verified (insecure-skip-tls-verify): give its authority instead',
    };
  } catch (error) {
    throw error instanceof AccessError ? new StepFailure(error.flaw, error.remedy) : error;
  }
}

/** Who we are, "" when the API server cannot tell. */
async function greet(
  client: KubernetesClient,
  signal: AbortSignal,
): Promise<Found<{ readonly name: string }>> {
  const version = text(
    asFields(await client.get('/version', { signal }), 'version'),
    'gitVersion',
    'version',
  );
  const name = await accountName(client, signal);
  return { value: { name }, detail: `Kubernetes ${version}${name === '' ? '' : `, as ${name}`}` };
}

async function accountName(client: KubernetesClient, signal: AbortSignal): Promise<string> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  try {
    const answer = asFields(await client.post(selfReviews, review, { signal }), 'review');
    const info = asFields(asFields(answer['status'], 'status')['userInfo'], 'status.userInfo');
    return text(info, 'username', 'status.userInfo');
  } catch (error) {
    // Not available before Kubernetes 1.28. The name is optional.
    if (error instanceof ApiError && error.status !== 401) return '';
    throw error;
  }
}

const wantedResources = [
  'regions',
  'servers',
  'servers/status',
  'identities',
  'openstackidentities',
] as const;
const installThem = "install the region service's custom resource definitions";

async function served(client: KubernetesClient, signal: AbortSignal): Promise<Found<true>> {
  const group = `${apiGroup}/${apiVersion}`;
  const names = await servedNames(client, signal);
  if (names === null) throw new StepFailure(`the API server does not serve ${group}`, installThem);
  const missing = wantedResources.filter((name) => !names.has(name));
  if (missing.length > 0)
    throw new StepFailure(`the API server serves ${group} without ${missing.join(', ')}`, installThem);
  return { value: true, detail: `${group}: ${wantedResources.join(', ')}` };
}

async function servedNames(
  client: KubernetesClient,
  signal: AbortSignal,
): Promise<ReadonlySet<unknown> | null> {
  try {
    const list = asFields(await client.get(`/apis/${apiGroup}/${apiVersion}`, { signal }), 'discovery');
    const resources = list['resources'];
    return new Set(
      Array.isArray(resources) ? resources.map((entry) => (isFields(entry) ? entry['name'] : '')) : [],
    );
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function profile(client: KubernetesClient, signal: AbortSignal): Promise<Found<string>> {
  const value = await detectProfile(client, signal);
  return { value, detail: `definitions as of region service ${value}` };
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

interface Question {
  readonly right: RequiredRight;
  readonly places: readonly Place[];
  readonly account: { readonly name: string };
}

/** Asks the API server itself, verb by verb, so that whatever grants the right counts. */
async function mayDo(
  client: KubernetesClient,
  { right, places, account }: Question,
  signal: AbortSignal,
): Promise<Found<true>> {
  const questions = places.flatMap((place) => right.verbs.map((verb) => ({ place, verb })));
  const answers = await Promise.all(
    questions.map(async (question) => ({ ...question, allowed: await ask(client, right, question, signal) })),
  );
  const refused = answers.filter(({ allowed }) => !allowed);
  if (refused.length === 0)
    return { value: true, detail: `${right.verbs.join(', ')} in ${placesText(places)}` };
  const verbs = right.verbs.filter((verb) => refused.some((answer) => answer.verb === verb));
  const missing = rightText({ ...right, verbs });
  throw new StepFailure(
    `may not ${missing} in ${placesText(refused.map(({ place }) => place))}: needed ${right.purpose}`,
    `grant it to ${account.name === '' ? 'the account of the monitor' : account.name}, as deploy/rbac.yaml does: ` +
      `apiGroups [${JSON.stringify(right.group)}], resources [${right.resource}], verbs [${verbs.join(', ')}]` +
      (right.scope === 'watched' && places.some(({ namespace }) => namespace === '')
        ? ', in a ClusterRole; or give the --namespace that it is granted in'
        : ''),
  );
}

function placesText(places: readonly Place[]): string {
  const texts = places.map(({ namespace }) =>
    namespace === '' ? 'all namespaces' : `namespace ${namespace}`,
  );
  return [...new Set(texts)].join(', ');
}

async function ask(
  client: KubernetesClient,
  { group, resource }: RequiredRight,
  { place, verb }: { place: Place; verb: Verb },
  signal: AbortSignal,
): Promise<boolean> {
  const [plural = '', subresource = ''] = resource.split('/');
  const { namespace, name } = place;
  const resourceAttributes = { group, resource: plural, subresource, verb, namespace, name };
  const answer = await client.post(
    reviews,
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    },
    { signal },
  );
  return asFields(asFields(answer, 'review')['status'], 'review.status')['allowed'] === true;
}

interface FoundRegions {
  readonly regions: readonly RegionRecord[];
  readonly unreadable: readonly UnreadableObject[];
}

async function readRegions(
  objects: DoctorObjects,
  namespace: string,
  signal: AbortSignal,
): Promise<Found<FoundRegions>> {
  const unreadable = await objects.readRegions(signal);
  const regions = [...objects.regions.values()];
  const value = { regions, unreadable };
  const count = regions.length + unreadable.length;
  if (count > 0) return { value, detail: count === 1 ? '1 Region' : `${count} Regions` };
  const where = namespace === '' ? '' : ` in namespace ${namespace}: is that the right --namespace`;
  return { value, detail: 'no Region', warning: `there is nothing to watch${where}?` };
}

/** Each Secret that a Region names, once. */
function secretsOf(regions: readonly RegionRecord[]): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { openstack } of regions)
    if (openstack !== null) {
      const { namespace, name } = openstack.serviceAccountSecret;
      places.set(`${namespace}/${name}`, { namespace, name });
    }
  return [...places.values()];
}
