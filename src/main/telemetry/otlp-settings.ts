// Where metrics and traces go by OTLP, and how: --otlp-endpoint and the variables OTEL_EXPORTER_OTLP_*. The flag wins over
// the endpoints of the variables, as an option does in the original's SDK; all other variables count with it, too. The
// variable of a signal (OTEL_EXPORTER_OTLP_METRICS_…) wins over the general one.

import { validateHeaderName, validateHeaderValue } from 'node:http';
import { otlpUrl, otlpUrlForms } from '../options/otlp-url.ts';
import { keyValuePairs, percentDecoded } from './key-value-pairs.ts';
import { type OtlpTls, otlpTls } from './otlp-tls.ts';
import { boolean, milliseconds, oneOf, Unusable, type Variables } from './variables.ts';

export type Signal = 'metrics' | 'traces';

export interface SignalSettings {
  /** Without a user and password: those are in `headers`. */
  readonly url: URL;
  /** The flag or the variable that gave the URL. */
  readonly source: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: OtlpTls;
  readonly compression: 'gzip' | 'none';
  readonly encoding: 'protobuf' | 'json';
  /** For one export, retries included. */
  readonly timeoutMs: number;
}

/** Null for a signal that is not exported. */
export type OtlpSettings = Readonly<Record<Signal, SignalSettings | null>>;

const defaultEndpoint = 'http://localhost:4318';
const defaultTimeoutMs = 10_000;

/** Throws when `endpoint`, the value of the flag, is not usable. Reads the files of the certificates. */
export function otlpSettings(endpoint: string, variables: Variables): OtlpSettings {
  const given = endpoint === '' ? null : otlpUrl(endpoint);
  if (endpoint !== '' && given === null) throw new Error(`--otlp-endpoint is not usable: ${otlpUrlForms}`);
  const disabled = variables.first(['OTEL_SDK_DISABLED'], boolean) ?? false;
  const settings = (signal: Signal): SignalSettings | null => {
    const exporter = exporterOf(signal, variables);
    if (disabled || exporter === 'none') return null;
    const place =
      given === null ? placeFrom(signal, variables, exporter) : below(given, signal, '--otlp-endpoint');
    return place && signalSettings(signal, place, variables);
  };
  return { metrics: settings('metrics'), traces: settings('traces') };
}

/** The variable of a signal, and the general one. */
export function variableNames(signal: Signal, what: string): readonly [own: string, general: string] {
  return [`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${what}`, `OTEL_EXPORTER_OTLP_${what}`];
}

/** From OTEL_METRICS_EXPORTER or OTEL_TRACES_EXPORTER; null when it does not say. */
function exporterOf(signal: Signal, variables: Variables): 'otlp' | 'none' | null {
  return variables.first([`OTEL_${signal.toUpperCase()}_EXPORTER`], (text) => {
    const names = text.split(',').map((name) => name.trim().toLowerCase());
    if (names.includes('otlp')) return 'otlp';
    // Prometheus reads /metrics, whatever is exported.
    if (names.every((name) => name === 'none' || (name === 'prometheus' && signal === 'metrics')))
      return 'none';
    throw new Unusable(`it must be otlp or none, not ${JSON.stringify(text)}`);
  });
}

interface Place {
  readonly url: URL;
  readonly source: string;
}

function placeFrom(signal: Signal, variables: Variables, exporter: 'otlp' | null): Place | null {
  const [own, general] = variableNames(signal, 'ENDPOINT');
  // For addresses without a scheme only.
  const insecure = variables.first(variableNames(signal, 'INSECURE'), boolean) ?? true;
  const place = variables.first([own, general], (text, source) => {
    const url = otlpUrl(text, !insecure);
    if (url === null) throw new Unusable(otlpUrlForms);
    return source === general ? below(url, signal, source) : { url, source };
  });
  if (place === null && exporter === 'otlp')
    return below(new URL(defaultEndpoint), signal, `OTEL_${signal.toUpperCase()}_EXPORTER`);
  return place;
}

/** The URL of a signal below the address of a receiver. */
function below(base: URL, signal: Signal, source: string): Place {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/${signal}`;
  return { url, source };
}

function signalSettings(signal: Signal, { url: given, source }: Place, variables: Variables): SignalSettings {
  const of = <Value>(what: string, read: (text: string) => Value): Value | null =>
    variables.first(variableNames(signal, what), read);
  const url = new URL(given);
  url.username = '';
  url.password = '';
  const headers = variables.first(variableNames(signal, 'HEADERS'), (text, name) =>
    headersFrom(text, (entry) =>
      variables.report(
        `${name}: entry ${entry} is ignored: it must be name=value, percent-encoded, as HTTP allows them`,
      ),
    ),
  );
  return {
    url,
    source,
    headers: { ...loginOf(given), ...headers },
    tls: url.protocol === 'https:' ? otlpTls((what) => variableNames(signal, what), variables) : {},
    compression: of('COMPRESSION', oneOf('gzip', 'none')) ?? 'none',
    encoding: of('PROTOCOL', encodingFrom) ?? 'protobuf',
    timeoutMs: of('TIMEOUT', milliseconds) ?? defaultTimeoutMs,
  };
}

function loginOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const login = [username, password].map((text) => percentDecoded(text) ?? text).join(':');
  return { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
}

/** Those that say how the body is sent are ours. */
const ownHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

function headersFrom(text: string, onUnusable: (entry: number) => void): Record<string, string> {
  const { pairs, unreadable } = keyValuePairs(text);
  unreadable.forEach(onUnusable);
  const headers: Record<string, string> = {};
  for (const { entry, key, value } of pairs) {
    const name = key.toLowerCase();
    if (ownHeaders.has(name) || !isHeader(name, value)) onUnusable(entry);
    else headers[name] = value;
  }
  return headers;
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

function encodingFrom(text: string): 'protobuf' | 'json' {
  if (text.toLowerCase() === 'grpc')
    throw new Unusable(
      'grpc is not supported: give http/protobuf and the HTTP port of the receiver, which is usually 4318',
    );
  return oneOf('http/protobuf', 'http/json')(text) === 'http/json' ? 'json' : 'protobuf';
}
