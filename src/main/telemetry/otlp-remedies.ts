// What to do about a receiver that does not take an export: a rule, so that each line in the log names what helps.

import { ProxyFailure } from '../../shared/network/proxy-tunnel.ts';
import { Refused, WebPage } from './otlp-sender.ts';
import { type Signal, type SignalSettings, variableNames } from './otlp-settings.ts';

/** The end of a sentence. */
export function otlpRemedy(error: unknown, signal: Signal, { url, source, tls }: SignalSettings): string {
  const variable = (what: string): string => variableNames(signal, what)[1];
  if (error instanceof Refused) {
    const { status, location } = error;
    if (location !== null) return `it redirects to ${placeOf(location, url)}: give that address in ${source}`;
    if (status === 401 || status === 403) return `does ${variable('HEADERS')} hold the right credentials?`;
    if (status === 404 || status === 405) return `is the path ${url.pathname} right? ${source} gives it`;
    if (status === 413)
      return `it takes no exports of this size: raise its limit, or set ${variable('COMPRESSION')} to gzip`;
    if (status === 415)
      return `does it take what ${variable('PROTOCOL')} (http/protobuf or http/json) and ${variable('COMPRESSION')} say?`;
    if (status === 429) return 'it is asked too often or has a quota: raise the quota, or export less often';
    if (status >= 500)
      return 'it has a problem of its own: look at its log. Metrics are sent again with the next export';
    return `is ${source} right?`;
  }
  if (error instanceof WebPage)
    return `something else answers there, a portal or a proxy maybe: is ${source} right, and does the way need NO_PROXY?`;
  if (error instanceof ProxyFailure) return `correct the proxy, or add ${url.hostname} to NO_PROXY`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof Error && error.name === 'HTTPParserError')
    return `it does not speak HTTP/1.1: does ${source} name its port for HTTP, not the one for gRPC?`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return `it does not speak TLS there: does ${source} need http://?`;
  if (code === 'UND_ERR_SOCKET' && url.protocol === 'http:') return `does ${source} need https://?`;
  // With TLS 1.3, a client without a certificate sees no more than the end of the connection.
  if (/ALERT|^UND_ERR_SOCKET$|^ECONNRESET$/.test(code) && url.protocol === 'https:' && tls.cert === undefined)
    return `does it ask for a client certificate? ${variable('CLIENT_CERTIFICATE')} names one`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `its certificate is for another name: is ${source} right?`;
  if (/CERT|ISSUER|SELF_SIGNED|SIGNATURE/.test(code))
    return `is ${variable('CERTIFICATE')} the file of the authority that signed its certificate?`;
  return `is it up, and is ${source} right?`;
}

/** Without what a URL may hide: credentials and query. */
function placeOf(location: string, base: URL): string {
  const url = URL.parse(location, base.href);
  return url === null ? 'another address' : `${url.origin}${url.pathname}`;
}
