// The address of an OTLP receiver, as --otlp-endpoint and the variables of OpenTelemetry give it.

/** What to write instead of something else. */
export const otlpUrlForms = 'give host:port, or a URL that begins with http:// or https://';

const hostAndPort = /^(?:\[[\w:.%]+\]|[\w.-]+)(?::[0-9]{1,5})?$/;

/**
 * Of a URL, or of "host" or "host:port", which means plain HTTP as in the original, and HTTPS with `secure`. Null when it
 * is neither.
 */
export function otlpUrl(endpoint: string, secure = false): URL | null {
  const scheme = hostAndPort.test(endpoint) ? (secure ? 'https://' : 'http://') : '';
  if (scheme === '' && !/^https?:\/\/[^/\\\s][^\s]*$/i.test(endpoint)) return null;
  return URL.parse(`${scheme}${endpoint}`);
}
