import test from 'ava';
import * as v from 'valibot';
import { SandboxCloud } from '../../../src/sandbox/openstack/cloud.ts';

const pageSchema = v.object({
  nodes: v.array(v.record(v.string(), v.unknown())),
  next: v.optional(v.string()),
});
const server = (ordinal: number) => `00000000-0000-4000-8000-${String(ordinal).padStart(12, '0')}`;

async function login(cloud: SandboxCloud, roles: readonly string[]): Promise<string> {
  const { userId, password, projectId } = cloud.addIdentity({ roles });
  const answer = await fetch(`${cloud.endpoint}/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { id: userId, password } } },
        scope: { project: { id: projectId } },
      },
    }),
  });
  await answer.text();
  return answer.headers.get('x-subject-token') ?? '';
}

async function get(url: string, token: string, version: string | null = '1.11'): Promise<Response> {
  return fetch(url, {
    headers: {
      'X-Auth-Token': token,
      ...(version === null ? {} : { 'X-OpenStack-Ironic-API-Version': version }),
    },
  });
}

async function page(response: Response): Promise<v.InferOutput<typeof pageSchema>> {
  return v.parse(pageSchema, await response.json());
}

test('nodes as Ironic lists them: fields, filters, pages', async (t) => {
  await using resources = new AsyncDisposableStack();
  const cloud = resources.adopt(await SandboxCloud.start({ maxLimit: 2 }), async (opened) => opened.close());
  const token = await login(cloud, ['admin']);
  const nodes = `${cloud.endpoint}/baremetal/v1/nodes`;
  cloud.nodes.add();
  for (const ordinal of [1, 2, 3])
    cloud.nodes.add({ serverId: server(ordinal), provisionState: 'deploying' });

  const fields = 'fields=instance_uuid,provision_state';
  const one = await page(await get(`${nodes}?instance_uuid=${server(2)}&${fields}`, token));
  t.is(one.nodes.length, 1);
  t.like(one.nodes[0], { instance_uuid: server(2), provision_state: 'deploying' });
  t.deepEqual(Object.keys(one.nodes[0] ?? {}), ['instance_uuid', 'provision_state', 'links']);

  const first = await page(await get(`${nodes}?associated=true&${fields}`, token));
  t.deepEqual(
    first.nodes.map((node) => node['instance_uuid']),
    [server(1), server(2)],
  );
  const second = await page(await get(first.next ?? '', token));
  t.deepEqual(
    second.nodes.map((node) => node['instance_uuid']),
    [server(3)],
  );
  t.is(second.next, undefined);

  t.is((await get(`${nodes}?instance_uuid=a`, token)).status, 400);
  t.is((await get(`${nodes}?${fields}`, token, '1.7')).status, 406);
  t.is((await get(nodes, token, '9.9')).status, 406);
  t.is((await get(nodes, 'garbage')).status, 401);
  t.false('provision_state' in ((await page(await get(nodes, token, null))).nodes[0] ?? {}));
});

test('whoever is not an administrator sees no nodes', async (t) => {
  await using resources = new AsyncDisposableStack();
  const cloud = resources.adopt(await SandboxCloud.start(), async (opened) => opened.close());
  cloud.nodes.add({ serverId: server(1) });
  const token = await login(cloud, ['member', 'reader']);
  t.deepEqual(await page(await get(`${cloud.endpoint}/baremetal/v1/nodes`, token)), { nodes: [] });
});
