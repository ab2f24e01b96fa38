// What --otlp-endpoint and the variables of OpenTelemetry mean together.

import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type OtlpSettings, otlpSettings } from '../../../src/main/telemetry/otlp-settings.ts';
import { Variables } from '../../../src/main/telemetry/variables.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));

type Given = Readonly<Record<string, string>>;

/** `environment` without the prefix of the variables of OTLP. */
function settingsOf(flag: string, environment: Given = {}): OtlpSettings & { problems: readonly string[] } {
  const entries = Object.entries(environment).map(([name, value]): [string, string] => [
    name.startsWith('OTEL_') ? name : `OTEL_EXPORTER_OTLP_${name}`,
    value,
  ]);
  const variables = new Variables(Object.fromEntries(entries));
  return { ...otlpSettings(flag, variables), problems: variables.problems };
}

const urls = (flag: string, environment: Given = {}): unknown => {
  const { metrics, traces, problems } = settingsOf(flag, environment);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return [metrics?.url.href ?? null, traces?.url.href ?? null];
};

const places: [flag: string, environment: Given, metrics: string | null, traces: string | null][] = [
  ['', {}, null, null],
  ['c:4318', {}, 'http://c:4318/v1/metrics', 'http://c:4318/v1/traces'],
  ['[::1]:4318', {}, 'http://[::1]:4318/v1/metrics', 'http://[::1]:4318/v1/traces'],
  ['collector', {}, 'http://collector/v1/metrics', 'http://collector/v1/traces'],
  ['https://c.example/otlp', {}, 'https://c.example/otlp/v1/metrics', 'https://c.example/otlp/v1/traces'],
  ['https://c.example/otlp/', {}, 'https://c.example/otlp/v1/metrics', 'https://c.example/otlp/v1/traces'],
  ['http://c/?key=1', {}, 'http://c/v1/metrics?key=1', 'http://c/v1/traces?key=1'],
  // The flag wins.
  [
    'c:1',
    { ENDPOINT: 'http://other', METRICS_ENDPOINT: 'http://own' },
    'http://c:1/v1/metrics',
    'http://c:1/v1/traces',
  ],
  // A signal's own URL is used as it is.
  ['', { ENDPOINT: 'http://c:1/x' }, 'http://c:1/x/v1/metrics', 'http://c:1/x/v1/traces'],
  ['', { ENDPOINT: 'http://c:1', TRACES_ENDPOINT: 'http://t/in' }, 'http://c:1/v1/metrics', 'http://t/in'],
  ['', { METRICS_ENDPOINT: 'https://m' }, 'https://m/', null],
  ['', { ENDPOINT: '', METRICS_ENDPOINT: ' ' }, null, null],
  // Without a scheme.
  ['', { ENDPOINT: 'c:4318' }, 'http://c:4318/v1/metrics', 'http://c:4318/v1/traces'],
  ['', { ENDPOINT: 'c:1', INSECURE: 'false' }, 'https://c:1/v1/metrics', 'https://c:1/v1/traces'],
  [
    '',
    { ENDPOINT: 'c:1', INSECURE: 'false', TRACES_INSECURE: 'True' },
    'https://c:1/v1/metrics',
    'http://c:1/v1/traces',
  ],
  ['c:1', { INSECURE: 'false' }, 'http://c:1/v1/metrics', 'http://c:1/v1/traces'],
  // Exporters.
  ['c:1', { OTEL_METRICS_EXPORTER: 'none' }, null, 'http://c:1/v1/traces'],
  ['c:1', { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_TRACES_EXPORTER: 'none' }, null, null],
  ['c:1', { OTEL_METRICS_EXPORTER: 'otlp,prometheus' }, 'http://c:1/v1/metrics', 'http://c:1/v1/traces'],
  ['', { OTEL_METRICS_EXPORTER: 'otlp' }, 'http://localhost:4318/v1/metrics', null],
  ['c:1', { OTEL_SDK_DISABLED: 'true' }, null, null],
  ['c:1', { OTEL_SDK_DISABLED: 'false' }, 'http://c:1/v1/metrics', 'http://c:1/v1/traces'],
];

