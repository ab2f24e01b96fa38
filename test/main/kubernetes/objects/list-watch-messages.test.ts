import test from 'ava';
import { parseListPage } from '../../../../src/main/kubernetes/objects/list-watch-messages.ts';

const metadata = { resourceVersion: '7' };

test('a list whose items are null is empty; one without items is not a list', (t) => {
  t.deepEqual(parseListPage({ metadata, items: null }, 'servers'), {
    items: [],
    resourceVersion: '7',
    continue: '',
  });
  for (const items of [undefined, {}, 'none'])
    t.throws(() => parseListPage({ metadata, items }, 'servers'), {
      message: 'list servers: the answer.items must be a list',
    });
});
