// The way to a host through a proxy: CONNECT (RFC 9110) with an HTTP proxy, RFC 1928 with a SOCKS proxy. Whatever the proxy
// refuses is a ProxyFailure that names it, so that the host behind it does not get the blame.

import { once } from 'node:events';
import { request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Endpoint } from './dial.ts';
import type { ProxyServer } from './proxy-rules.ts';

/** The message never holds the credentials. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
  readonly code = 'ERR_PROXY';

  constructor(proxy: ProxyServer, what: string, options?: ErrorOptions) {
    super(`the proxy ${proxy.name} (${proxy.source}) ${what}`, options);
  }
}

/** What an answer 407 means, whichever way the proxy was asked. `offered` is its Proxy-Authenticate. */
export function loginRefused(proxy: ProxyServer, offered: string | string[] | undefined): ProxyFailure {
  const schemes = [offered ?? []]
    .flat()
    .flatMap((value) => value.match(/(?<=^|,\s*)[A-Za-z]+(?=\s|,|$)/g) ?? []);
  const what =
    schemes.length === 0 || schemes.some((scheme) => scheme.toLowerCase() === 'basic')
      ? `wants a user and a password that it accepts (it answered 407): give http://user:password@${proxy.name}`
      : `wants a login by ${[...new Set(schemes)].join(' or ')} (it answered 407), which is not supported: ` +
        'use a local proxy that makes this login, or have the proxy accept Basic or this host';
  return new ProxyFailure(proxy, what);
}

/** The value of Proxy-Authorization; null when the proxy's URL names no user. */
export function proxyAuthorization({ login }: ProxyServer): string | null {
  if (login === null) return null;
  return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
}

/** Has the proxy at the other end of `socket` connect it to `target`. */
export async function openTunnel(
  socket: Socket,
  { proxy, target, signal }: { proxy: ProxyServer; target: Endpoint; signal: AbortSignal },
): Promise<void> {
  const negotiate = proxy.kind === 'socks5' ? askSocks : askConnect;
  const ended = Promise.withResolvers<never>();
  const onAbort = (): void => ended.reject(signal.reason);
  const onClose = (): void => ended.reject(new ProxyFailure(proxy, 'closed the connection'));
  const onError = (cause: Error): void => ended.reject(new ProxyFailure(proxy, cause.message, { cause }));
  signal.addEventListener('abort', onAbort);
  socket.once('close', onClose).once('error', onError);
  try {
    await Promise.race([negotiate(socket, proxy, target), ended.promise]);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.off('close', onClose).off('error', onError);
  }
}

function authority({ host, port }: Endpoint): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

async function askConnect(socket: Socket, proxy: ProxyServer, target: Endpoint): Promise<void> {
  const path = authority(target);
  const login = proxyAuthorization(proxy);
  const asked = request({
    method: 'CONNECT',
    path,
    headers: { host: path, ...(login === null ? {} : { 'proxy-authorization': login }) },
    createConnection: () => socket,
    insecureHTTPParser: true,
  });
  const answer = Promise.withResolvers<{ status: number; offered: string | undefined; head: Buffer }>();
  asked.once('connect', ({ statusCode = 0, headers }, _, head) =>
    answer.resolve({ status: statusCode, offered: headers['proxy-authenticate'], head }),
  );
  asked.on('error', (cause) => answer.reject(new ProxyFailure(proxy, `failed: ${cause.message}`, { cause })));
  asked.end();
  const { status, offered, head } = await answer.promise;
  if (status === 407) throw loginRefused(proxy, offered);
  if (status !== 200) throw new ProxyFailure(proxy, refusal(status, path));
  if (head.length > 0) socket.unshift(head);
}

function refusal(status: number, target: string): string {
  const reason =
    status === 403
      ? 'its rules do not allow this host'
      : status === 502 || status === 503 || status === 504
        ? 'it cannot reach this host'
        : 'is it a proxy for https?';
  return `answered ${status} to CONNECT ${target}: ${reason}; to go there directly, add the host to NO_PROXY`;
}

const socksReasons = [
  '',
  'general failure',
  'its rules do not allow this host',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
];

async function askSocks(socket: Socket, proxy: ProxyServer, { host, port }: Endpoint): Promise<void> {
  const { login } = proxy;
  const fail = (what: string): never => {
    throw new ProxyFailure(proxy, what);
  };
  // Both methods are offered, as Go does: without a login, and with one if there is one.
  socket.write(Buffer.from(login === null ? [5, 1, 0] : [5, 2, 0, 2]));
  const [version, method] = await take(socket, 2);
  if (version !== 5) fail('does not speak SOCKS 5');
  if (method === 2 && login !== null) {
    socket.write(Buffer.concat([Buffer.from([1]), prefixed(login.user), prefixed(login.password)]));
    const [, status] = await take(socket, 2);
    if (status !== 0) fail('does not accept the user and password of its URL');
  } else if (method !== 0) fail('wants a user and a password: give socks5://user:password@host:port');
  const name = isIP(host) === 0 ? Buffer.concat([Buffer.from([3]), prefixed(host)]) : rawAddress(host);
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), name, Buffer.from([port >> 8, port & 255])]));
  const [, status = 255, , type] = await take(socket, 4);
  if (status !== 0)
    fail(`cannot reach ${authority({ host, port })}: ${socksReasons[status] ?? `status ${status}`}`);
  // The address that it connected from, which nobody needs.
  const length = type === 1 ? 4 : type === 4 ? 16 : ((await take(socket, 1))[0] ?? 0);
  await take(socket, length + 2);
}

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 255);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** The type of an address and its bytes. */
function rawAddress(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from([1, ...address.split('.').map(Number)]);
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array<number>(8 - before.length - after.length).fill(0);
  return Buffer.from([4, ...[...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255])]);
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

async function take(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk: unknown = socket.read(bytes);
    if (Buffer.isBuffer(chunk)) return chunk;
    await once(socket, 'readable');
  }
}
