// OTLP as backends want it: TLS, client certificates, keys in headers, compression, paths and redirects, against real
// receivers.

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2Server } from 'node:http2';
import type { ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { OtlpSender } from '../../../src/main/telemetry/otlp-sender.ts';
import { otlpSettings } from '../../../src/main/telemetry/otlp-settings.ts';
import { Variables } from '../../../src/main/telemetry/variables.ts';
import { Network } from '../../../src/shared/network/network.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { startOtlpReceiver } from '../../fixtures/monitor/otlp-receiver.ts';
import { telemetryOf } from '../../fixtures/monitor/telemetry.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));
const pem = (name: string): string => readFileSync(file(name), 'utf8');

const server: ServerOptions = { cert: pem('loopback.pem'), key: pem('loopback-key.pem') };
const mutual: ServerOptions = {
  ...server,
  ca: pem('client.pem'),
  requestCert: true,
  rejectUnauthorized: true,
};

const client = {
  OTEL_EXPORTER_OTLP_CERTIFICATE: file('ca.pem'),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file('client.pem'),
  OTEL_EXPORTER_OTLP_CLIENT_KEY: file('loopback-key.pem'),
};

/** Exports one metric and one span at the end; what was reported. */
async function exportOnce(
  otlpEndpoint: string,
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { telemetry, said } = telemetryOf({ otlpEndpoint, traceSamplingRatio: 1 }, environment);
  telemetry.meter.createCounter('x_total').add(1);
  telemetry.tracer.startSpan('poll').end();
  await telemetry.shutdown(30_000);
  return said.errors;
}

for (const by of ['flag', 'environment'] as const)
  test(`TLS with a client certificate, a key in a header, a path and gzip, by the ${by}`, async (t) => {
    const receiver = await startOtlpReceiver(0, mutual);
    t.teardown(async () => receiver.close());
    const url = `https://${receiver.endpoint}/otlp/`;
    const errors = await exportOnce(by === 'flag' ? url : '', {
      ...client,
      ...(by === 'flag' ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: url }),
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20abc,x-scope=a',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    });
    t.deepEqual(errors, []);
    t.true(receiver.exports[0]?.metrics.has('x_total'));
    t.is(receiver.spans[0]?.name, 'poll');
    t.deepEqual(receiver.requests.map(({ path }) => path).toSorted(), [
      '/otlp/v1/metrics',
      '/otlp/v1/traces',
    ]);
    for (const { headers } of receiver.requests)
      t.like(headers, { authorization: 'Bearer abc', 'x-scope': 'a', 'content-encoding': 'gzip' });
  });

test('each signal goes where its own variables say, and shows its own key', async (t) => {
  const metrics = await startOtlpReceiver();
  const traces = await startOtlpReceiver(0, server);
  t.teardown(async () => {
    await Promise.all([metrics.close(), traces.close()]);
  });
  const errors = await exportOnce('', {
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://${metrics.endpoint}/in/metrics?tenant=1`,
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'api-key=m',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `https://${traces.endpoint}/spans`,
    OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: file('ca.pem'),
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=t',
  });
  t.deepEqual(errors, []);
  const seen = [...metrics.requests, ...traces.requests].map(({ path, headers }) => [
    path,
    headers['api-key'],
  ]);
  t.deepEqual(seen, [
    ['/in/metrics?tenant=1', 'm'],
    ['/spans', 't'],
  ]);
});

test('http/json', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(async () => receiver.close());
  const errors = await exportOnce(receiver.endpoint, { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
  t.deepEqual(errors, []);
  const [metrics, traces] = ['resourceMetrics', 'resourceSpans'].map((key) =>
    receiver.requests.find(({ body }) => body.includes(key)),
  );
  for (const request of [metrics, traces]) {
    t.is(request?.contentType, 'application/json');
    t.notThrows(() => void JSON.parse(String(request?.body)));
  }
});

test('nothing is exported when the exporters are none or the SDK is disabled; /metrics stays', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(async () => receiver.close());
  for (const environment of [
    { OTEL_METRICS_EXPORTER: 'none', OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_SDK_DISABLED: 'true' },
  ] as const) {
    t.deepEqual(await exportOnce(receiver.endpoint, environment), []);
    const { telemetry } = telemetryOf({ otlpEndpoint: receiver.endpoint }, environment);
    telemetry.meter.createCounter('x_total').add(1);
    t.true((await telemetry.prometheus.text()).includes('x_total 1'));
    await telemetry.shutdown(2_000);
  }
  t.deepEqual(receiver.requests, []);
});

/** The reason of an outage, once for both signals. */
async function whyNot(t: ExecutionContext, errors: readonly string[], expected: RegExp): Promise<void> {
  t.true(errors.length > 0 && errors.length <= 2, errors.join('\n'));
  t.regex(errors[0] ?? '', expected);
}

test('a receiver whose certificate is not trusted: the variable that helps is named', async (t) => {
  const receiver = await startOtlpReceiver(0, server);
  t.teardown(async () => receiver.close());
  const errors = await exportOnce(`https://${receiver.endpoint}`, {});
  await whyNot(
    t,
    errors,
    /does not take (metrics|traces): .*; is OTEL_EXPORTER_OTLP_CERTIFICATE the file of the authority/,
  );
  t.deepEqual(receiver.requests, []);
});

test('a receiver with the certificate of another host', async (t) => {
  const receiver = await startOtlpReceiver(0, { ...server, cert: pem('other-host.pem') });
  t.teardown(async () => receiver.close());
  const environment = { OTEL_EXPORTER_OTLP_CERTIFICATE: file('other-ca.pem') };
  const errors = await exportOnce(`https://${receiver.endpoint}`, environment);
  await whyNot(t, errors, /its certificate is for another name: is --otlp-endpoint right\?/);
});

test('a receiver that wants a client certificate', async (t) => {
  const receiver = await startOtlpReceiver(0, mutual);
  t.teardown(async () => receiver.close());
  const { OTEL_EXPORTER_OTLP_CERTIFICATE } = client;
  const errors = await exportOnce(`https://${receiver.endpoint}`, { OTEL_EXPORTER_OTLP_CERTIFICATE });
  await whyNot(
    t,
    errors,
    /does it ask for a client certificate\? OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE names one/,
  );
});

test('https to a port that speaks http, and the other way round', async (t) => {
  const plain = await startOtlpReceiver();
  const secure = await startOtlpReceiver(0, server);
  t.teardown(async () => {
    await Promise.all([plain.close(), secure.close()]);
  });
  await whyNot(
    t,
    await exportOnce(`https://${plain.endpoint}`, {}),
    /does not speak TLS there: does --otlp-endpoint need http/,
  );
  await whyNot(t, await exportOnce(secure.endpoint, {}), /does --otlp-endpoint need https:\/\/\?/);
});

test('the port for gRPC: said so', async (t) => {
  const grpc = createHttp2Server();
  grpc.on('sessionError', () => {});
  grpc.listen(0, '127.0.0.1');
  await once(grpc, 'listening');
  t.teardown(() => grpc.close());
  const address = grpc.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const errors = await exportOnce(`127.0.0.1:${port}`, {});
  await whyNot(t, errors, /does --otlp-endpoint name its port for HTTP, not the one for gRPC\?/);
});

test('credentials that are refused, with what the receiver says', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(async () => receiver.close());
  receiver.respond = 401;
  receiver.answerHeaders['content-type'] = 'text/plain';
  receiver.answer = 'unknown\n key';
  const errors = await exportOnce(receiver.endpoint, { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=s3cret' });
  await whyNot(
    t,
    errors,
    /HTTP status 401 \(unknown key\); does OTEL_EXPORTER_OTLP_HEADERS hold the right credentials\?$/,
  );
  t.false(errors.join().includes('s3cret'));
});

test('a redirect is not followed: it would take the key along; it is named', async (t) => {
  const receiver = await startOtlpReceiver();
  const other = await startOtlpReceiver();
  t.teardown(async () => {
    await Promise.all([receiver.close(), other.close()]);
  });
  receiver.respond = 308;
  receiver.answerHeaders['location'] = `http://me:pw@${other.endpoint}/v1/metrics?x=1`;
  const errors = await exportOnce('', { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${receiver.endpoint}` });
  await whyNot(
    t,
    errors,
    new RegExp(
      `it redirects to http://${other.endpoint}/v1/metrics: give that address in OTEL_EXPORTER_OTLP_ENDPOINT$`,
    ),
  );
  t.deepEqual(other.requests, []);
});

for (const [what, answer, says] of [
  // partial_success { rejected: 1, error_message: "too old" }
  ['and why', [10, 11, 8, 1, 18, 7, ...Buffer.from('too old')], 'too old (1 not taken)'],
  ['without a reason', [10, 2, 8, 3], 'it does not say why (3 not taken)'],
  ['and has an advice only', [10, 9, 18, 7, ...Buffer.from('be good')], 'be good'],
] as const)
  test(`a receiver that takes a part says so once, ${what}`, async (t) => {
    const receiver = await startOtlpReceiver();
    t.teardown(async () => receiver.close());
    receiver.answer = Buffer.from(answer);
    const { telemetry, said } = telemetryOf(
      { otlpEndpoint: receiver.endpoint },
      { OTEL_METRIC_EXPORT_INTERVAL: '20' },
    );
    telemetry.meter.createCounter('x_total').add(1);
    await eventually('some exports', () => receiver.exports.length > 3);
    await telemetry.shutdown(4_000);
    t.is(said.errors.length, 1, said.errors.join('\n'));
    t.true(said.errors[0]?.endsWith(` warns about metrics: ${says}`), said.errors[0]);
  });

test('a web page with status 200, from a portal maybe, is an outage with an end', async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(async () => receiver.close());
  receiver.answerHeaders['content-type'] = 'text/html; charset=utf-8';
  receiver.answer = '<html>log in</html>';
  const { telemetry, said } = telemetryOf(
    { otlpEndpoint: receiver.endpoint },
    { OTEL_METRIC_EXPORT_INTERVAL: '20' },
  );
  telemetry.meter.createCounter('x_total').add(1);
  await eventually('some exports', () => receiver.exports.length > 3);
  delete receiver.answerHeaders['content-type'];
  await eventually('the end', () => said.recoveries.length > 0);
  await telemetry.shutdown(4_000);
  t.is(said.errors.length, 1, said.errors.join('\n'));
  t.regex(said.errors[0] ?? '', /with a web page; something else answers there, .* is --otlp-endpoint right/);
});

test('a bundle of authorities counts without what cannot be read in it', async (t) => {
  const receiver = await startOtlpReceiver(0, server);
  const directory = mkdtempSync(join(tmpdir(), 'otlp-'));
  t.teardown(async () => {
    rmSync(directory, { recursive: true });
    await receiver.close();
  });
  const bundle = join(directory, 'bundle.pem');
  const damaged = pem('other-ca.pem').replace(/\n[^\n]{60}/, '\nAAAA');
  writeFileSync(bundle, `\uFEFF# ours\r\n${damaged}${pem('ca.pem')}`);
  const errors = await exportOnce(`https://${receiver.endpoint}`, { OTEL_EXPORTER_OTLP_CERTIFICATE: bundle });
  t.deepEqual(errors, []);
});

const over = new Error('over');

function senderTo(endpoint: string, environment: Readonly<Record<string, string>> = {}): OtlpSender {
  const { metrics } = otlpSettings(endpoint, new Variables(environment));
  if (metrics === null) throw new Error('no settings');
  return new OtlpSender(metrics, new Network({}));
}

test('a receiver that is overloaded is asked again when it wants to be', async (t) => {
  const receiver = await startOtlpReceiver();
  const sender = senderTo(receiver.endpoint, { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: '' });
  t.teardown(async () => {
    await sender.close(over);
    await receiver.close();
  });
  receiver.respond = 503;
  receiver.answerHeaders['retry-after'] = '1';
  const begun = performance.now();
  const sending = sender.send(new Uint8Array());
  await eventually('the first attempt', () => receiver.requests.length === 1);
  receiver.respond = 200;
  receiver.answer = 'ok';
  t.is(String(await sending), 'ok');
  t.is(receiver.requests.length, 2);
  t.true(performance.now() - begun >= 990);
});

test('a wait that is longer than the time of an export is not begun', async (t) => {
  const receiver = await startOtlpReceiver();
  const sender = senderTo(receiver.endpoint);
  t.teardown(async () => {
    await sender.close(over);
    await receiver.close();
  });
  receiver.respond = 429;
  receiver.answerHeaders['retry-after'] = '3600';
  const error = await t.throwsAsync(sender.send(new Uint8Array()));
  t.is(error.message, 'HTTP status 429');
  t.is(receiver.requests.length, 1);
});

test('an export ends with its time, and with the sender', async (t) => {
  const receiver = await startOtlpReceiver();
  receiver.respond = 'hang';
  const quick = senderTo(receiver.endpoint, { OTEL_EXPORTER_OTLP_TIMEOUT: '50' });
  const patient = senderTo(receiver.endpoint);
  t.teardown(async () => {
    await Promise.all([quick.close(over), patient.close(over)]);
    await receiver.close();
  });
  await t.throwsAsync(quick.send(new Uint8Array()), { message: 'nothing within 50 ms' });
  const before = receiver.requests.length;
  const sending = patient.send(new Uint8Array());
  await eventually('the request', () => receiver.requests.length > before);
  await patient.close(over);
  await t.throwsAsync(sending, { message: 'over' });
});

test('an answer without end is not read', async (t) => {
  const receiver = await startOtlpReceiver();
  const sender = senderTo(receiver.endpoint);
  t.teardown(async () => {
    await sender.close(over);
    await receiver.close();
  });
  receiver.answer = 'x'.repeat(10_000_000);
  t.true((await sender.send(new Uint8Array())).byteLength < 1_000_000);
});
