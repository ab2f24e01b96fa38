// What the stand-in answers, checked against a real API server: the same requests go to both, and the expected
// answers are those of the real one. REGION_MONITOR_TEST_KUBECONFIG names a kubeconfig of a control plane with the
// group's definitions installed; without it only the stand-in is asked.

import { randomBytes } from 'node:crypto';
import test from 'ava';
import { SandboxKubernetes } from '../../../src/sandbox/kubernetes/api.ts';
import { definitions, type Profile } from '../../../src/sandbox/kubernetes/definitions.ts';
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from '../../../src/sandbox/kubernetes/object.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import { at, group, items, KubernetesClient, type Reply, text } from './client.ts';

/** One of the two, with a namespace to work in. */
interface Subject {
  readonly client: KubernetesClient;
  readonly namespace: string;
  /** Path of the servers in the namespace. */
  readonly servers: string;
  readonly regions: string;
  readonly secrets: string;
  readonly leases: string;
  readonly events: string;
  /** Sends GET as a user who may do nothing. */
  readonly asNobody: (path: string) => Promise<Reply>;
}

interface Row {
  readonly title: string;
  readonly run: (subject: Subject) => Promise<Json>;
  readonly expected: Json;
}

const uuid = '6f0f5d2e-54a4-4a3e-9a8b-0c1d2e3f4a5b';

function server(name: string, more: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'region.unikorn-cloud.org/v1alpha1',
    kind: 'Server',
    metadata: { name, ...metadata },
    spec: { flavorID: uuid, image: { id: uuid } },
    ...more,
  };
}

function region(name: string, spec: JsonObject): JsonObject {
  return { apiVersion: 'region.unikorn-cloud.org/v1alpha1', kind: 'Region', metadata: { name }, spec };
}

function secret(name: string, more: JsonObject): JsonObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...more };
}

function lease(name: string, spec: JsonObject, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, ...metadata }, spec };
}

const series = (count: number): JsonObject => ({ count, lastObservedTime: '2026-01-01T00:01:00.000000Z' });

function occurred(name: string, namespace: string, changes: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name },
    eventTime: '2026-01-01T00:00:00.123456Z',
    reportingController: 'example.com/reporter',
    reportingInstance: 'one',
    action: 'Look',
    reason: 'Seen',
    regarding: { apiVersion: 'v1', kind: 'Secret', name: 'none', namespace },
    note: 'it was seen',
    type: 'Normal',
    ...changes,
  };
}

/** Status, reason and message of a refusal; the causes by field, for they come in no certain order. */
function refusal(reply: Reply): Json {
  const causes = at(reply.json, 'details', 'causes');
  const list = isJsonArray(causes)
    ? causes.map(
        (cause) => `${text(at(cause, 'field'))} ${text(at(cause, 'reason'))}: ${text(at(cause, 'message'))}`,
      )
    : [];
  // That rules were not evaluated is said only where the definition has rules, which differs between the profiles.
  const sorted = [...new Set(list)].filter((cause) => !cause.startsWith('<nil>')).toSorted();
  const reason = at(reply.json, 'reason') ?? null;
  if (sorted.length > 0) return { status: reply.status, reason, causes: sorted };
  return { status: reply.status, reason, message: at(reply.json, 'message') ?? null };
}

/** Status and reason only, where the real message quotes internals. */
function brief(reply: Reply): Json {
  return { status: reply.status, reason: at(reply.json, 'reason') ?? null };
}

function version(reply: Reply): string {
  return text(at(reply.json, 'metadata', 'resourceVersion'));
}

function names(reply: Reply): readonly string[] {
  return items(reply.json).map((item) => text(at(item, 'metadata', 'name')));
}

/** "ADDED a", with the value of label "g" where there is one. */
function eventText(event: Json): string {
  const label = at(event, 'object', 'metadata', 'labels', 'g');
  const name = text(at(event, 'object', 'metadata', 'name'));
  return `${text(at(event, 'type'))} ${name}${label === undefined ? '' : ` ${text(label)}`}`.trim();
}

async function listVersion({ client, servers }: Subject): Promise<string> {
  return version(await client.get(`${servers}?limit=1`));
}

const time = '2026-01-02T03:04:05Z';
const healthy = {
  type: 'Healthy',
  status: 'True',
  reason: 'Healthy',
  message: 'ok',
  lastTransitionTime: time,
};

