// What goes wrong with the objects in Kubernetes.

import type { ResourceName } from '../src/sandbox/kubernetes/resources.ts';
import { namespace } from '../test/fixtures/clouds/sandbox.ts';
import { type Fault, type Heal, overAlready, type Scene } from './fault.ts';

/** Takes an object away, and brings it back as it was, with another uid. */
function takeAway({ stage }: Scene, resource: ResourceName, name: string): Heal {
  const { cluster } = stage.sandbox;
  const object = cluster.get(resource, namespace, name);
  if (object === undefined) return overAlready;
  cluster.delete(resource, namespace, name);
  const { labels } = object.metadata;
  return () => {
    const { status: _, ...rest } = object;
    const metadata = { name, namespace, ...(labels === undefined ? {} : { labels }) };
    cluster.apply({ ...rest, metadata });
  };
}

export const objectFaults: readonly Fault[] = [
  {
    name: 'a Secret is deleted',
    group: 'Kubernetes',
    takes: 'Secret',
    inject: (scene) => {
      const { region, secret } = scene.target;
      scene.stage.sandbox.cluster.delete('secrets', namespace, region.secretName);
      return () => region.putSecret(secret);
    },
  },
  {
    name: 'a Secret is malformed',
    group: 'Kubernetes',
    takes: 'Secret',
    inject: ({ target: { region, secret }, random }) => {
      const key = random.pick(['project-id', 'user-id', 'password', 'ca.crt']);
      region.putSecret({ ...secret, [key]: key === 'ca.crt' ? 'no certificate' : '' });
      return () => region.putSecret(secret);
    },
  },
  {
    name: 'a Region is deleted, and created again',
    group: 'Kubernetes',
    takes: 'Region',
    inject: (scene) => takeAway(scene, 'regions', scene.target.id),
  },
  {
    name: 'a Region is of kind kubernetes for a while',
    group: 'Kubernetes',
    takes: 'Region',
    inject: ({ stage: { sandbox }, target: { id } }) => {
      const { openstack = null } = sandbox.cluster.get('regions', namespace, id)?.spec ?? {};
      const kubernetes = { kubeConfigSecret: { namespace, name: 'none' } };
      const change = (spec: Parameters<typeof sandbox.cluster.patch>[3]) =>
        sandbox.cluster.patch('regions', namespace, id, { spec });
      change({ provider: 'kubernetes', openstack: null, kubernetes });
      return () => void change({ provider: 'openstack', kubernetes: null, openstack });
    },
  },
  {
    name: 'a Region has another address of the same cloud for a while',
    group: 'Kubernetes',
    takes: 'Region',
    inject: ({ stage: { sandbox }, target: { id, region } }) => {
      const change = (endpoint: string) =>
        sandbox.cluster.patch('regions', namespace, id, { spec: { openstack: { endpoint } } });
      const { endpoint } = region.cloud;
      change(endpoint.endsWith('/v3') ? endpoint.replace(/\/v3$/, '') : `${endpoint}/v3`);
      return () => void change(endpoint);
    },
  },
  {
    name: 'what does not matter of a Region and its Secret changes all the time',
    group: 'Kubernetes',
    takes: 'Secret',
    inject: ({ stage: { sandbox }, target: { id, region, secret } }) => {
      let count = 0;
      const timer = setInterval(() => {
        count++;
        region.putSecret({ ...secret, other: String(count) });
        if (sandbox.cluster.get('regions', namespace, id) === undefined) return;
        const annotations = { 'soak/count': String(count) };
        sandbox.cluster.patch('regions', namespace, id, { metadata: { annotations } });
      }, 200);
      return () => {
        clearInterval(timer);
        region.putSecret(secret);
      };
    },
  },
  {
    name: 'an identity is deleted, and created again',
    group: 'Kubernetes',
    takes: 'Secret',
    inject: (scene) => {
      const { random, target } = scene;
      const resource = random.pick(['identities', 'openstackidentities'] as const);
      return takeAway(scene, resource, random.pick(target.projects).identityId);
    },
  },
  {
    name: 'an annotation of a million characters',
    group: 'Kubernetes',
    inject: ({ stage: { sandbox, histories }, random }) => {
      const { cluster } = sandbox;
      const { name } = random.pick(histories.live()).server;
      const annotate = (text: string | null) => {
        if (cluster.get('servers', namespace, name) === undefined) return;
        cluster.patch('servers', namespace, name, { metadata: { annotations: { 'soak/huge': text } } });
      };
      annotate('x'.repeat(1_000_000));
      return () => annotate(null);
    },
  },
];
