import test from 'ava';
import {
  advancedRebuild,
  isRebuildPending,
} from '../../../../src/main/server-health/status/rebuild-marker.ts';
import { imageId } from '../../../../src/workers/openstack/server-details.ts';
import { observeServer } from '../../../../src/workers/server-health/server-observation.ts';
import { images, rebuildRows, states, target } from '../../../fixtures/monitor/original-rows.ts';

function observed(status: string, image: string | undefined, task: string) {
  return observeServer(
    {
      id: 'id-1',
      name: 'web',
      status,
      ...(image === undefined ? {} : { image: { id: image } }),
      'OS-EXT-STS:task_state': task === '' ? null : task,
    },
    undefined,
  );
}

for (const [state, status, image, task, wanted] of rebuildRows) {
  const name = `${states[state]}, ${status}, image ${image}, ${task || 'no task'}`;
  test(`rebuild: ${name}: ${states[wanted]}`, (t) => {
    const marker = { targetImageId: target, state: states[state] };
    const advanced = advancedRebuild(marker, observed(status, images[image], task));
    t.deepEqual(advanced, { targetImageId: target, state: states[wanted] });
    // The same object: there is nothing to write.
    if (state === wanted) t.is(advanced, marker);
  });
}

test('a marker is never made', (t) => {
  t.is(advancedRebuild(null, observed('REBUILD', target, 'rebuilding')), null);
});

test('the target may be written in capitals', (t) => {
  const marker = { targetImageId: target.toUpperCase(), state: 'Rebuilding' };
  t.is(advancedRebuild(marker, observed('ACTIVE', target, ''))?.state, 'Succeeded');
  t.is(imageId({ id: target.toUpperCase() }), target);
});

test('a server in a cell that is down says nothing of its rebuild', (t) => {
  const marker = { targetImageId: target, state: 'Rebuilding' };
  const partial = observeServer({ id: 'id-1', status: 'UNKNOWN' }, undefined);
  t.is(advancedRebuild(marker, partial), marker);
});

test('a state that is not known is left alone', (t) => {
  const marker = { targetImageId: target, state: 'Paused' };
  t.is(advancedRebuild(marker, observed('ERROR', target, '')), marker);
});

test('a rebuild is pending until its last state', (t) => {
  const pending = Object.values(states).map((state) => isRebuildPending({ targetImageId: target, state }));
  t.deepEqual(pending, [true, true, false, false]);
  t.false(isRebuildPending(null));
  t.false(isRebuildPending({ targetImageId: target, state: 'Paused' }));
});