/** They run in this order, and later ones may use what earlier ones left. */
const rows: readonly Row[] = [
  {
    title: 'create drops status and unknown fields, and fills in the server side of metadata',
    run: async ({ client, servers }) => {
      const body = server(
        'a',
        { status: { phase: 'Running' }, extra: 1 },
        { labels: { x: 'y' }, generation: 9 },
      );
      const reply = await client.post(servers, body);
      const { json } = reply;
      return {
        status: reply.status,
        generation: at(json, 'metadata', 'generation') ?? null,
        uid: text(at(json, 'metadata', 'uid')).length,
        created: text(at(json, 'metadata', 'creationTimestamp')).length,
        version: /^\d+$/.test(version(reply)),
        phase: at(json, 'status') ?? null,
        extra: at(json, 'extra') ?? null,
      };
    },
    expected: { status: 201, generation: 1, uid: 36, created: 20, version: true, phase: null, extra: null },
  },
  {
    title: 'create of what exists',
    run: async ({ client, servers }) => refusal(await client.post(servers, server('a'))),
    expected: {
      status: 409,
      reason: 'AlreadyExists',
      message: 'servers.region.unikorn-cloud.org "a" already exists',
    },
  },
  {
    title: 'create in a namespace that does not exist',
    run: async ({ client }) => refusal(await client.post(`${group}/namespaces/nowhere/servers`, server('a'))),
    expected: { status: 404, reason: 'NotFound', message: 'namespaces "nowhere" not found' },
  },
  {
    title: 'create with a name that is none',
    run: async ({ client, servers }) => brief(await client.post(servers, server('Bad_Name'))),
    expected: { status: 422, reason: 'Invalid' },
  },
  {
    title: 'create without spec, with an empty spec, with a wrong type',
    run: async ({ client, servers }) => [
      refusal(await client.post(servers, { ...server('b'), spec: null })),
      refusal(await client.post(servers, server('b', { spec: {} }))),
      refusal(
        await client.post(
          servers,
          server('b', { spec: { flavorID: uuid, image: { id: uuid }, pause: 'x', provider: 'x' } }),
        ),
      ),
    ],
    expected: [
      { status: 422, reason: 'Invalid', causes: ['spec FieldValueRequired: Required value'] },
      {
        status: 422,
        reason: 'Invalid',
        causes: [
          'spec.flavorID FieldValueRequired: Required value',
          'spec.image FieldValueRequired: Required value',
        ],
      },
      {
        status: 422,
        reason: 'Invalid',
        causes: [
          'spec.pause FieldValueTypeInvalid: Invalid value: "string": spec.pause in body must be of type boolean: "string"',
          'spec.provider FieldValueNotSupported: Unsupported value: "x": supported values: "openstack", "kubernetes", "simulated"',
        ],
      },
    ],
  },
  {
    title: 'create of another kind, in another namespace, of no object, of no JSON, in another media type',
    run: async ({ client, servers }) => [
      brief(await client.post(servers, server('b', { kind: 'Region' }))),
      brief(await client.post(servers, server('b', { apiVersion: 'v1' }))),
      brief(await client.post(servers, server('b', {}, { namespace: 'other' }))),
      brief(await client.post(servers, {})),
      brief(await client.send('POST', servers, { text: 'junk' })),
      brief(await client.send('POST', servers, { text: '{}', contentType: 'text/plain' })),
      brief(await client.post(servers, server('b', {}, { labels: { a: 1 } }))),
      brief(await client.post(servers, server('b', {}, { labels: { a: 'b c' } }))),
      brief(await client.post(servers, server('b', {}, { resourceVersion: '5' }))),
    ],
    expected: [
      { status: 422, reason: 'Invalid' },
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
      { status: 415, reason: 'UnsupportedMediaType' },
      { status: 400, reason: 'BadRequest' },
      { status: 422, reason: 'Invalid' },
      { status: 500, reason: null },
    ],
  },
  {
    title: 'a status patch changes status and nothing else, and prunes what it does not know',
    run: async ({ client, servers }) => {
      const before = await client.get(`${servers}/a`);
      const after = await client.patch(`${servers}/a/status`, {
        metadata: { labels: { q: 'r' }, annotations: { z: '1' } },
        spec: { flavorID: 'other' },
        status: { phase: 'Running', bogus: 3, conditions: [{ ...healthy, more: 1 }] },
      });
      return {
        status: after.status,
        newVersion: version(before) !== version(after),
        generation: at(after.json, 'metadata', 'generation') ?? null,
        labels: at(after.json, 'metadata', 'labels') ?? null,
        annotations: at(after.json, 'metadata', 'annotations') ?? null,
        spec: at(after.json, 'spec') ?? null,
        statusAfter: at(after.json, 'status') ?? null,
      };
    },
    expected: {
      status: 200,
      newVersion: true,
      generation: 1,
      labels: { x: 'y' },
      annotations: null,
      spec: { flavorID: uuid, image: { id: uuid } },
      statusAfter: { conditions: [healthy], phase: 'Running' },
    },
  },
  {
    title: 'a patch without effect changes no version and sends no event',
    run: async (subject) => {
      const { client, servers } = subject;
      const before = await client.get(`${servers}/a`);
      const patches: readonly [string, Json][] = [
        ['/status', { status: { phase: 'Running', bogus: 4 } }],
        ['/status', { status: { conditions: [healthy] } }],
        ['/status', { metadata: { resourceVersion: version(before) } }],
        ['', { metadata: { labels: { x: 'y', none: null } } }],
        ['', { status: { phase: 'Stopped' } }],
        ['', {}],
      ];
      const same: Json[] = [];
      for (const [path, patch] of patches) {
        const after = await client.patch(`${servers}/a${path}`, patch);
        same.push(after.status === 200 && version(after) === version(before));
      }
      const events = await client.watch(
        `${servers}?watch=1&resourceVersion=${version(before)}&timeoutSeconds=1`,
      );
      return { same, events };
    },
    expected: { same: [true, true, true, true, true, true], events: [] },
  },
  {
    title: 'a patch with a stale version conflicts, without effect or not',
    run: async ({ client, servers }) => [
      refusal(
        await client.patch(`${servers}/a/status`, {
          metadata: { resourceVersion: '1' },
          status: { phase: 'Stopped' },
        }),
      ),
      brief(await client.patch(`${servers}/a/status`, { metadata: { resourceVersion: '1' } })),
      brief(await client.patch(`${servers}/a`, { metadata: { resourceVersion: '1', labels: { x: 'z' } } })),
      brief(await client.patch(`${servers}/a`, { metadata: { resourceVersion: 'abc' } })),
      brief(await client.patch(`${servers}/a`, { metadata: { resourceVersion: null } })),
    ],
    expected: [
      {
        status: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on servers.region.unikorn-cloud.org "a": the object has been modified; please apply your changes to the latest version and try again',
      },
      { status: 409, reason: 'Conflict' },
      { status: 409, reason: 'Conflict' },
      { status: 500, reason: null },
      { status: 422, reason: 'Invalid' },
    ],
  },
  {
    title: 'a status that the definition does not allow',
    run: async ({ client, servers }) => {
      const bodies: readonly JsonObject[] = [
        { phase: 'Exploded' },
        { phase: 3 },
        {
          conditions: [
            { type: 'Odd', status: 'True', reason: 'Nope', message: '', lastTransitionTime: 'yesterday' },
          ],
        },
        { conditions: [{ type: 'Healthy', status: 'True' }] },
        { conditions: ['x'] },
        { conditions: { a: 1 } },
      ];
      const found: Json[] = [];
      for (const status of bodies) {
        const reply = await client.patch(`${servers}/a/status`, { status });
        // The list of phases differs between the profiles.
        const answer = JSON.stringify(refusal(reply)).replaceAll('\\"Queued\\", \\"Building\\", ', '');
        found.push(answer);
      }
      found.push(brief(await client.patch(`${servers}/a/status`, { status: 'x' })));
      return found;
    },
    expected: [
      JSON.stringify({
        status: 422,
        reason: 'Invalid',
        causes: [
          'status.phase FieldValueNotSupported: Unsupported value: "Exploded": supported values: "Pending", "Running", "Stopping", "Stopped"',
        ],
      }),
      JSON.stringify({
        status: 422,
        reason: 'Invalid',
        causes: [
          'status.phase FieldValueNotSupported: Unsupported value: 3: supported values: "Pending", "Running", "Stopping", "Stopped"',
          'status.phase FieldValueTypeInvalid: Invalid value: "integer": phase in body must be of type string: "integer"',
        ],
      }),
      JSON.stringify({
        status: 422,
        reason: 'Invalid',
        causes: [
          'status.conditions[0].lastTransitionTime FieldValueTypeInvalid: Invalid value: "yesterday": conditions[0].lastTransitionTime in body must be of type date-time: "yesterday"',
          'status.conditions[0].reason FieldValueNotSupported: Unsupported value: "Nope": supported values: "Provisioning", "Provisioned", "Cancelled", "Errored", "Deprovisioning", "Deprovisioned", "Unknown", "Healthy", "Degraded"',
          'status.conditions[0].type FieldValueNotSupported: Unsupported value: "Odd": supported values: "Available", "Healthy"',
        ],
      }),
      JSON.stringify({
        status: 422,
        reason: 'Invalid',
        causes: [
          'status.conditions[0].lastTransitionTime FieldValueRequired: Required value',
          'status.conditions[0].message FieldValueRequired: Required value',
          'status.conditions[0].reason FieldValueRequired: Required value',
        ],
      }),
      JSON.stringify({
        status: 422,
        reason: 'Invalid',
        causes: [
          'status.conditions[0] FieldValueTypeInvalid: Invalid value: "string": conditions[0] in body must be of type object: "string"',
        ],
      }),
      JSON.stringify({
        status: 422,
        reason: 'Invalid',
        causes: [
          'status.conditions FieldValueTypeInvalid: Invalid value: "object": conditions in body must be of type array: "object"',
        ],
      }),
      { status: 422, reason: 'Invalid' },
    ],
  },
  {
    title: 'the message of one wrong field names kind, object, field and what is allowed',
    run: async ({ client, servers }) => {
      const reply = await client.patch(`${servers}/a`, { spec: { flavorID: null } });
      return text(at(reply.json, 'message')).replace(/\[(.*), <nil>.*\]$/, '$1');
    },
    expected: 'Server.region.unikorn-cloud.org "a" is invalid: spec.flavorID: Required value',
  },
  {
    title: 'only a change of spec makes a new generation',
    run: async ({ client, servers }) => {
      const generations: Json[] = [];
      for (const [path, patch] of [
        ['', { metadata: { annotations: { k: 'v' } } }],
        ['/status', { status: { phase: 'Stopped' } }],
        ['', { spec: { pause: true } }],
        ['', { metadata: { annotations: { k: null } }, status: { phase: 'Pending' } }],
      ] as const) {
        const reply = await client.patch(`${servers}/a${path}`, patch);
        generations.push([
          at(reply.json, 'metadata', 'generation') ?? null,
          at(reply.json, 'status', 'phase') ?? null,
        ]);
      }
      return generations;
    },
    expected: [
      [1, 'Running'],
      [1, 'Stopped'],
      [2, 'Stopped'],
      [2, 'Stopped'],
    ],
  },
  {
    title: 'a patch in a wrong form',
    run: async ({ client, servers }) => [
      brief(
        await client.send('PATCH', `${servers}/a`, {
          text: '{broken',
          contentType: 'application/merge-patch+json',
        }),
      ),
      brief(await client.patch(`${servers}/a`, [1])),
      brief(
        await client.send('PATCH', `${servers}/a`, {
          body: {},
          contentType: 'application/strategic-merge-patch+json',
        }),
      ),
      brief(await client.patch(`${servers}/a`, { metadata: { name: 'b' } })),
      brief(await client.patch(`${servers}/a`, { metadata: { namespace: 'b' } })),
      brief(await client.patch(`${servers}/a`, { metadata: { uid: 'b' } })),
      brief(await client.patch(`${servers}/a`, { metadata: { deletionTimestamp: time } })),
      brief(await client.patch(`${servers}/a`, { metadata: { creationTimestamp: time, generation: 70 } })),
      brief(await client.patch(`${servers}/a`, { metadata: { labels: { n: 3 } } })),
      refusal(await client.patch(`${servers}/none/status`, { status: {} })),
    ],
    expected: [
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
      { status: 415, reason: 'UnsupportedMediaType' },
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
      { status: 422, reason: 'Invalid' },
      { status: 422, reason: 'Invalid' },
      { status: 200, reason: null },
      { status: 422, reason: 'Invalid' },
      { status: 404, reason: 'NotFound', message: 'servers.region.unikorn-cloud.org "none" not found' },
    ],
  },
  {
    title: 'replace needs the current version, and writes either status or the rest',
    run: async ({ client, servers }) => {
      const current = version(await client.get(`${servers}/a`));
      const refused = [
        brief(await client.put(`${servers}/a`, server('a'))),
        brief(await client.put(`${servers}/a`, server('a', {}, { resourceVersion: '1' }))),
        brief(await client.put(`${servers}/none`, server('none', {}, { resourceVersion: '1' }))),
        brief(await client.put(`${servers}/a`, server('b', {}, { resourceVersion: current }))),
        brief(await client.put(`${servers}/a`, server('a', {}, { resourceVersion: current, uid: 'other' }))),
      ];
      const put = await client.put(
        `${servers}/a`,
        server('a', { status: { phase: 'Pending' } }, { resourceVersion: current }),
      );
      const body = server(
        'a',
        { spec: { flavorID: 'x', image: { id: 'x' } }, status: { phase: 'Pending' } },
        {
          resourceVersion: version(put),
        },
      );
      const status = await client.put(`${servers}/a/status`, body);
      return {
        refused,
        phases: [at(put.json, 'status', 'phase') ?? null, at(status.json, 'status', 'phase') ?? null],
        labels: at(put.json, 'metadata', 'labels') ?? null,
        flavor: at(status.json, 'spec', 'flavorID') ?? null,
      };
    },
    expected: {
      refused: [
        { status: 422, reason: 'Invalid' },
        { status: 409, reason: 'Conflict' },
        { status: 404, reason: 'NotFound' },
        { status: 400, reason: 'BadRequest' },
        { status: 409, reason: 'Conflict' },
      ],
      phases: ['Stopped', 'Pending'],
      labels: null,
      flavor: uuid,
    },
  },
  {
    title: 'unknown fields can be refused, or warned of',
    run: async ({ client, regions }) => {
      const body = region('strict', { provider: 'simulated', bogus: 1 });
      const strict = await client.post(`${regions}?fieldValidation=Strict`, body);
      const warned = await client.post(`${regions}?fieldValidation=Warn&dryRun=All`, body);
      return [refusal(strict), warned.status, warned.headers['warning'] ?? null];
    },
    expected: [
      {
        status: 400,
        reason: 'BadRequest',
        message:
          'Region in version "v1alpha1" cannot be handled as a Region: strict decoding error: unknown field "spec.bogus"',
      },
      201,
      '299 - "unknown field \\"spec.bogus\\""',
    ],
  },
  {
    title: 'a dry run stores nothing',
    run: async ({ client, servers }) => {
      const before = await client.get(`${servers}/a`);
      const statuses = [
        (await client.post(`${servers}?dryRun=All`, server('dry'))).status,
        (await client.patch(`${servers}/a?dryRun=All`, { metadata: { labels: { dry: 'run' } } })).status,
        (await client.delete(`${servers}/a?dryRun=All`)).status,
        (await client.get(`${servers}/dry`)).status,
      ];
      return [...statuses, version(before) === version(await client.get(`${servers}/a`))];
    },
    expected: [201, 200, 200, 404, true],
  },
  {
    title: 'a region needs the section of its provider',
    run: async ({ client, regions }) => [
      refusal(await client.post(regions, region('r', { provider: 'openstack' }))),
      brief(await client.post(regions, region('r', { provider: 'azure' }))),
      (await client.post(regions, region('r', { provider: 'simulated' }))).status,
    ],
    expected: [
      {
        status: 422,
        reason: 'Invalid',
        causes: [
          'spec FieldValueInvalid: Invalid value: openstack definition required for region of openstack type',
        ],
      },
      { status: 422, reason: 'Invalid' },
      201,
    ],
  },
  {
    title: 'a kind without status subresource keeps its status with the rest',
    run: async ({ client, namespace }) => {
      const path = `${group}/namespaces/${namespace}/openstackidentities`;
      const body = { ...region('o', { userID: 'u', bogus: 1 }), kind: 'OpenstackIdentity', status: { a: 1 } };
      const reply = await client.post(path, body);
      const { json } = reply;
      return [
        reply.status,
        at(json, 'spec') ?? null,
        at(json, 'status') ?? null,
        brief(await client.patch(`${path}/o/status`, {})),
      ];
    },
    expected: [201, { userID: 'u' }, {}, { status: 404, reason: 'NotFound' }],
  },
  {
    title: 'delete answers a Status, then it is gone',
    run: async ({ client, servers }) => {
      const uid = text(at((await client.get(`${servers}/a`)).json, 'metadata', 'uid'));
      const other = await client.delete(`${servers}/a`, { preconditions: { uid: 'other' } });
      const deleted = await client.delete(`${servers}/a`);
      const again = await client.delete(`${servers}/a`);
      const details = at(deleted.json, 'details');
      return [
        brief(other),
        at(deleted.json, 'status') ?? null,
        isJsonObject(details) && details['uid'] === uid && details['kind'] === 'servers',
        refusal(again),
      ];
    },
    expected: [
      { status: 409, reason: 'Conflict' },
      'Success',
      true,
      { status: 404, reason: 'NotFound', message: 'servers.region.unikorn-cloud.org "a" not found' },
    ],
  },
  {
    title: 'finalizers hold an object that is being deleted',
    run: async (subject) => {
      const { client, servers } = subject;
      await client.post(servers, server('f', {}, { finalizers: ['test.io/hold'] }));
      const since = await listVersion(subject);
      const deleted = await client.delete(`${servers}/f`);
      const more = await client.patch(`${servers}/f`, {
        metadata: { finalizers: ['test.io/hold', 'test.io/more'] },
      });
      const released = await client.patch(`${servers}/f`, { metadata: { finalizers: null } });
      const events = await client.watch(`${servers}?watch=1&resourceVersion=${since}&timeoutSeconds=1`);
      return [
        text(at(deleted.json, 'metadata', 'deletionTimestamp')).length,
        at(deleted.json, 'metadata', 'generation') ?? null,
        brief(more),
        released.status,
        (await client.get(`${servers}/f`)).status,
        events.map(eventText),
      ];
    },
    expected: [20, 2, { status: 422, reason: 'Invalid' }, 200, 404, ['MODIFIED f', 'DELETED f']],
  },
  {
    title: 'the pages of a list show one moment',
    run: async ({ client, servers }) => {
      for (const index of [3, 1, 5, 2, 4])
        await client.post(servers, server(`s${index}`, {}, { labels: { g: String(index % 2) } }));
      const first = await client.get(`${servers}?limit=2`);
      const token = encodeURIComponent(text(at(first.json, 'metadata', 'continue')));
      await client.patch(`${servers}/s5`, { metadata: { labels: { g: 'changed' } } });
      await client.delete(`${servers}/s4`);
      await client.post(servers, server('s3b'));
      const second = await client.get(`${servers}?limit=2&continue=${token}`);
      const next = encodeURIComponent(text(at(second.json, 'metadata', 'continue')));
      const third = await client.get(`${servers}?limit=2&continue=${next}`);
      const label = at(third.json, 'items', 0, 'metadata', 'labels', 'g') ?? null;
      return {
        pages: [names(first), names(second), names(third)],
        remaining: [first, second, third].map(
          (page) => at(page.json, 'metadata', 'remainingItemCount') ?? null,
        ),
        last: at(third.json, 'metadata', 'continue') ?? null,
        label,
        oneVersion: version(first) === version(second) && version(first) === version(third),
        kind: at(first.json, 'kind') ?? null,
        now: names(await client.get(servers)),
      };
    },
    expected: {
      pages: [['s1', 's2'], ['s3', 's4'], ['s5']],
      remaining: [3, 1, null],
      last: '',
      label: '1',
      oneVersion: true,
      kind: 'ServerList',
      now: ['s1', 's2', 's3', 's3b', 's5'],
    },
  },
  {
    title: 'version 0 knows no pages, and other versions and tokens are checked',
    run: async ({ client, servers }) => [
      names(await client.get(`${servers}?limit=2&resourceVersion=0`)).length,
      brief(await client.get(`${servers}?continue=junk`)),
      brief(await client.get(`${servers}?limit=abc`)),
      brief(await client.get(`${servers}?resourceVersion=junk`)),
      brief(await client.get(`${servers}?resourceVersion=99999999`)),
    ],
    expected: [
      5,
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
      { status: 504, reason: 'Timeout' },
    ],
  },
  {
    title: 'selectors',
    run: async ({ client, servers, namespace }) => {
      const ask = async (query: string) => names(await client.get(`${servers}?${query}`)).join(' ');
      const all = await client.get(`${group}/servers?fieldSelector=metadata.namespace=${namespace}`);
      const paged = await client.get(`${servers}?limit=1&labelSelector=g`);
      return [
        await ask('labelSelector=g=1'),
        await ask('labelSelector=g!=1'),
        await ask('labelSelector=g%20in%20(0,changed)'),
        await ask('labelSelector=!g'),
        await ask('labelSelector=g,g!=0'),
        await ask('fieldSelector=metadata.name=s3'),
        await ask('fieldSelector=metadata.name!=s3'),
        names(all).join(' '),
        at(paged.json, 'metadata', 'remainingItemCount') ?? null,
        text(at(paged.json, 'metadata', 'continue')) !== '',
        brief(await client.get(`${servers}?labelSelector=%3D%3D`)),
        brief(await client.get(`${servers}?fieldSelector=spec.flavorID=x`)),
      ];
    },
    expected: [
      's1 s3',
      's2 s3b s5',
      's2 s5',
      's3b',
      's1 s3 s5',
      's3',
      's1 s2 s3b s5',
      's1 s2 s3 s3b s5',
      null,
      true,
      { status: 400, reason: 'BadRequest' },
      { status: 400, reason: 'BadRequest' },
    ],
  },
  {
    title: 'a watch tells each change after its version, with the version that it made',
    run: async (subject) => {
      const { client, servers } = subject;
      const since = await listVersion(subject);
      const added = await client.post(servers, server('w', {}, { labels: { g: 'a' } }));
      const modified = await client.patch(`${servers}/w/status`, { status: { phase: 'Running' } });
      await client.delete(`${servers}/w`);
      const events = await client.watch(`${servers}?watch=1&resourceVersion=${since}&timeoutSeconds=1`);
      const versions = events.map((event) => text(at(event, 'object', 'metadata', 'resourceVersion')));
      return [
        events.map(eventText),
        versions[0] === version(added) && versions[1] === version(modified),
        Number(versions[2]) > Number(versions[1]),
        at(events[2], 'object', 'status', 'phase') ?? null,
      ];
    },
    expected: [['ADDED w a', 'MODIFIED w a', 'DELETED w a'], true, true, 'Running'],
  },
  {
    title: 'for a watch with a selector objects come and go as they match',
    run: async (subject) => {
      const { client, servers } = subject;
      const since = await listVersion(subject);
      await client.post(servers, server('w', {}, { labels: { g: 'a' } }));
      const left = await client.patch(`${servers}/w`, { metadata: { labels: { g: 'b' } } });
      await client.patch(`${servers}/w`, { metadata: { labels: { g: 'a' } } });
      await client.delete(`${servers}/w`);
      const watch = (query: string) =>
        client.watch(`${servers}?watch=1&resourceVersion=${since}&timeoutSeconds=1&${query}`);
      const byLabel = await watch('labelSelector=g=a');
      return [
        byLabel.map(eventText),
        text(at(byLabel[1], 'object', 'metadata', 'resourceVersion')) === version(left),
        (await watch('fieldSelector=metadata.name=w')).map(eventText),
        (await watch('fieldSelector=metadata.name=other')).map(eventText),
      ];
    },
    expected: [
      ['ADDED w a', 'DELETED w a', 'ADDED w a', 'DELETED w a'],
      true,
      ['ADDED w a', 'MODIFIED w b', 'MODIFIED w a', 'DELETED w a'],
      [],
    ],
  },
  {
    title: 'a watch from nowhere begins with what is there',
    run: async ({ client, servers }) => {
      const watch = async (query: string) =>
        (await client.watch(`${servers}?watch=1&timeoutSeconds=1${query}`)).map(eventText).toSorted();
      return [
        await watch(''),
        await watch('&resourceVersion=0'),
        await watch('&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'),
      ];
    },
    expected: [
      ['ADDED s1 1', 'ADDED s2 0', 'ADDED s3 1', 'ADDED s3b', 'ADDED s5 changed'],
      ['ADDED s1 1', 'ADDED s2 0', 'ADDED s3 1', 'ADDED s3b', 'ADDED s5 changed'],
      ['ADDED s1 1', 'ADDED s2 0', 'ADDED s3 1', 'ADDED s3b', 'ADDED s5 changed', 'BOOKMARK'],
    ],
  },
  {
    title: 'a watch from too old a version says 410 in an event and ends',
    run: async ({ client, servers }) => {
      const events = await client.watch(`${servers}?watch=1&resourceVersion=1&timeoutSeconds=5`);
      const [event] = events;
      return [
        events.length,
        at(event, 'type') ?? null,
        at(event, 'object', 'code') ?? null,
        at(event, 'object', 'reason') ?? null,
      ];
    },
    expected: [1, 'ERROR', 410, 'Expired'],
  },
  {
    title: 'a watch from no version at all is refused',
    run: async ({ client, servers }) =>
      brief(await client.get(`${servers}?watch=1&resourceVersion=junk&timeoutSeconds=1`)),
    expected: { status: 500, reason: null },
  },
  {
    title: 'secrets',
    run: async ({ client, secrets }) => {
      const created = await client.post(
        secrets,
        secret('s', { stringData: { a: 'b' }, data: { c: 'ZA==' } }),
      );
      const listed = await client.get(`${secrets}?fieldSelector=metadata.name=s`);
      const same = await client.patch(`${secrets}/s`, { data: { a: 'Yg==' } });
      const put = await client.put(`${secrets}/s`, secret('s', { data: { x: 'eQ==' } }));
      return [
        created.status,
        at(created.json, 'data') ?? null,
        at(created.json, 'type') ?? null,
        at(listed.json, 'kind') ?? null,
        at(listed.json, 'items', 0, 'kind') ?? null,
        version(same) === version(created),
        at(put.json, 'data') ?? null,
        brief(await client.post(secrets, secret('bad', { data: { c: '!!' } }))),
        brief(await client.patch(`${secrets}/s`, { type: 'other/type' })),
        refusal(await client.get(`${secrets}/none`)),
        (await client.delete(`${secrets}/s`)).status,
      ];
    },
    expected: [
      201,
      { a: 'Yg==', c: 'ZA==' },
      'Opaque',
      'SecretList',
      null,
      true,
      { x: 'eQ==' },
      { status: 400, reason: 'BadRequest' },
      { status: 422, reason: 'Invalid' },
      { status: 404, reason: 'NotFound', message: 'secrets "none" not found' },
      200,
    ],
  },
  {
    title: 'events',
    run: async ({ client, events, namespace }) => {
      const tried = async (changes: JsonObject) =>
        refusal(await client.post(events, occurred('bad', namespace, changes)));
      const created = await client.post(events, occurred('e', namespace));
      const repeated = await client.patch(`${events}/e`, { series: series(3) });
      const long = { action: 'a'.repeat(129), reason: 'r'.repeat(129), reportingInstance: 'i'.repeat(129) };
      return [
        created.status,
        at(created.json, 'note') ?? null,
        at(created.json, 'regarding', 'name') ?? null,
        brief(await client.post(events, occurred('e', namespace))),
        repeated.status,
        at(repeated.json, 'series') ?? null,
        refusal(await client.patch(`${events}/e`, { note: 'other', type: 'Warning' })),
        brief(await client.patch(`${events}/none`, { series: series(2) })),
        await tried({ note: 'x'.repeat(1025) }),
        await tried(long),
        await tried({ action: '', type: 'Bad' }),
        await tried({ series: series(1) }),
        brief(await client.post(events, occurred('bad', namespace, { eventTime: '2026-01-01T00:00:00Z' }))),
      ];
    },
    expected: [
      201,
      'it was seen',
      'none',
      { status: 409, reason: 'AlreadyExists' },
      200,
      { count: 3, lastObservedTime: '2026-01-01T00:01:00.000000Z' },
      {
        status: 422,
        reason: 'Invalid',
        causes: [
          'message FieldValueInvalid: Invalid value: "other": field is immutable',
          'type FieldValueInvalid: Invalid value: "Warning": field is immutable',
        ],
      },
      { status: 404, reason: 'NotFound' },
      {
        status: 422,
        reason: 'Invalid',
        causes: ['message FieldValueInvalid: Invalid value: "": can have at most 1024 characters'],
      },
      {
        status: 422,
        reason: 'Invalid',
        causes: [
          'action FieldValueInvalid: Invalid value: "": can have at most 128 characters',
          'reason FieldValueInvalid: Invalid value: "": can have at most 128 characters',
          'reportingInstance FieldValueInvalid: Invalid value: "": can have at most 128 characters',
        ],
      },
      {
        status: 422,
        reason: 'Invalid',
        causes: [
          'action FieldValueRequired: Required value',
          'type FieldValueInvalid: Invalid value: "": has invalid value: Bad',
        ],
      },
      {
        status: 422,
        reason: 'Invalid',
        causes: ['series.count FieldValueInvalid: Invalid value: "": should be at least 2'],
      },
      { status: 400, reason: 'BadRequest' },
    ],
  },
  {
    title: 'leases',
    run: async ({ client, leases }) => {
      const held = {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        renewTime: '2026-01-01T00:00:00.123456Z',
        bogus: 1,
      };
      const created = await client.post(leases, lease('l', held));
      const seconds = await client.post(leases, lease('m', { renewTime: '2026-01-01T00:00:00Z' }));
      const zero = await client.post(leases, lease('m', { leaseDurationSeconds: 0 }));
      const stale = await client.put(
        `${leases}/l`,
        lease('l', { holderIdentity: 'you' }, { resourceVersion: '1' }),
      );
      const unversioned = await client.put(`${leases}/l`, lease('l', { holderIdentity: 'you' }));
      const taken = await client.put(
        `${leases}/l`,
        lease('l', { holderIdentity: 'you' }, { resourceVersion: version(created) }),
      );
      const made = await client.put(`${leases}/new`, lease('new', { holderIdentity: 'you' }));
      return [
        created.status,
        at(created.json, 'spec') ?? null,
        at(created.json, 'metadata', 'generation') ?? null,
        brief(seconds),
        refusal(zero),
        brief(stale),
        brief(unversioned),
        at(taken.json, 'spec') ?? null,
        made.status,
      ];
    },
    expected: [
      201,
      { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.123456Z' },
      null,
      { status: 400, reason: 'BadRequest' },
      {
        status: 422,
        reason: 'Invalid',
        causes: ['spec.leaseDurationSeconds FieldValueInvalid: Invalid value: 0: must be greater than 0'],
      },
      { status: 409, reason: 'Conflict' },
      { status: 422, reason: 'Invalid' },
      { holderIdentity: 'you' },
      201,
    ],
  },
  {
    title: 'paths and methods that are not served',
    run: async ({ client, servers, namespace }) => {
      const plain = await client.get(`${group}/namespaces/${namespace}/nothings`);
      return [
        [plain.status, plain.contentType.split(';')[0] ?? ''],
        (await client.get('/apis/nowhere.example/v1')).status,
        brief(await client.send('PUT', servers, { body: {} })),
        brief(await client.delete(`${servers}/s1/status`)),
        brief(await client.get(`${servers}/s1/scale`)),
        brief(await client.get('/api/v1/namespaces/nowhere')),
        names(await client.get(`${group}/namespaces/nowhere/servers`)).length,
      ];
    },
    expected: [
      [404, 'text/plain'],
      404,
      { status: 400, reason: 'BadRequest' },
      { status: 405, reason: 'MethodNotAllowed' },
      { status: 404, reason: 'NotFound' },
      { status: 404, reason: 'NotFound' },
      0,
    ],
  },
  {
    title: 'without credentials, and without rights',
    run: async ({ client, servers, namespace, asNobody }) => {
      const headers = { authorization: 'Bearer wrong' };
      const wrong = await client.send('GET', servers, { anonymous: true, headers });
      const nameless = async (path: string) => {
        const reply = refusal(await asNobody(path));
        return JSON.stringify(reply)
          .replace(/User \\"[^"]*\\"/, 'User')
          .replaceAll(namespace, 'NS');
      };
      return [refusal(wrong), await nameless(`${group}/servers`), await nameless(`${servers}/s1`)];
    },
    expected: [
      { status: 401, reason: 'Unauthorized', message: 'Unauthorized' },
      JSON.stringify({
        status: 403,
        reason: 'Forbidden',
        message:
          'servers.region.unikorn-cloud.org is forbidden: User cannot list resource "servers" in API group "region.unikorn-cloud.org" at the cluster scope',
      }),
      JSON.stringify({
        status: 403,
        reason: 'Forbidden',
        message:
          'servers.region.unikorn-cloud.org "s1" is forbidden: User cannot get resource "servers" in API group "region.unikorn-cloud.org" in the namespace "NS"',
      }),
    ],
  },
  {
    title: 'a review of own rights',
    run: async ({ client }) => {
      const resourceAttributes = { verb: 'list', group: 'region.unikorn-cloud.org', resource: 'servers' };
      const reply = await client.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes },
      });
      return [reply.status, at(reply.json, 'status', 'allowed') ?? null, at(reply.json, 'kind') ?? null];
    },
    expected: [201, true, 'SelfSubjectAccessReview'],
  },
  {
    title: 'health',
    run: async ({ client }) => {
      const found: Json[] = [];
      for (const path of ['/readyz', '/healthz']) {
        const reply = await client.get(path);
        found.push([reply.status, reply.text]);
      }
      return found;
    },
    expected: [
      [200, 'ok'],
      [200, 'ok'],
    ],
  },
];

