// What goes wrong with Kubernetes.

import { requiredRights, type Verb } from '../src/main/kubernetes/required-rights.ts';
import type { AccessRule } from '../src/sandbox/kubernetes/api.ts';
import type { FaultEffect, FaultMatch } from '../src/sandbox/kubernetes/faults.ts';
import { namespace } from '../test/fixtures/clouds/sandbox.ts';
import { type Fault, overAlready, type Scene } from './fault.ts';
import { lively, steady } from './fleet.ts';

const always = { times: Number.POSITIVE_INFINITY };
const caches = ['regions', 'servers', 'identities', 'openstackidentities'] as const;
const watches = /[?&]watch=true/;
const statusWrites = { ...always, action: 'patch servers/status' };
/** An outage that is longer than the time-out of a request says nothing more than one that is shorter. */
const mostMs = 25_000;

/** A fault of answers; `severed` ends the watches that there are, which it would not meet. */
function answers(
  name: string,
  make: (scene: Scene) => FaultEffect,
  { match = always, severed = true }: { match?: FaultMatch; severed?: boolean } = {},
): Fault {
  return {
    name,
    group: 'Kubernetes',
    mostMs,
    inject: (scene) => {
      const { faults } = scene.stage.sandbox.cluster;
      const fault = faults.add(match, make(scene));
      if (severed) faults.closeWatches(scene.random.chance(0.5) ? 'end' : 'destroy');
      return () => fault.remove();
    },
  };
}

/** Something that is done again and again. */
function again(name: string, everyMs: number, what: (scene: Scene) => unknown): Fault {
  return {
    name,
    group: 'Kubernetes',
    inject: (scene) => {
      const timer = setInterval(() => what(scene), everyMs);
      return () => clearInterval(timer);
    },
  };
}

/** The Secrets of the regions that are to be well can be read in any case. */
const healthySecrets: AccessRule = {
  apiGroups: [''],
  resources: ['secrets'],
  verbs: ['get'],
  resourceNames: [`${steady}-credentials`, `${lively}-credentials`],
};

function right(verb: Verb, resources: readonly string[], provoke: (scene: Scene) => unknown): Fault {
  const rules = requiredRights.map(({ group, resource, verbs }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: verbs.filter((each) => !resources.includes(resource) || each !== verb),
  }));
  return {
    name: `the right to ${verb} ${resources.join(', ')} is taken away`,
    group: 'Kubernetes',
    takes: 'rights',
    mostMs,
    inject: (scene) => {
      const { access } = scene.stage.sandbox.cluster;
      access.restrict([...rules, healthySecrets]);
      provoke(scene);
      return () => access.allowAll();
    },
  };
}

const rights = [
  right('list', caches, ({ stage }) => stage.sandbox.cluster.faults.expireWatches()),
  right('watch', caches, ({ stage }) => stage.sandbox.cluster.faults.closeWatches()),
  right('get', ['secrets'], () => {}),
  right('get', ['servers'], () => {}),
  right('patch', ['servers'], () => {}),
  right('patch', ['servers/status'], () => {}),
];

const nonsense = ['no JSON\n', '[]\n', '{"type":"MODIFIED"}\n', '{"type":"ERROR","object":{}}\n'];
const webPage = '<html>It works!</html>';

