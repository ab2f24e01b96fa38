// An API server that is gone, restarted, slow or at its limit. The regions are polled on; what could not be written is
// written afterwards and told once; what happened to the objects meanwhile is seen. Each test has a cluster of its own.

import test from 'ava';
import { assertDocumented } from '../fixtures/documented.ts';
import { type ClusterFault, surviveClusterFault } from '../fixtures/kubernetes/watched-cluster.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const always = { times: Number.POSITIVE_INFINITY };

const faults: Readonly<Record<string, ClusterFault>> = {
  'the API server is gone for two minutes': {
    lastsMs: 120_000,
    inject: async ({ sandbox }) => sandbox.cluster.pause(),
    heal: async ({ sandbox }) => sandbox.cluster.resume(),
    says: /^(?:list|watch) \w+ in namespace region: http:\/\/127\.0\.0\.1:\d+: .*is the API server up/,
    holdsWrites: true,
  },
  'the API server is restarted twice and has lost its history': {
    inject: async ({ sandbox: { cluster } }) => {
      for (const _ of [1, 2]) {
        await cluster.pause();
        cluster.compact();
        await cluster.resume();
      }
    },
    says: /is the API server up|410|too old resource version/,
    holdsWrites: false,
  },
  'the API server takes 5 s for each answer': {
    inject: ({ sandbox: { cluster } }) => {
      cluster.faults.add(always, { kind: 'delay', ms: 5_000 });
      cluster.faults.closeWatches();
    },
    says: null,
    holdsWrites: false,
  },
  'the API server accepts connections and never answers': {
    inject: ({ sandbox: { cluster } }) => {
      cluster.faults.add(always, { kind: 'hang' });
      cluster.faults.closeWatches('destroy');
    },
    says: /is the API server (?:up|overloaded)/,
    holdsWrites: true,
  },
  'the API server answers 429 to everything': {
    inject: ({ sandbox: { cluster } }) => {
      cluster.faults.tooManyRequests({ ...always, retryAfterSeconds: 1 });
      cluster.faults.closeWatches();
    },
    says: /: 429 TooManyRequests: .*the monitor retries after a pause/,
    holdsWrites: true,
  },
  'the API server answers 500 to everything': {
    inject: ({ sandbox: { cluster } }) => {
      cluster.faults.add(always, { kind: 'respond', status: 500 });
      cluster.faults.closeWatches();
    },
    says: /: 500 InternalError: /,
    holdsWrites: true,
  },
  'something else answers at the address: a web page with status 200 to everything': {
    inject: ({ sandbox: { cluster } }) => {
      cluster.faults.add(always, { kind: 'respond', status: 200, body: '<html>It works!</html>' });
      cluster.faults.closeWatches();
    },
    says: /is this the address of an API server\?|ended in the middle of a line/,
    holdsWrites: true,
  },
};

for (const [name, fault] of Object.entries(faults))
  test(name, async (t) => {
    t.timeout(300_000);
    await surviveClusterFault(t, fault);
  });
