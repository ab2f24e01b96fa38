import test from 'ava';
import { otlpRemedy } from '../../../src/main/telemetry/otlp-remedies.ts';
import { Refused } from '../../../src/main/telemetry/otlp-sender.ts';
import { otlpSettings } from '../../../src/main/telemetry/otlp-settings.ts';
import { Variables } from '../../../src/main/telemetry/variables.ts';

const remedies: readonly [status: number, remedy: RegExp][] = [
  [400, /^is --otlp-endpoint right\?$/],
  [401, /^does OTEL_EXPORTER_OTLP_HEADERS hold the right credentials\?$/],
  [404, /^is the path \/v1\/metrics right\? --otlp-endpoint gives it$/],
  [413, /^it takes no exports of this size: raise its limit, or set OTEL_EXPORTER_OTLP_COMPRESSION to gzip$/],
  [415, /^does it take what OTEL_EXPORTER_OTLP_PROTOCOL .* and OTEL_EXPORTER_OTLP_COMPRESSION say\?$/],
  [429, /^it is asked too often or has a quota: raise the quota/],
  [503, /^it has a problem of its own: look at its log/],
];

for (const [status, remedy] of remedies)
  test(`an export that is answered with ${status}`, (t) => {
    const { metrics } = otlpSettings('collector:4318', new Variables({}));
    if (metrics === null) throw new Error('there is a receiver');
    const refused = new Refused({ status, text: '', location: null, retryAfterMs: null });
    t.regex(otlpRemedy(refused, 'metrics', metrics), remedy);
  });
