// The Kubernetes objects that describe the simulated clouds, as the platform would have made them.

import type { KubernetesObject } from '../src/sandbox/kubernetes/object.ts';
import type { CloudPlan } from '../src/sandbox/openstack/plan.ts';
import {
  apiGroup,
  apiVersion,
  identityLabel,
  nameLabel,
  organizationLabel,
  regionLabel,
} from '../src/shared/labels.ts';
import type { CloudReport } from './clouds.ts';

export const namespace = 'bench';

const group = `${apiGroup}/${apiVersion}`;
const imageId = '33333333-3333-4333-8333-333333333333';
const networkId = '44444444-4444-4444-8444-444444444444';

export interface FleetSize {
  readonly servers: number;
  readonly regions: number;
  /** Of each region. */
  readonly projects: number;
  /** Further regions, as large as the others, that accept requests and never answer. */
  readonly hung: number;
  /** Delay of every answer of the clouds. */
  readonly latencyMs: number;
}

export function serversPerProject({ servers, regions, projects }: FleetSize): number {
  return Math.max(1, Math.round(servers / (regions * projects)));
}

export function cloudPlans(size: FleetSize): readonly CloudPlan[] {
  return Array.from({ length: size.regions + size.hung }, (_, index) => ({
    name: regionName(index),
    projects: size.projects,
    serversPerProject: serversPerProject(size),
    latencyMs: size.latencyMs,
    taskMs: 1,
    networks: [`network-${networkId}`],
  }));
}

export function regionName(index: number): string {
  return `region-${index}`;
}

/** Region, Secret, identities and Servers of a cloud. The servers show phase and health already as the cloud has them. */
export function* objectsOf(cloud: CloudReport): Generator<KubernetesObject> {
  const { name, endpoint, serviceAccount } = cloud;
  const secret = { namespace, name: `${name}-credentials` };
  const { domainId, userId, password, projectId } = serviceAccount;
  const data = { 'domain-id': domainId, 'user-id': userId, password, 'project-id': projectId };
  yield {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: secret,
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  };
  yield {
    apiVersion: group,
    kind: 'Region',
    metadata: { name, namespace, labels: { [nameLabel]: name } },
    spec: { provider: 'openstack', openstack: { endpoint, serviceAccountSecret: secret } },
  };
  for (const [index, project] of cloud.projects.entries()) {
    const metadata = { name: `${name}-identity-${index}`, namespace };
    yield { apiVersion: group, kind: 'Identity', metadata, spec: { provider: 'openstack' } };
    yield {
      apiVersion: group,
      kind: 'OpenstackIdentity',
      metadata,
      spec: { userID: project.userId, password: project.password, projectID: project.projectId },
    };
    for (let server = 0; server < project.servers; server++)
      yield {
        apiVersion: group,
        kind: 'Server',
        metadata: {
          name: `${project.prefix}${server}`,
          namespace,
          labels: {
            [nameLabel]: `${project.prefix}${server}`,
            [organizationLabel]: `organization-${index}`,
            [regionLabel]: name,
            [identityLabel]: metadata.name,
          },
        },
        spec: {
          provider: 'openstack',
          flavorID: cloud.flavors[server % cloud.flavors.length]?.id ?? '',
          image: { id: imageId },
          networks: [{ id: networkId }],
        },
        status: statusOf('Running'),
      };
  }
}

/** What a monitor writes for a server that runs, or that was stopped. */
export function statusOf(phase: 'Running' | 'Stopped'): NonNullable<KubernetesObject['status']> {
  const healthy = phase === 'Running';
  return {
    phase,
    conditions: [
      {
        type: 'Healthy',
        status: healthy ? 'True' : 'False',
        reason: healthy ? 'Healthy' : 'Degraded',
        message: healthy ? 'server is healthy' : 'server is in state SHUTOFF',
        lastTransitionTime: '2025-01-01T00:00:00Z',
      },
    ],
  };
}
