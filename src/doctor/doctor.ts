// `region-monitor doctor`: goes once along every way that the monitor takes, and says of each step whether it works, how
// long it took, and what to do where it does not. It changes nothing.

import pLimit from 'p-limit';
import type { RegionRecord } from '../main/kubernetes/objects/resource-records.ts';
import { SecretReader } from '../main/kubernetes/objects/secret-reader.ts';
import type { FlagReader, Options } from '../main/options/options.ts';
import { AccessReader } from '../main/regions/access.ts';
import { namesRegion, unknownRegions } from '../main/regions/selection.ts';
import type { Version } from '../main/version.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { Network } from '../shared/network/network.ts';
import { type Stream, terminalOf } from '../terminal/terminal.ts';
import { Connections } from '../workers/openstack/connections.ts';
import { doctorFlags } from './flags.ts';
import { type Cluster, examineKubernetes } from './kubernetes.ts';
import { regionTitle } from './objects.ts';
import { examineRegion } from './region.ts';
import { Examination, type Section, StepFailure } from './steps.ts';
import { DoctorText } from './text.ts';

export interface DoctorContext {
  readonly signal: AbortSignal;
  readonly version: Version;
  readonly stdout: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const regionsAtOnce = 8;
/** A step that takes longer will not do for the monitor either, and a person waits. */
const longestStepMs = 10_000;

interface DoctorOptions extends Options {
  /** Names or ids; empty for all. */
  readonly regions: readonly string[];
}

/** The exit code: 0 when no step failed. */
export async function doctor(options: Options, context: DoctorContext, flags: FlagReader): Promise<number> {
  const { stdout, env, version } = context;
  const output = flags.value(doctorFlags.output);
  const text = new DoctorText(terminalOf(stdout, env));
  const clock = systemClock;
  const startMs = clock.monotonicMs();
  const sections: Section[] = [];
  const regions = flags.value(doctorFlags.region);
  for await (const section of examine({ ...options, regions }, { ...context, clock })) {
    sections.push(section);
    if (output === 'text') stdout.write(text.section(section));
  }
  const healthy = sections.every(({ steps }) => steps.every(({ status }) => status !== 'failed'));
  if (output === 'text') stdout.write(text.summary(sections, (clock.monotonicMs() - startMs) / 1000));
  else stdout.write(`${JSON.stringify({ healthy, version: version.version, sections }, null, 2)}\n`);
  return healthy && !context.signal.aborted ? 0 : 1;
}

/** The sections in a fixed order, each as soon as it and those before it are done. */
async function* examine(
  options: DoctorOptions,
  context: DoctorContext & { readonly clock: Clock },
): AsyncGenerator<Section, void, undefined> {
  const { clock, signal, version, env } = context;
  const network = new Network(env);
  await using resources = new AsyncDisposableStack();
  const requestTimeoutMs = Math.min(options.requestTimeoutMs, longestStepMs);
  // A step has its own deadline, for what is not a request; requests are to say themselves that they took too long.
  const stepTimeoutMs = requestTimeoutMs + 500;
  const begin = () => new Examination({ clock, stepTimeoutMs, signal });

  const exam = begin();
  const userAgent = `region-monitor-doctor/${version.version}`;
  const cluster = await examineKubernetes(exam, {
    options,
    requestTimeoutMs,
    userAgent,
    network,
    clock,
    resources,
  });
  const regions = cluster === null ? [] : [...cluster.objects.regions.values()].toSorted(byName);
  if (cluster !== null)
    for (const name of unknownRegions(options.regions, regions))
      await exam.step(`Region ${name}`, () => {
        throw new StepFailure(
          'there is no such Region',
          `there are: ${regions.map(regionTitle).join(', ') || 'none'}`,
        );
      });
  yield { title: 'Kubernetes', region: null, steps: exam.steps };
  if (cluster === null) return;

  const connections = resources.adopt(new Connections({ network }), async (opened) => opened.close());
  const access = accessReader(cluster, { namespace: options.namespace, clock, requestTimeoutMs });
  const { objects } = cluster;
  const limit = pLimit(regionsAtOnce);
  const examined = regions
    .filter((region) => namesRegion(options.regions, region))
    .map(async (region) =>
      limit(async () => {
        const ofRegion = begin();
        const tools = { objects, access, connections, network, clock, signal, requestTimeoutMs };
        await examineRegion(ofRegion, region, tools);
        const where = options.namespace === '' ? ` in namespace ${region.namespace}` : '';
        const title = `Region ${regionTitle(region)}${where}`;
        return { title, region: region.name, steps: ofRegion.steps };
      }),
    );
  for (const section of examined) yield await section;
}

function accessReader(
  { client, objects }: Cluster,
  options: { readonly namespace: string; readonly clock: Clock; readonly requestTimeoutMs: number },
): AccessReader {
  const { namespace, clock, requestTimeoutMs } = options;
  const { regions, identities, openstackIdentities } = objects;
  const secrets = new SecretReader({ client, clock, patienceMs: requestTimeoutMs });
  return new AccessReader({ secrets, namespace, regions, identities, openstackIdentities });
}

function byName(a: RegionRecord, b: RegionRecord): number {
  return regionTitle(a) < regionTitle(b) ? -1 : 1;
}
