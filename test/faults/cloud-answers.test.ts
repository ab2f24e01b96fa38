// Clouds that answer, but not as they should: broken bodies, endless ones, statuses that refuse or fail.

import test from 'ava';
import { assertDocumented } from '../fixtures/documented.ts';
import { FaultSuite } from '../fixtures/fault-suite.ts';
import { type Outage, surviveOutage } from '../fixtures/monitor/outage.ts';

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start();
});

test.afterEach(assertDocumented);

test.after.always('all is as it was before', async (t) => suite.finish(t));

const list = { route: 'GET /servers/detail' } as const;
const gigabyte = 1 << 30;

/** A status that lists are answered with. */
function answers(status: number, rest: Pick<Outage, 'codes' | 'says' | 'concerns'>): Outage {
  return {
    id: `status-${status}`,
    name: `every list gets status ${status}`,
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'status', status }, list),
    ...rest,
  };
}

const outages: readonly Outage[] = [
  {
    id: 'truncated',
    name: 'the JSON is truncated',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'truncated' }, list),
    codes: ['invalid-response'],
    says: /answered 200 with \d+ bytes \(application\/json\) that are not JSON/,
  },
  {
    id: 'not-json',
    name: 'the answer is not JSON',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'not-json' }, list),
    codes: ['invalid-response'],
    says: /answered 200 with \d+ bytes .* that are not JSON/,
  },
  {
    id: 'html',
    name: 'the answer is a web page with status 200, also from Keystone',
    inject: ({ region }) => {
      region.cloud.faults.add({ kind: 'html' });
      region.cloud.revokeTokens();
    },
    codes: ['invalid-response'],
    says: /\(text\/html.*\) that are not JSON/,
  },
  {
    id: 'huge',
    name: 'the body is 10 GB long',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'huge', bytes: 10 * gigabyte }, list),
    // Where the machine is too slow for what we accept of it.
    codes: ['response-too-large', 'timeout'],
    says: /sent more than the \d+ bytes that we accept|no answer within|deadline/,
  },
  {
    id: 'next-itself',
    name: 'the link to the next page is always the same',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'endless-next', to: 'itself' }),
    codes: ['invalid-response'],
    says: /GET \/servers\/detail does not end/,
  },
  {
    id: 'next-another',
    name: 'there is always a next page',
    inject: ({ region }) => void region.cloud.faults.add({ kind: 'endless-next' }),
    codes: ['invalid-response'],
    says: /GET \/servers\/detail does not end/,
  },
  answers(400, { codes: ['unexpected-status'], says: /answered 400 \(The sandbox was told/ }),
  answers(401, {
    concerns: 'project',
    codes: ['unauthorized'],
    says: /GET \/servers\/detail at .* answered 401/,
  }),
  answers(403, { concerns: 'project', codes: ['forbidden'], says: /answered 403 \(The sandbox was told/ }),
  answers(404, { codes: ['not-found'], says: /answered 404/ }),
  answers(406, { codes: ['unexpected-status'], says: /406 to microversion 2\.90/ }),
  answers(429, { codes: ['rate-limited'], says: /answered 429/ }),
  answers(500, { codes: ['server-error'], says: /answered 500/ }),
  answers(503, { codes: ['server-error'], says: /answered 503/ }),
];

for (const outage of outages) test(outage.name, async (t) => surviveOutage(t, suite, outage));
