// Where an answer redirects to. A redirect is followed only where Go's client and a token's safety agree: a GET, to the same
// origin. To anywhere else the token, or a password, would go to somebody whom the Region does not name.

const redirects = new Set([301, 302, 303, 307, 308]);

/** Null when the answer is not a redirect, or does not say where to. */
export function redirectOf(status: number, location: string | undefined, asked: URL): URL | null {
  if (!redirects.has(status) || location === undefined) return null;
  const url = URL.parse(location, asked.href);
  return url === null || !/^https?:$/.test(url.protocol) ? null : url;
}

export function mayFollow(method: string, asked: URL, target: URL): boolean {
  return method === 'GET' && target.origin === asked.origin && target.href !== asked.href;
}

/** For messages: without what may be secret. */
export function shownRedirect(target: URL): string {
  return target.origin + target.pathname;
}