function subject(client: KubernetesClient, namespace: string, asNobody: Subject['asNobody']): Subject {
  return {
    client,
    namespace,
    servers: `${group}/namespaces/${namespace}/servers`,
    regions: `${group}/namespaces/${namespace}/regions`,
    secrets: `/api/v1/namespaces/${namespace}/secrets`,
    leases: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
    events: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
    asNobody,
  };
}

async function createNamespace(client: KubernetesClient, name: string): Promise<void> {
  const reply = await client.post('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  });
  if (reply.status !== 201)
    throw new Error(`creating a namespace was answered ${reply.status}: ${reply.text}`);
}

/** A watch of one second ends after a tenth of one: all that the rows watch has happened before. */
const hasty = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 10, signal),
};

for (const profile of ['v1.16', 'v1.19'] as const)
  test(`the stand-in answers as expected: ${profile}`, async (t) => {
    const kubernetes = await SandboxKubernetes.start({ profile, clock: hasty, token: 'right' });
    const client = new KubernetesClient({ url: kubernetes.url, token: 'right' });
    t.teardown(async () => {
      await client.close();
      await kubernetes.close();
    });
    await createNamespace(client, 'conformance');
    const asNobody = async (path: string) => {
      kubernetes.access.restrict([]);
      const reply = await client.get(path);
      kubernetes.access.allowAll();
      return reply;
    };
    const standIn = subject(client, 'conformance', asNobody);
    for (const row of rows) t.deepEqual(await row.run(standIn), row.expected, row.title);
  });

