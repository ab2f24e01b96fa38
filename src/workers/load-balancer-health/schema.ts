// The parts of Octavia's answers that we read. Everything else in them is ignored.

import * as v from 'valibot';
import type {
  LoadBalancerObservation,
  MalformedLoadBalancer,
  MemberCounts,
} from '../../shared/load-balancer-health.ts';
import { describe, hasNext, linksSchema, listOf, readAnswer, shortText } from '../openstack/schema.ts';

const pageSchema = v.object({ loadbalancers: listOf(v.unknown()), loadbalancers_links: linksSchema });

const recordSchema = v.object({
  id: v.pipe(shortText, v.minLength(1)),
  name: v.nullish(shortText),
  provisioning_status: shortText,
  operating_status: shortText,
});

const lenientText = v.fallback(v.nullish(shortText), undefined);
/** What can still be read of a record that does not fit `recordSchema`. */
const identitySchema = v.object({ id: lenientText, name: lenientText });

const list = <Schema extends v.GenericSchema>(schema: Schema) => v.nullish(v.array(schema));
const treeSchema = v.object({
  statuses: v.object({
    loadbalancer: v.object({
      listeners: list(
        v.object({
          pools: list(
            v.object({ members: list(v.object({ id: shortText, operating_status: v.nullish(shortText) })) }),
          ),
        }),
      ),
    }),
  }),
});

export interface LoadBalancerPage {
  readonly observations: readonly LoadBalancerObservation[];
  readonly malformed: readonly MalformedLoadBalancer[];
  /** Whether a page follows; it may be empty. */
  readonly more: boolean;
  /** Of the last record; null where that has none. */
  readonly lastId: string | null;
}

/** A record that cannot be read becomes an entry of `malformed`: the rest of the page stands. */
export function readLoadBalancerPage(json: unknown, pageNumber: number): LoadBalancerPage {
  const page = readAnswer(pageSchema, json, 'the list of load balancers');
  const observations: LoadBalancerObservation[] = [];
  const malformed: MalformedLoadBalancer[] = [];
  page.loadbalancers.forEach((record, index) => {
    const parsed = v.safeParse(recordSchema, record);
    if (parsed.success) {
      const { id, name, provisioning_status: provisioningStatus, operating_status } = parsed.output;
      observations.push({
        providerId: id,
        name: name ?? '',
        provisioningStatus,
        operatingStatus: operating_status,
      });
      return;
    }
    const { id, name } = identityOf(record);
    const place = id || `at index ${index} of page ${pageNumber}`;
    const message = `load balancer ${place} is not of the documented shape: ${describe(parsed.issues)}`;
    malformed.push({ name: name ?? null, error: { code: 'invalid-response', message } });
  });
  const last = page.loadbalancers.at(-1);
  return {
    observations,
    malformed,
    more: page.loadbalancers.length > 0 && hasNext(page.loadbalancers_links),
    lastId: identityOf(last).id || null,
  };
}

function identityOf(record: unknown): v.InferOutput<typeof identitySchema> {
  const parsed = v.safeParse(identitySchema, record);
  return parsed.success ? parsed.output : { id: undefined, name: undefined };
}

/** Members of all pools that a listener uses, each once. */
export function readMemberCounts(json: unknown): MemberCounts {
  const { statuses } = readAnswer(treeSchema, json, 'the status of the load balancer');
  const failing = new Map<string, boolean>();
  for (const { pools } of statuses.loadbalancer.listeners ?? [])
    for (const pool of pools ?? [])
      for (const { id, operating_status } of pool.members ?? [])
        failing.set(id, operating_status === 'ERROR');
  return { failing: [...failing.values()].filter(Boolean).length, all: failing.size };
}
