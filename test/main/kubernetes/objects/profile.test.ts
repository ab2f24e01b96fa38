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
import { ScriptedClock } from '../../../fixtures/scripted-clock.ts';

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
            { group: 'meta.example', kind: 'Options', version: 'v1' },
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

/** A watch that runs by a clock of the test's, and looks at an index that is there or not. */
async function watching(t: ExecutionContext) {
  const clock = new ScriptedClock();
  const state = { isThere: true, document: json(old) };
  let hashes = 0;
  const answer: Answer = (response, request) => {
    if (!state.isThere) status(503, 'ServiceUnavailable')(response, request);
    else if (request.path !== '/openapi/v3') state.document(response, request);
    else json({ paths: { [path]: { serverRelativeURL: `?hash=${++hashes}` } } })(response, request);
  };
  const api = await ScriptedApi.start(t, { other: [answer] });
  const client = new KubernetesClient(api.access, { requestTimeoutMs: 5_000 });
  const changes: string[] = [];
  const watch = new ProfileWatch({
    client,
    clock,
    periodMs: 60_000,
    onChange: (profile) => changes.push(profile),
  });
  const stop = new AbortController();
  const looks = () => api.others.filter((request) => request.path === '/openapi/v3').length;
  /** Waits until so many looks have come, and the watch waits for the next. */
  const looked = async (count: number) => {
    await eventually(`look ${count}`, () => looks() >= count && clock.sleeping === 1, { everyMs: 5 });
    t.is(looks(), count);
  };
  const begin = () => {
    const run = watch.run(stop.signal);
    t.teardown(async () => {
      stop.abort();
      await run;
      await client.close();
    });
  };
  return { watch, clock, state, changes, looked, begin, signal: stop.signal };
}

test('definitions that are not known are looked for every two seconds, others every period', async (t) => {
  const { watch, clock, state, looked, begin } = await watching(t);
  state.isThere = false;
  begin();
  await watch.looked;
  await looked(1);
  t.is(watch.current, null);
  t.is(watch.profile, 'v1.16');
  state.isThere = true;
  await clock.pass(2_000);
  await looked(2);
  t.is(watch.current, 'v1.16');
  await clock.pass(59_000);
  await looked(2);
  await clock.pass(1_000);
  await looked(3);
});

test('a write that was refused has them looked at now, and for a while every two seconds', async (t) => {
  const { watch, clock, changes, state, looked, begin, signal } = await watching(t);
  begin();
  await looked(1);
  await Promise.all([watch.recheck(signal), watch.recheck(signal)]);
  await looked(3);
  await watch.recheck(signal);
  await looked(3);
  for (let look = 4; look <= 8; look++) {
    await clock.pass(2_000);
    await looked(look);
  }
  await clock.pass(2_000);
  await looked(8);
  state.document = json(recent);
  await watch.recheck(signal);
  t.deepEqual([watch.profile, changes], ['v1.19', ['v1.16', 'v1.19']]);
  await looked(9);
  await clock.pass(2_000);
  await looked(9);
});
