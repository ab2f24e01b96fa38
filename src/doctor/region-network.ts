// The way to a region's identity service: the name, a connection, its certificate; through the proxy, where there is one.

import type { Clock } from '../shared/clock.ts';
import { hostOf, type Network, portOf } from '../shared/network/network.ts';
import { probeTcp, probeTls, resolveHost } from './network-probe.ts';
import type { Examination, Found, Remedies } from './steps.ts';

export interface WayOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly requestTimeoutMs: number;
}

const expiresSoonMs = 14 * 24 * 3_600_000;

/** Whether there is a connection to the service, or to the proxy in front of it. */
export async function examineWay(
  exam: Examination,
  url: URL,
  { network, requestTimeoutMs }: Pick<WayOptions, 'network' | 'requestTimeoutMs'>,
): Promise<boolean> {
  const proxy = network.proxyFor(url);
  const address = proxy ?? { host: hostOf(url), port: portOf(url) };
  const through = proxy === null ? '' : `through the proxy ${proxy.name} (${proxy.source}): `;
  const dns = async () => {
    const addresses = await resolveHost(address);
    const named = !addresses.includes(address.host);
    const detail = named
      ? `${address.host} is ${addresses.join(', ')}`
      : `the ${proxy === null ? 'endpoint' : 'proxy'} is an address already`;
    return { value: addresses, detail: `${through}${detail}` };
  };
  const toGoDirectly = `to go there directly, add ${hostOf(url)} to NO_PROXY`;
  const dnsRemedies: Remedies = {
    unreachable:
      proxy === null
        ? 'correct the host name in spec.openstack.endpoint, or the DNS that answers here; if only a proxy knows the name, set HTTP_PROXY and HTTPS_PROXY for the monitor'
        : `correct the name of the proxy in ${proxy.source}; ${toGoDirectly}`,
  };
  if ((await exam.step('DNS', dns, dnsRemedies)) === undefined) return false;
  const tcp = async (signal: AbortSignal) => {
    const value = await probeTcp(address, { signal, timeoutMs: requestTimeoutMs });
    return { value, detail: `${through}${value}, port ${address.port}` };
  };
  const noProxy = proxy === null ? null : `is the proxy up, and is ${proxy.source} right? ${toGoDirectly}`;
  const tcpRemedies: Remedies = noProxy === null ? {} : { unreachable: noProxy, timeout: noProxy };
  return (await exam.step('TCP', tcp, tcpRemedies)) !== undefined;
}

export async function examineCertificate(
  url: URL,
  caCertificate: string | null,
  { network, clock, requestTimeoutMs, signal }: WayOptions,
): Promise<Found<true>> {
  if (url.protocol === 'http:') {
    if (/^(?:localhost|127\..*|::1)$/.test(hostOf(url)))
      return { value: true, detail: 'none: plain HTTP, on this machine' };
    const warning = 'passwords cross the network in the clear: use an https endpoint';
    return { value: true, detail: 'none: plain HTTP', warning };
  }
  const { protocol, issuer, validUntilMs } = await probeTls(
    url,
    { network, caCertificate },
    { signal, timeoutMs: requestTimeoutMs },
  );
  const until = new Date(validUntilMs).toISOString().slice(0, 10);
  const detail = `${protocol}, certificate by ${issuer}, valid until ${until}`;
  if (validUntilMs - clock.now() > expiresSoonMs) return { value: true, detail };
  return { value: true, detail, warning: 'renew the certificate soon' };
}
