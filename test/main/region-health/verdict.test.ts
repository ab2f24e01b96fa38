// What the answers of services say of a region.

import test from 'ava';
import { type Sight, verdictOf, withLogin } from '../../../src/main/region-health/verdict.ts';
import type { ErrorCode } from '../../../src/shared/errors.ts';
import type { RegionService, ServiceAnswer } from '../../../src/shared/region-health.ts';

const answers = (failing: Partial<Record<RegionService, ErrorCode>>): readonly ServiceAnswer[] =>
  (['identity', 'compute', 'network', 'image'] as const).map((service) => {
    const code = failing[service];
    return { service, seconds: 0.1, error: code === undefined ? null : { code, message: 'why' } };
  });
const asked = (
  failing: Partial<Record<RegionService, ErrorCode>>,
  loginError: ErrorCode | null = null,
): Sight => ({
  kind: 'asked',
  answers: answers(failing),
  loginError: loginError === null ? null : { code: loginError, message: 'no' },
});
const shown = (sight: Sight): string | null => {
  const verdict = verdictOf(sight);
  if (verdict === null) return null;
  const { status, reason, message } = verdict.health;
  return `${status} ${reason}: ${message}`;
};

for (const [title, sight, expected] of [
  ['all answer', asked({}), 'True Healthy: all services answer'],
  ['one does not', asked({ network: 'timeout' }), 'False Degraded: network (timeout) is not available'],
  [
    'two do not',
    asked({ network: 'timeout', image: 'server-error' }),
    'False Degraded: network (timeout) and image (server-error) are not available',
  ],
  ['identity does not', asked({ identity: 'tls' }), 'False Errored: identity (tls) is not available'],
  [
    'compute does not',
    asked({ compute: 'no-endpoint' }),
    'False Errored: compute (no-endpoint) is not available',
  ],
  [
    'several do not, compute among them',
    asked({ compute: 'timeout', network: 'timeout', image: 'timeout' }),
    'False Errored: compute (timeout), network (timeout) and image (timeout) are not available',
  ],
  ['a login is refused', asked({}, 'unauthorized'), 'Unknown Unknown: unable to ask the region: no'],
  [
    'a login fails for want of identity',
    asked({ identity: 'timeout' }, 'timeout'),
    'False Errored: identity (timeout) is not available',
  ],
  [
    'it could not be asked',
    { kind: 'unasked', error: { code: 'invalid-config', message: 'Secret a/b: key error: password' } },
    'Unknown Unknown: unable to ask the region: Secret a/b: key error: password',
  ],
  ['nobody can ask it', { kind: 'unasked', error: { code: 'unsupported', message: 'wrong kind' } }, null],
  ['it is simulated', { kind: 'simulated' }, 'True Healthy: region is simulated'],
] satisfies readonly (readonly [string, Sight, string | null])[])
  test(title, (t) => {
    t.is(shown(sight), expected);
  });

const gist = (sight: Sight): string | undefined => verdictOf(sight)?.gist;

test('two polls agree when the same services fail, whatever the reasons', (t) => {
  t.is(gist(asked({ network: 'timeout' })), gist(asked({ network: 'unreachable' })));
  t.not(gist(asked({ network: 'timeout' })), gist(asked({ image: 'timeout' })));
  t.not(gist(asked({ network: 'timeout' })), gist(asked({ network: 'timeout', image: 'timeout' })));
  t.not(gist(asked({})), gist(asked({}, 'unauthorized')));
});

test('identity does not work where logins fail; where they are refused or put off, it is there', (t) => {
  const answers: readonly ServiceAnswer[] = [
    { service: 'identity', seconds: 0.1, error: null },
    { service: 'compute', seconds: 0.1, error: null },
  ];
  const after = (code: ErrorCode) =>
    withLogin(answers, { code, message: 'no' }).map(({ error }) => error?.code);
  for (const code of ['timeout', 'server-error', 'not-found', 'tls'] as const)
    t.deepEqual(after(code), [code, undefined]);
  for (const code of ['unauthorized', 'forbidden', 'wrong-scope', 'rate-limited'] as const)
    t.deepEqual(after(code), [undefined, undefined]);
  t.is(withLogin(answers, null), answers);
});