const kubeconfig = process.env['REGION_MONITOR_TEST_KUBECONFIG'];
const testReal = kubeconfig === undefined || kubeconfig === '' ? test.skip : test;

testReal('a real API server answers as expected (REGION_MONITOR_TEST_KUBECONFIG)', async (t) => {
  t.timeout(120_000);
  const client = KubernetesClient.fromKubeconfig(kubeconfig ?? '');
  const namespace = `conformance-${randomBytes(4).toString('hex')}`;
  await createNamespace(client, namespace);
  t.teardown(async () => {
    // No controllers run there: what is in the namespace must be deleted by hand.
    for (const path of ['servers', 'regions', 'openstackidentities'])
      await client.delete(`${group}/namespaces/${namespace}/${path}`);
    await client.delete(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`);
    await client.delete(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
    await client.delete(`/api/v1/namespaces/${namespace}`);
    await client.close();
  });
  const asNobody = (path: string) => client.send('GET', path, { headers: { 'impersonate-user': 'nobody' } });
  const real = subject(client, namespace, asNobody);
  for (const row of rows) t.deepEqual(await row.run(real), row.expected, row.title);
});

/** A schema without what the stand-in leaves out: descriptions. */
function bare(value: Json): Json {
  if (isJsonArray(value)) return value.map(bare);
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([field, entry]) => !(field === 'description' && typeof entry === 'string'),
  );
  return Object.fromEntries(kept.map(([field, entry]) => [field, bare(entry ?? null)]));
}

async function schemas(client: KubernetesClient): Promise<ReadonlyMap<string, Json>> {
  const index = await client.get('/openapi/v3');
  const path = text(at(index.json, 'paths', group.slice(1), 'serverRelativeURL'));
  const found = at((await client.get(path)).json, 'components', 'schemas');
  const entries = isJsonObject(found) ? Object.entries(found) : [];
  return new Map(entries.map(([name, schema]) => [name, bare(schema ?? null)]));
}

function schemaName(kind: string): string {
  return `org.unikorn-cloud.region.v1alpha1.${kind}`;
}

testReal('the definitions are those of a real API server (REGION_MONITOR_TEST_KUBECONFIG)', async (t) => {
  const client = KubernetesClient.fromKubeconfig(kubeconfig ?? '');
  const real = await schemas(client);
  await client.close();
  const phases = at(real.get(schemaName('Server')), 'properties', 'status', 'properties', 'phase', 'enum');
  const profile: Profile = isJsonArray(phases) && phases.includes('Queued') ? 'v1.19' : 'v1.16';
  const kubernetes = await SandboxKubernetes.start({ profile });
  const standIn = new KubernetesClient({ url: kubernetes.url });
  t.teardown(async () => {
    await standIn.close();
    await kubernetes.close();
  });
  const ours = await schemas(standIn);
  for (const kind of definitions(profile).keys())
    t.deepEqual(ours.get(schemaName(kind)), real.get(schemaName(kind)), kind);
});
