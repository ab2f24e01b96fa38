// The services of a real region, as they are asked for their versions. Skipped, saying so, where the lab does not run.

import test from 'ava';
import { credentialsOf, OpenstackLab } from '../../fixtures/clouds/openstack-lab.ts';
import { answersOf, askRegion } from '../../fixtures/clouds/region-health-job.ts';

test('the services of a real cloud answer, with one request each', async (t) => {
  const lab = await OpenstackLab.find();
  if (lab === null) {
    t.log('skipped: there is no OpenStack lab');
    t.pass();
    return;
  }
  const credentials = credentialsOf(lab.users.ada);
  const first = await askRegion(lab.endpoint, { credentials, traced: true });
  const answers = answersOf(first);
  t.log(answers, first.documents);
  t.is(answers.identity, '');
  t.is(answers.compute, '');
  t.is(answers.network, '');
  const { session, documents } = first;
  const second = await askRegion(lab.endpoint, {
    credentials,
    documents,
    ...(session === null ? {} : { session }),
  });
  t.deepEqual(answersOf(second), answers);
  // Where one is configured and does not run, both of its places are tried.
  const failing = first.answers.filter(({ error }) => error !== null).length;
  const sent = second.requests.reduce((sum, { count }) => sum + count, 0);
  t.true(sent >= first.answers.length && sent <= first.answers.length + failing, `${sent} requests`);
});
