import test from 'ava';
import { impersonationHeaders } from '../../../../src/main/kubernetes/access/impersonation.ts';
import type { User } from '../../../../src/main/kubernetes/access/kubeconfig-file.ts';

const cases: readonly [string, User, object | null][] = [
  ['no name is given', {}, null],
  ['the name is empty', { as: '', 'as-uid': '42' }, null],
  ['only a name is given', { as: 'jane' }, { 'impersonate-user': 'jane' }],
  [
    'the rest has no value',
    { as: 'jane', 'as-uid': '', 'as-groups': [], 'as-user-extra': { none: [] } },
    { 'impersonate-user': 'jane' },
  ],
  [
    'all is given',
    { as: 'jane', 'as-uid': '42', 'as-groups': ['a'], 'as-user-extra': { scope: ['view'] } },
    {
      'impersonate-user': 'jane',
      'impersonate-uid': '42',
      'impersonate-group': ['a'],
      'impersonate-extra-scope': ['view'],
    },
  ],
  [
    'a key has characters that no header name takes',
    { as: 'jane', 'as-user-extra': { 'a/b%\n:é': ['x'] } },
    { 'impersonate-user': 'jane', 'impersonate-extra-a%2Fb%25%0A%3A%C3%A9': ['x'] },
  ],
];

for (const [what, user, headers] of cases)
  test(`headers of impersonation when ${what}`, (t) => {
    t.deepEqual(impersonationHeaders(user), headers);
  });
