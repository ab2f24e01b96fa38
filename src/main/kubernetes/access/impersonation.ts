// Whom the API server is to take us for, in headers: a kubeconfig's as, as-uid, as-groups and as-user-extra.

import type { User } from './kubeconfig-file.ts';

/** Null for nobody. */
export function impersonationHeaders(user: User): Record<string, string | string[]> | null {
  if (!user.as) return null;
  const headers: Record<string, string | string[]> = { 'impersonate-user': user.as };
  if (user['as-uid']) headers['impersonate-uid'] = user['as-uid'];
  const groups = user['as-groups'] ?? [];
  if (groups.length > 0) headers['impersonate-group'] = groups;
  for (const [key, values] of Object.entries(user['as-user-extra'] ?? {}))
    if (values !== null && values.length > 0) headers[`impersonate-extra-${escaped(key)}`] = values;
  return headers;
}

/** The name of a header takes few characters: the others, and the percent sign, become percent escapes of UTF-8. */
function escaped(key: string): string {
  return [...Buffer.from(key, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[\w!#$&'*+.^`|~-]/.test(character)
        ? character
        : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
    })
    .join('');
}