for (const [flag, environment, metrics, traces] of places)
  test(`where to: ${JSON.stringify(flag)} with ${JSON.stringify(environment)}`, (t) => {
    t.deepEqual(urls(flag, environment), [metrics, traces]);
  });

test('how: from the variable of the signal, or else from the general one, with and without the flag', (t) => {
  const environment = {
    HEADERS: 'api-key=abc, X-Team = a%2Cb ,authorization=Basic YTpiOg==',
    TRACES_HEADERS: 'api-key=traces',
    COMPRESSION: 'gzip',
    METRICS_COMPRESSION: 'none',
    TIMEOUT: '3000',
    TRACES_TIMEOUT: '70',
    PROTOCOL: 'http/json',
    METRICS_PROTOCOL: 'http/protobuf',
  };
  for (const [flag, ENDPOINT] of [
    ['c:1', ''],
    ['', 'http://c:1'],
  ] as const) {
    const { metrics, traces, problems } = settingsOf(flag, { ...environment, ENDPOINT });
    t.deepEqual(problems, []);
    t.like(metrics, {
      headers: { 'api-key': 'abc', 'x-team': 'a,b', authorization: 'Basic YTpiOg==' },
      compression: 'none',
      encoding: 'protobuf',
      timeoutMs: 3000,
    });
    // Not the general headers as well: they may be meant for another receiver.
    t.deepEqual(traces?.headers, { 'api-key': 'traces' });
    t.like(traces, { compression: 'gzip', encoding: 'json', timeoutMs: 70 });
  }
  t.like(settingsOf('c:1').metrics, {
    headers: {},
    compression: 'none',
    encoding: 'protobuf',
    timeoutMs: 10_000,
    tls: {},
  });
});

test('a user and password in the URL are sent as such, and shown nowhere', (t) => {
  const { metrics } = settingsOf('https://me:s%3Acret@c.example');
  t.is(metrics?.headers['authorization'], `Basic ${Buffer.from('me:s:cret').toString('base64')}`);
  t.is(metrics?.url.href, 'https://c.example/v1/metrics');
});

test('certificates are read from their files, for https only', (t) => {
  const environment = {
    CERTIFICATE: file('ca.pem'),
    TRACES_CERTIFICATE: file('other-ca.pem'),
    CLIENT_CERTIFICATE: file('client.pem'),
    CLIENT_KEY: file('loopback-key.pem'),
  };
  const { metrics, traces, problems } = settingsOf('https://c', environment);
  t.deepEqual(problems, []);
  t.true(metrics?.tls.ca?.includes('BEGIN CERTIFICATE'));
  t.not(metrics?.tls.ca, traces?.tls.ca);
  t.true(metrics?.tls.cert?.includes('BEGIN CERTIFICATE'));
  t.true(metrics?.tls.key?.includes('PRIVATE KEY'));
  t.deepEqual(settingsOf('http://c', environment).metrics?.tls, {});
});

