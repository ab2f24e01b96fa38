import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../../src/main/kubernetes/client.ts';
import { ApiError } from '../../../../src/main/kubernetes/errors.ts';
import { detectProfile, ProfileWatch } from '../../../../src/main/kubernetes/objects/profile.ts';
import { eventually } from '../../../fixtures/eventually.ts';
import {
  type Answer,
  hastyClock,
  json,
  ScriptedApi,
  status,
} from '../../../fixtures/kubernetes/scripted-api.ts';

const path = 'apis/region.unikorn-cloud.org/v1alpha1';

function schema(phases: readonly string[], kind = 'Server'): unknown {
  return {
    components: {
      schemas: {
        'io.k8s.Status': { type: 'object' },
        [`com.example.${kind}`]: {
          properties: { status: { properties: { phase: { enum: phases } } } },
          'x-kubernetes-group-version-kind': [
            { group: 'region.unikorn-cloud.org', kind, version: 'v1alpha1' },
          ],
        },
      },
    },
  };
}

const old = schema(['Pending', 'Running', 'Stopping', 'Stopped']);
const recent = schema(['Pending', 'Queued', 'Building', 'Running', 'Stopping', 'Stopped']);

async function start(t: ExecutionContext, answers: { index?: () => unknown; document: Answer }) {
  const answer: Answer = (response, request) => {
    if (request.path === '/openapi/v3') json(answers.index?.())(response, request);
    else answers.document(response, request);
  };
  const api = await ScriptedApi.start(t, { other: [answer] });
  const client = new KubernetesClient(api.access, { requestTimeoutMs: 5_000 });
  t.teardown(async () => client.close());
  return { api, client, signal: new AbortController().signal };
}

test('the phases of a Server tell the profile', async (t) => {
  let document = old;
  const { client, signal, api } = await start(t, { document: (...to) => json(document)(...to) });
  t.is(await detectProfile(client, signal), 'v1.16');
  document = recent;
  t.is(await detectProfile(client, signal), 'v1.19');
  t.is(api.others[0]?.path, `/openapi/v3/${path}`);
});

for (const [what, document] of [
  ['the group is missing', status(404, 'NotFound')],
  ['the group has no Server', json(schema(['Pending'], 'Region'))],
] as const) {
  test(`says what to install when ${what}`, async (t) => {
    const { client, signal } = await start(t, { document });
    const error = await t.throwsAsync(detectProfile(client, signal), { instanceOf: ApiError });
    t.regex(error?.message ?? '', /does not serve .*install .*custom resource definitions/);
    t.like(error, { status: 404 });
  });
}

test('a refusal is not taken for a missing definition', async (t) => {
  const { client, signal } = await start(t, {
    document: status(403, 'Forbidden', 'User "x" cannot get path'),
  });
  await t.throwsAsync(detectProfile(client, signal), { message: /403 Forbidden: User "x" cannot get path/ });
});

test('notices a new definition by its hash, and keeps what it knows while it cannot ask', async (t) => {
  const state = { document: json(old), hash: 'one', reads: 0 };
  const { api, client } = await start(t, {
    index: () => ({ paths: { [path]: { serverRelativeURL: `/openapi/v3/${path}?hash=${state.hash}` } } }),
    document: (...to) => {
      state.reads += 1;
      state.document(...to);
    },
  });
  const changes: string[] = [];
  const errors: Error[] = [];
  const watch = new ProfileWatch({
    client,
    clock: hastyClock(),
    periodMs: 60_000,
    onChange: (profile) => changes.push(profile),
    onError: (error) => errors.push(error),
  });
  t.is(watch.current, null);
  const stop = new AbortController();
  const run = watch.run(stop.signal);
  await eventually('some looks', () => api.others.length > 10);
  t.is(watch.current, 'v1.16');
  t.is(state.reads, 1, 'the document is read when its hash changes only');
  state.document = status(503, 'ServiceUnavailable');
  state.hash = 'two';
  await eventually('an error', () => errors.length > 1);
  t.is(watch.current, 'v1.16');
  state.document = json(recent);
  await eventually('the change', () => watch.current === 'v1.19');
  stop.abort();
  await t.notThrowsAsync(run);
  t.deepEqual(changes, ['v1.16', 'v1.19']);
});
