// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go's net/http reads them, because the
// platform's other programs are Go programs and share these variables with us. Unlike Go, requests to services of the
// cluster never take the proxy.

import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProxyServer {
  readonly kind: 'http' | 'https' | 'socks5';
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Null when the proxy's URL names no user. */
  readonly login: { readonly user: string; readonly password: string } | null;
  /** For messages: without the credentials. */
  readonly name: string;
  /** Where its URL was given, for messages: "HTTPS_PROXY", for example. */
  readonly source: string;
}

export interface ProxyRules {
  /** Null for a request that goes straight to its host. */
  readonly proxyFor: (url: URL) => ProxyServer | null;
  /** What cannot be used, and what to do about it. */
  readonly problems: readonly string[];
}

const defaultPorts = { http: 80, https: 443, socks5: 1080 } as const;

export function proxyRules(env: Environment): ProxyRules {
  const problems: string[] = [];
  const read = (upper: string): ProxyServer | null => {
    // Go's order: upper case first, and an empty value counts as none.
    const source = env[upper] ? upper : upper.toLowerCase();
    const value = env[source];
    if (!value) return null;
    const proxy = parseProxy(value, source);
    if (typeof proxy === 'string') problems.push(proxy);
    return typeof proxy === 'string' ? null : proxy;
  };
  const https = read('HTTPS_PROXY');
  let http = read('HTTP_PROXY');
  if (http !== null && env['REQUEST_METHOD']) {
    // Under CGI, HTTP_PROXY is what a client sent as the header "Proxy".
    problems.push(`${http.source} is ignored because REQUEST_METHOD is set: unset REQUEST_METHOD`);
    http = null;
  }
  const direct = noProxy(env['NO_PROXY'] || env['no_proxy'] || '');
  const apiServer = (env['KUBERNETES_SERVICE_HOST'] ?? '').toLowerCase();
  return {
    problems,
    proxyFor: (url) => {
      const proxy = url.protocol === 'https:' ? https : http;
      if (proxy === null) return null;
      const host = hostOf(url);
      if (host === 'localhost' || isLoopback(host) || host === apiServer || isClusterName(host)) return null;
      return direct(host, portOf(url)) ? null : proxy;
    },
  };
}

/** A proxy's URL, or "host:port", which means http. A text says why it cannot be used, without repeating it. */
export function parseProxy(value: string, source: string): ProxyServer | string {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  const give = 'give http://host:port, https://host:port or socks5://host:port';
  if (url === null || url.hostname === '') return `${source} is not the URL of a proxy: ${give}`;
  const kind = kindOf(url.protocol);
  if (kind === null) return `${source} has a scheme that is not supported: ${give}`;
  const host = hostOf(url);
  const port = url.port === '' ? defaultPorts[kind] : Number(url.port);
  const login =
    url.username === '' && url.password === ''
      ? null
      : { user: decoded(url.username), password: decoded(url.password) };
  return { kind, host, port, login, source, name: `${isIP(host) === 6 ? `[${host}]` : host}:${port}` };
}

function kindOf(protocol: string): ProxyServer['kind'] | null {
  if (protocol === 'http:') return 'http';
  if (protocol === 'https:') return 'https';
  return protocol === 'socks5:' || protocol === 'socks5h:' ? 'socks5' : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** In lower case, and without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** The names that Kubernetes gives to services. No proxy outside of the cluster can reach them. */
function isClusterName(host: string): boolean {
  return /\.svc(?:\.cluster\.local)?\.?$/.test(host);
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  return contains(loopback, host);
}

function contains(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

type Matcher = (host: string, port: number) => boolean;

/** NO_PROXY: whether a host is among those that are reached without a proxy. */
function noProxy(value: string): Matcher {
  const entries = value
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '');
  if (entries.includes('*')) return () => true;
  const matchers = entries.map(matcherOf);
  return (host, port) => matchers.some((matches) => matches(host, port));
}

function matcherOf(entry: string): Matcher {
  const range = rangeOf(entry);
  if (range !== null) return range;
  const { host: name, port: wanted } = splitPort(entry);
  const port = (actual: number): boolean => wanted === '' || wanted === String(actual);
  const family = isIP(name);
  if (family !== 0) {
    const address = new BlockList();
    address.addAddress(name, family === 6 ? 'ipv6' : 'ipv4');
    return (host, actual) => contains(address, host) && port(actual);
  }
  const pattern = name.startsWith('*.') ? name.slice(1) : name;
  const bare = pattern.replace(/^\./, '');
  if (bare === '') return () => false;
  const domain = domainToASCII(bare) || bare;
  const subdomainsOnly = pattern.startsWith('.');
  return (host, actual) =>
    isIP(host) === 0 && (host.endsWith(`.${domain}`) || (!subdomainsOnly && host === domain)) && port(actual);
}

/** Of CIDR notation; null for anything else. */
function rangeOf(entry: string): Matcher | null {
  const [, address = '', prefix = ''] = /^([\da-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  const bits = Number(prefix);
  if (family === 0 || bits > (family === 6 ? 128 : 32)) return null;
  const list = new BlockList();
  list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  // A range of IPv6 holds no IPv4 address, unless it is one of IPv4 addresses in IPv6 notation.
  const onlyIpv6 = family === 6 && bits < 96;
  return (host) => !(onlyIpv6 && isIP(host) === 4) && contains(list, host);
}

/** As Go's net.SplitHostPort: an IPv6 address has a port only behind brackets. */
function splitPort(entry: string): { host: string; port: string } {
  const bracketed = /^\[([^[\]]*)\]:([^:]*)$/.exec(entry);
  if (bracketed !== null) return { host: bracketed[1] ?? '', port: bracketed[2] ?? '' };
  const plain = /^([^:[\]]*):([^:[\]]*)$/.exec(entry);
  return plain === null ? { host: entry, port: '' } : { host: plain[1] ?? '', port: plain[2] ?? '' };
}