const ignored: [environment: Given, problem: RegExp][] = [
  [{ ENDPOINT: 'grpc://c:4317' }, /^OTEL_EXPORTER_OTLP_ENDPOINT is ignored: give host:port, or a URL/],
  [{ METRICS_ENDPOINT: 'http://' }, /^OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is ignored: give host:port/],
  [{ HEADERS: 'api-key' }, /^OTEL_EXPORTER_OTLP_HEADERS: entry 1 is ignored: it must be name=value/],
  [{ HEADERS: 'a=b,c=%zz' }, /_HEADERS: entry 2 is ignored/],
  [{ HEADERS: 'a=b,my key=c' }, /_HEADERS: entry 2 is ignored/],
  [{ HEADERS: 'a=b%0Ac' }, /_HEADERS: entry 1 is ignored/],
  [{ HEADERS: 'Content-Type=text/plain' }, /_HEADERS: entry 1 is ignored/],
  [
    { COMPRESSION: 'zstd' },
    /^OTEL_EXPORTER_OTLP_COMPRESSION is ignored: it must be gzip or none, not "zstd"$/,
  ],
  [
    { TIMEOUT: '10s' },
    /^OTEL_EXPORTER_OTLP_TIMEOUT is ignored: it must be a number of milliseconds above 0, not "10s"$/,
  ],
  [{ TRACES_TIMEOUT: '-1' }, /^OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is ignored/],
  [
    { PROTOCOL: 'grpc' },
    /^OTEL_EXPORTER_OTLP_PROTOCOL is ignored: grpc is not supported: .* HTTP port of the receiver/,
  ],
  [
    { PROTOCOL: 'soap' },
    /^OTEL_EXPORTER_OTLP_PROTOCOL is ignored: it must be http\/protobuf or http\/json, not "soap"$/,
  ],
  [
    { CERTIFICATE: '/nowhere' },
    /^OTEL_EXPORTER_OTLP_CERTIFICATE is ignored: its file cannot be read: ENOENT/,
  ],
  [{ CERTIFICATE: file('README.md') }, /_CERTIFICATE is ignored: its file holds no PEM certificate$/],
  [
    { CLIENT_CERTIFICATE: file('client.pem') },
    /_CLIENT_CERTIFICATE is ignored: it needs OTEL_EXPORTER_OTLP_CLIENT_KEY/,
  ],
  [
    { CLIENT_KEY: file('loopback-key.pem') },
    /_CLIENT_KEY is ignored: it needs OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE$/,
  ],
  [
    { CLIENT_CERTIFICATE: file('ca.pem'), CLIENT_KEY: file('loopback-key.pem') },
    /_CLIENT_CERTIFICATE is ignored: the certificate and the key do not fit together: /,
  ],
  [
    { OTEL_METRICS_EXPORTER: 'console' },
    /^OTEL_METRICS_EXPORTER is ignored: it must be otlp or none, not "console"$/,
  ],
  [{ OTEL_SDK_DISABLED: 'yes' }, /^OTEL_SDK_DISABLED is ignored: it must be true or false, not "yes"$/],
];

for (const [environment, problem] of ignored)
  test(`ignored and reported: ${JSON.stringify(environment).replaceAll(/"[^"]*\//g, '"')}`, (t) => {
    const { metrics, traces, problems } = settingsOf('', { ENDPOINT: 'https://c', ...environment });
    t.regex(problems[0] ?? '', problem);
    t.true(metrics !== null || 'ENDPOINT' in environment);
    t.true(traces !== null || 'ENDPOINT' in environment);
  });

test('headers that are ignored leave the others, and are not quoted', (t) => {
  const { metrics, problems } = settingsOf('c:1', { HEADERS: 'api-key=abc,s3cret,x=%zzs3cret' });
  t.deepEqual(metrics?.headers, { 'api-key': 'abc' });
  t.is(problems.length, 2);
  t.false(problems.join().includes('s3cret'));
});

test('an unusable value of a signal leaves the general one', (t) => {
  const environment = { ENDPOINT: 'http://c:1', METRICS_ENDPOINT: 'c d', TIMEOUT: '5', METRICS_TIMEOUT: 'x' };
  const { metrics, problems } = settingsOf('', environment);
  t.like(metrics, { timeoutMs: 5, source: 'OTEL_EXPORTER_OTLP_ENDPOINT' });
  t.is(problems.length, 2);
});

test('an unusable flag is an error', (t) => {
  for (const wrong of [
    'grpc://c:4317',
    ':4318',
    'c:port',
    'http://',
    'http:///path',
    'c:1/path',
    'a b',
    'https://a b',
  ])
    t.throws(
      () => settingsOf(wrong),
      { message: /^--otlp-endpoint is not usable: give host:port, or a URL/ },
      wrong,
    );
});