export const clusterFaults: readonly Fault[] = [
  {
    name: 'the API server is gone',
    group: 'Kubernetes',
    takes: 'port',
    mostMs,
    inject: async ({ stage: { sandbox } }) => {
      await sandbox.cluster.pause();
      return async () => sandbox.cluster.resume();
    },
  },
  {
    name: 'the API server is restarted, and has forgotten what happened before',
    group: 'Kubernetes',
    takes: 'port',
    inject: async ({ stage: { sandbox } }) => {
      await sandbox.cluster.pause();
      sandbox.cluster.compact();
      await sandbox.cluster.resume();
      return overAlready;
    },
  },
  answers('the API server is slow', ({ random }) => ({ kind: 'delay', ms: random.whole(200, 5_000) })),
  answers('the API server accepts connections and never answers', () => ({ kind: 'hang' })),
  answers('the API server answers 429 to everything', () => ({
    kind: 'respond',
    status: 429,
    retryAfterSeconds: 1,
  })),
  answers('the API server answers 500 to everything', () => ({ kind: 'respond', status: 500 })),
  answers('something else answers at the address', () => ({ kind: 'respond', status: 200, body: webPage })),
  answers('the answers to status writes are lost', () => ({ kind: 'truncate' }), {
    match: statusWrites,
    severed: false,
  }),
  answers('status writes are cut off', () => ({ kind: 'drop' }), { match: statusWrites, severed: false }),
  answers(
    'status writes are answered with something else',
    ({ stage: { sandbox, histories }, random }) => {
      const { name } = random.pick(histories.live()).server;
      const failure = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 500, message: 'no' };
      const other = sandbox.cluster.get('servers', namespace, name);
      const body = random.pick(['', '{}', '[]', webPage, JSON.stringify(failure), JSON.stringify(other)]);
      return { kind: 'respond', status: 200, body };
    },
    { match: statusWrites, severed: false },
  ),
  ...[404, 410, 413].map((status) =>
    answers(`status writes are answered ${status}`, () => ({ kind: 'respond', status }), {
      match: statusWrites,
      severed: false,
    }),
  ),
  again('watches are closed over and over', 300, ({ stage }) =>
    stage.sandbox.cluster.faults.closeWatches('destroy'),
  ),
  again('watches are told 410 over and over', 800, ({ stage }) =>
    stage.sandbox.cluster.faults.expireWatches(),
  ),
  again('what happened is forgotten over and over', 500, ({ stage }) => stage.sandbox.cluster.compact()),
  answers(
    'watches of nonsense',
    ({ random }) => ({ kind: 'respond', status: 200, body: random.pick(nonsense) }),
    {
      match: { ...always, path: watches },
    },
  ),
  {
    name: 'events of the past',
    group: 'Kubernetes',
    inject: ({ stage: { sandbox, histories }, random }) => {
      const { cluster } = sandbox;
      const { server } = random.pick(histories.live());
      const object = cluster.get('servers', namespace, server.name);
      const type = random.pick(['ADDED', 'MODIFIED', 'DELETED']);
      const body = `${JSON.stringify({ type, object })}\n`;
      const fault = cluster.faults.add(
        { path: /\/servers\?.*watch=true/, times: 2 },
        { kind: 'respond', status: 200, body },
      );
      cluster.faults.closeWatches();
      return () => fault.remove();
    },
  },
  {
    name: 'watches fall silent',
    group: 'Kubernetes',
    takes: 'proxy',
    inject: ({ stage: { proxy } }) => {
      proxy.silenceThose(watches);
      return () => {
        proxy.cut();
        proxy.mend();
      };
    },
  },
  {
    name: 'every write conflicts',
    group: 'Kubernetes',
    inject: ({ stage: { sandbox } }) => {
      const fault = sandbox.cluster.faults.conflict({ ...always, path: /\/status/ });
      return () => fault.remove();
    },
  },
  {
    name: 'some writes conflict',
    group: 'Kubernetes',
    inject: ({ stage: { sandbox }, random }) => {
      const fault = sandbox.cluster.faults.conflict({ times: random.whole(1, 40), path: /\/status/ });
      return () => fault.remove();
    },
  },
  {
    name: 'the statuses of a region are refused, 422',
    group: 'Kubernetes',
    inject: ({ stage: { sandbox }, target }) => {
      const path = new RegExp(`/servers/${target.id}-[^/]*/status`);
      const fault = sandbox.cluster.faults.rejectWrites({ ...always, path });
      return () => fault.remove();
    },
  },
  ...rights,
  {
    name: 'the definitions are upgraded to v1.19, and back',
    group: 'Kubernetes',
    takes: 'definitions',
    inject: ({ stage: { sandbox } }) => {
      sandbox.cluster.setProfile('v1.19');
      return () => sandbox.cluster.setProfile('v1.16');
    },
  },
];
