import test from 'ava';
import { CheckFailure } from '../../../src/shared/errors.ts';
import { listNodes } from '../../../src/workers/openstack/nodes.ts';
import { type ServiceScript, scriptedService } from '../../fixtures/clouds/scripted-service.ts';

const node = (id: unknown, state: unknown) => ({ instance_uuid: id, provision_state: state });
const page = (nodes: readonly unknown[], next?: string) => ({ json: { nodes, next } });

async function list(ids: readonly string[], ...script: ServiceScript) {
  const { service, asked } = scriptedService(...script);
  const nodes = await listNodes(service, ids);
  return { ...nodes, paths: asked.map(({ path }) => path) };
}

const fields = 'fields=instance_uuid,provision_state';

test('one server is asked for by its id, several by one list', async (t) => {
  const one = await list(['a/b'], page([node('a/b', 'active')]));
  t.deepEqual(one.paths, [`/nodes?instance_uuid=a%2Fb&${fields}`]);
  t.deepEqual(one.states, { 'a/b': 'active' });
  const several = await list(['a', 'b'], page([node('x', 'active'), node('b', 'deploying')]));
  t.deepEqual(several.paths, [`/nodes?associated=true&${fields}`]);
  t.deepEqual(several.states, { a: null, b: 'deploying' });
});

test('pages are read until each server was seen', async (t) => {
  const first = page([node('x', 'active'), node('a', 'deploying')], '?marker=1');
  const seen = await list(['a', 'b'], first, page([node('b', 'active')], '?marker=2'));
  t.is(seen.paths.length, 2);
  t.deepEqual(seen.states, { a: 'deploying', b: 'active' });
  const ended = await list(['a', 'b'], first, page([node('y', 'active')]));
  t.deepEqual(ended.states, { a: 'deploying', b: null });
});

test('a node without a state is one with which nothing was done; one that cannot be read is not known', async (t) => {
  const { states } = await list(
    ['a', 'b', 'c'],
    page([null, node(7, 'active'), node(null, 'active'), node('a', null), node('b', { name: 'active' })]),
  );
  t.deepEqual(states, { a: '', c: null });
});

test('of a server that two nodes claim, neither is believed', async (t) => {
  const claimed = page([node('a', 'active'), node('b', 'active'), node('a', 'deploying')]);
  t.like(await list(['a', 'b'], claimed), { states: { b: 'active' }, ambiguous: ['a'] });
  const { states, ambiguous } = await list(['a'], page([node('a', 'active'), node('a', 'active')]));
  t.deepEqual(states, {});
  t.deepEqual(ambiguous, ['a']);
});

test('a list that is read again forgets which servers it saw', async (t) => {
  const lost = new CheckFailure({ code: 'not-found', message: 'no such marker', status: 404 });
  const again = await list(
    ['a', 'b'],
    page([node('a', 'active'), node('a', 'active')], '?marker=1'),
    lost,
    page([node('a', 'active')], '?marker=1'),
    page([node('b', 'active')]),
  );
  t.deepEqual(again.ambiguous, []);
  t.deepEqual(again.states, { a: 'active', b: 'active' });
  t.is(again.paths.length, 4);
});
