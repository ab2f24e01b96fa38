import test from 'ava';
import { createTelemetry } from '../../../src/main/telemetry/telemetry.ts';
import {
  endSpan,
  spanFromCalls,
  startPoll,
  startRegionCheck,
  startStatusWrite,
} from '../../../src/main/telemetry/tracing.ts';
import { type ReceivedSpan, startOtlpReceiver } from '../../fixtures/monitor/otlp-receiver.ts';

test("a poll's spans hang together, and calls keep the times of the worker", async (t) => {
  const receiver = await startOtlpReceiver();
  t.teardown(() => receiver.close());
  const telemetry = createTelemetry({
    otlpEndpoint: receiver.endpoint,
    traceSamplingRatio: 1,
    serviceName: 'region-monitor',
    serviceVersion: '1.2.3',
    onError: (error) => t.fail(error.message),
  });
  const { tracer } = telemetry;
  const poll = startPoll(tracer, 'server-health', 3);
  const check = startRegionCheck(tracer, poll, { regionId: 'r1', regionName: 'north' });
  const startMs = Date.UTC(2026, 4, 4, 3, 2, 1) + 0.25;
  const unauthorized = { code: 'unauthorized', message: 'the cloud refused the credentials' } as const;
  spanFromCalls(tracer, check, [
    { route: 'POST /v3/auth/tokens', status: 401, startMs, endMs: startMs + 10, error: unauthorized },
    { route: 'GET /servers/detail', status: 200, startMs: startMs + 10, endMs: startMs + 35.5 },
    { route: 'GET /servers/detail', status: 503, startMs: startMs + 40, endMs: startMs + 41 },
    {
      route: 'GET /servers/detail',
      status: 0,
      startMs: startMs + 50,
      endMs: startMs + 60,
      error: { code: 'timeout', message: 'no answer within 10ms' },
    },
  ]);
  endSpan(startStatusWrite(tracer, check, { server: 'server-1' }));
  endSpan(check, { code: 'timeout', message: 'no answer within 10ms' });
  endSpan(poll);
  await telemetry.shutdown(10_000);

  const named = (name: string): ReceivedSpan[] => receiver.spans.filter((span) => span.name === name);
  const [root] = named('poll server-health');
  const [region] = named('check region');
  const [login] = named('POST /v3/auth/tokens');
  const [list, refused, hung] = named('GET /servers/detail');
  const [write] = named('write status');
  t.is(root?.parentId, '');
  t.like(root, { status: 0, attributes: { checker: 'server-health', 'poll.number': 3 } });
  t.is(region?.parentId, root?.spanId);
  t.like(region, {
    status: 2,
    statusMessage: 'no answer within 10ms',
    attributes: { region_id: 'r1', region_name: 'north', 'error.type': 'timeout' },
  });
  t.is(new Set(receiver.spans.map(({ traceId }) => traceId)).size, 1);
  for (const child of [login, list, refused, hung, write]) {
    t.is(child?.parentId, region?.spanId);
    t.is(child?.kind, 3);
  }
  t.like(login, {
    status: 2,
    statusMessage: 'the cloud refused the credentials',
    attributes: {
      'http.request.method': 'POST',
      'url.template': '/v3/auth/tokens',
      'http.response.status_code': 401,
      'error.type': 'unauthorized',
    },
  });
  t.is(list?.startNs, BigInt(startMs * 1000 + 10_000) * 1000n);
  t.is((list?.endNs ?? 0n) - (list?.startNs ?? 0n), 25_500_000n);
  t.is(list?.status, 0);
  t.is(refused?.status, 2);
  t.is(hung?.attributes['http.response.status_code'], undefined);
  t.like(write, { status: 0, attributes: { server: 'server-1' } });
});

test('nothing is made of calls when nothing records', async (t) => {
  const telemetry = createTelemetry({
    otlpEndpoint: '',
    traceSamplingRatio: 1,
    serviceName: 'region-monitor',
    serviceVersion: '1.2.3',
    onError: (error) => t.fail(error.message),
  });
  const poll = startPoll(telemetry.tracer, 'server-health', 1);
  const refusing = new Proxy(telemetry.tracer, {
    get: () => () => t.fail('a span was started'),
  });
  spanFromCalls(refusing, poll, [{ route: 'GET /', status: 200, startMs: 1, endMs: 2 }]);
  endSpan(poll);
  await telemetry.shutdown(2000);
  t.pass();
});
