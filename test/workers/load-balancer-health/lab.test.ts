// Against a real Octavia, where it runs: LAB_DIR names the lab's folder. Skips, saying so, where it does not.

import test from 'ava';
import { failure, listed, listProject, loadBalancerTask } from '../../fixtures/clouds/load-balancer-job.ts';
import { credentialsOf, type LabUser, OpenstackLab } from '../../fixtures/clouds/openstack-lab.ts';

const task = (user: LabUser) => loadBalancerTask(credentialsOf(user));

const lab = await OpenstackLab.find();
const all = (await lab?.loadBalancers()) ?? null;

if (lab === null || all === null) {
  test.skip('a real Octavia (there is none)', (t) => t.fail());
} else if (all.length === 0) {
  test.skip('a real Octavia (it has no load balancers: seed-lb.py of the lab makes some)', (t) => t.fail());
} else {
  const { endpoint, users } = lab;
  /** Of the lab's own, which no test changes. */
  const inProject = (user: LabUser) =>
    all
      .filter(({ project_id: projectId }) => projectId === user.project_id)
      .map(({ id, name, operating_status: operating, provisioning_status: provisioning }) =>
        [id, name, provisioning, operating].join(' '),
      )
      .toSorted();

  for (const name of ['alice', 'bob', 'ada'] as const)
    test.serial(`${name} gets the load balancers of the project, and no others`, async (t) => {
      t.timeout(120_000);
      const list = listed(await listProject(endpoint, task(users[name])));
      t.deepEqual(
        list.observations
          .map(({ providerId, name: called, provisioningStatus, operatingStatus }) =>
            [providerId, called, provisioningStatus, operatingStatus].join(' '),
          )
          .toSorted(),
        inProject(users[name]),
      );
      t.deepEqual(list.malformed, []);
      const degraded = list.observations.filter(
        ({ operatingStatus, provisioningStatus }) =>
          operatingStatus === 'DEGRADED' && provisioningStatus !== 'ERROR',
      );
      for (const { members } of degraded) t.true((members?.failing ?? 0) > 0 && (members?.all ?? 0) > 1);
    });

  test.serial('an unchanged list is the same byte for byte', async (t) => {
    t.timeout(120_000);
    const first = await listProject(endpoint, task(users.alice));
    const { digest } = listed(first);
    const { session } = first;
    if (digest === null || session === null) throw new Error('a list in one page has a digest');
    const again = await listProject(endpoint, { ...task(users.alice), session, knownDigest: digest });
    t.true(listed(again).unchanged);
  });

  const { mona } = users;
  const needsMona = mona === undefined ? test.serial.skip : test.serial;
  needsMona('a user without a role of Octavia is refused', async (t) => {
    t.timeout(120_000);
    if (mona === undefined) throw new Error('the lab has no user mona');
    const { code, message } = failure(await listProject(endpoint, task(mona)));
    t.is(code, 'forbidden');
    t.regex(message, /Policy does not allow this request to be performed\./);
  });
}
