// A wait that is due already, as after a pause of the whole process: Node's warning about it would be a line of the log that
// is not JSON.

import { createServer } from 'node:net';
import test from 'ava';
import { systemClock } from '../../src/shared/clock.ts';
import { Deadline } from '../../src/shared/deadline.ts';
import { dial } from '../../src/shared/network/dial.ts';

test.serial('a wait that is due already ends at once, without a warning of Node', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  t.teardown(() => process.off('warning', note));
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  await systemClock.sleep(-5);
  const deadline = new Deadline(-5, undefined);
  await t.throwsAsync(
    dial({ host: '127.0.0.1', port }, { timeoutMs: -5, signal: new AbortController().signal }),
  );
  // A warning is emitted in a later turn.
  await systemClock.sleep(20);
  t.true(deadline.expired);
  t.deepEqual(warnings, []);
});
