// Every flag: one table that gives the parser, the environment variables, the defaults, --help and docs/options.md.

import { checkNames, usualCheck } from './check-names.ts';
import { type Flag, fixed as flag, following } from './flag-definition.ts';
import {
  anyText,
  boolean,
  durationFrom,
  integerFrom,
  listenAddress,
  logVerbosity,
  namespace,
  oneOf,
  otlpEndpoint,
  ratio,
  replicaName,
  someOf,
} from './flag-values.ts';

export { type FixedFlag, type Flag, flagGroups, ownGroup } from './flag-definition.ts';

/**
 * No name may begin with "port" or "service": for a Service called region-monitor, Kubernetes itself sets
 * REGION_MONITOR_PORT, REGION_MONITOR_SERVICE_HOST and the like in every pod of its namespace.
 */
export const flags = {
  namespace: flag({
    name: 'namespace',
    group: 'Monitoring',
    kind: 'name',
    parse: namespace,
    default: '',
    description: 'namespace of the Regions, Servers and identities; empty for all namespaces',
  }),
  checkers: flag({
    name: 'checkers',
    group: 'Monitoring',
    kind: 'names',
    parse: someOf('checker', checkNames),
    values: checkNames,
    repeatable: true,
    default: usualCheck,
    description: `checks to run, separated by commas: ${checkNames.join(', ')}`,
  }),
  pollPeriod: flag({
    name: 'poll-period',
    group: 'Monitoring',
    kind: 'duration',
    parse: durationFrom(100),
    default: '1m0s',
    description: 'time from one poll of the regions to the next, at least 100ms',
  }),
  reconcileEvery: flag({
    name: 'reconcile-every',
    group: 'Monitoring',
    kind: 'polls',
    parse: integerFrom(1, 1_000_000),
    default: '10',
    description:
      'list all servers of a project at every Nth poll, and only changes in between; 1 to list all every time',
  }),
  transitionPollPeriod: following({
    name: 'transition-poll-period',
    group: 'Monitoring',
    kind: 'duration',
    parse: durationFrom(0),
    follows: 'a sixth of --poll-period, at least 1s',
    description: 'how often to check projects with servers in transition between two polls; 0 for never',
  }),
  holdLastKnown: flag({
    name: 'hold-last-known',
    group: 'Monitoring',
    kind: 'duration',
    parse: durationFrom(0),
    default: '0s',
    description:
      'how long the state gauge keeps the last known counts of what cannot be observed; 0 to drop them at once',
  }),
  events: flag({
    name: 'events',
    group: 'Monitoring',
    kind: 'bool',
    parse: boolean,
    default: 'false',
    description: 'report each transition also as a Kubernetes Event of its object; needs a right of its own',
  }),
  requireAllRegions: flag({
    name: 'require-all-regions',
    group: 'Monitoring',
    kind: 'bool',
    parse: boolean,
    default: 'false',
    description: 'exit at startup if any region fails, instead of retrying',
  }),
  shadow: flag({
    name: 'shadow',
    group: 'Monitoring',
    kind: 'bool',
    parse: boolean,
    default: 'false',
    description:
      'write nothing to Kubernetes; log and count what would be written, to run next to another monitor',
  }),

  shards: flag({
    name: 'shards',
    group: 'Shards',
    kind: 'number',
    parse: integerFrom(0, 256),
    default: '0',
    description:
      'divide the regions into so many shards, each worked on by the replica that holds its Lease; 0 to watch all regions without Leases',
  }),
  replicaName: following({
    name: 'replica-name',
    group: 'Shards',
    kind: 'name',
    parse: replicaName,
    follows: 'POD_NAME, else the name of the host',
    description: 'name of this replica in the Leases',
  }),
  leaseNamespace: following({
    name: 'lease-namespace',
    group: 'Shards',
    kind: 'name',
    parse: namespace,
    follows: 'the namespace of the pod or of the kubeconfig, else --namespace',
    description: 'namespace of the Leases',
  }),
  leaseDuration: flag({
    name: 'lease-duration',
    group: 'Shards',
    kind: 'duration',
    parse: durationFrom(2_000),
    default: '15s',
    description:
      'how long the Lease of a replica that is gone keeps others from its shards, at least 2s; renewed each third of it',
  }),

  kubeconfig: flag({
    name: 'kubeconfig',
    group: 'Kubernetes',
    kind: 'file',
    parse: anyText,
    default: '',
    description:
      'kubeconfig file; if empty, KUBECONFIG, else the service account of the pod, else ~/.kube/config',
  }),
  context: flag({
    name: 'context',
    group: 'Kubernetes',
    kind: 'name',
    parse: anyText,
    default: '',
    description: 'context of the kubeconfig; empty for its current context',
  }),
  startupTimeout: flag({
    name: 'startup-timeout',
    group: 'Kubernetes',
    kind: 'duration',
    parse: durationFrom(1),
    default: '30s',
    description:
      'timeout of the first lists from Kubernetes while they make no progress; then the process exits',
  }),
  drainTimeout: flag({
    name: 'drain-timeout',
    group: 'Kubernetes',
    kind: 'duration',
    parse: durationFrom(0),
    default: '8s',
    description: 'timeout of the writes under way when the process stops',
  }),

  workers: following({
    name: 'workers',
    group: 'Limits',
    kind: 'threads',
    parse: integerFrom(1, 64),
    follows: 'the CPUs, at most 4',
    description: 'worker threads that talk to the regions, 1 to 64',
  }),
  requestTimeout: following({
    name: 'request-timeout',
    group: 'Limits',
    kind: 'duration',
    parse: durationFrom(1),
    follows: 'half of --check-timeout, at most 20s',
    description: 'timeout of one request to a region; less than --check-timeout',
  }),
  checkTimeout: following({
    name: 'check-timeout',
    group: 'Limits',
    kind: 'duration',
    parse: durationFrom(2),
    follows: 'nine tenths of --poll-period',
    description: 'timeout of one check of a region; less than --poll-period',
  }),
  regionConcurrency: flag({
    name: 'region-concurrency',
    group: 'Limits',
    kind: 'requests',
    parse: integerFrom(1, 256),
    default: '4',
    description: 'concurrent requests to one region, 1 to 256',
  }),
  regionLoginsPerSecond: flag({
    name: 'region-logins-per-second',
    group: 'Limits',
    kind: 'logins',
    parse: integerFrom(1, 1_000),
    default: '20',
    description: 'logins to one region per second, 1 to 1000',
  }),
  serversPerJob: flag({
    name: 'servers-per-job',
    group: 'Limits',
    kind: 'servers',
    parse: integerFrom(1, 1_000_000),
    default: '2500',
    description: 'servers per job; a region with more is divided among the workers',
  }),
  writeConcurrency: flag({
    name: 'write-concurrency',
    group: 'Limits',
    kind: 'requests',
    parse: integerFrom(1, 256),
    default: '16',
    description: 'concurrent status writes to Kubernetes, 1 to 256',
  }),

  listen: flag({
    name: 'listen',
    group: 'Telemetry',
    kind: 'address',
    parse: listenAddress,
    default: '',
    description:
      'serve the status page, /statusz, /metrics, /healthz and /readyz on this :port or host:port; empty for no HTTP server',
  }),
  otlpEndpoint: flag({
    name: 'otlp-endpoint',
    group: 'Telemetry',
    kind: 'host:port or URL',
    parse: otlpEndpoint,
    default: '',
    description:
      'send metrics and traces there by OTLP: host:port over plain HTTP, or a URL; if empty, where OTEL_EXPORTER_OTLP_ENDPOINT says',
  }),
  traceSamplingRatio: flag({
    name: 'trace-sampling-ratio',
    group: 'Telemetry',
    kind: 'ratio',
    parse: ratio,
    default: '0',
    description: 'share of polls to trace, from 0 (none) to 1 (all)',
  }),

  zapDevel: flag({
    name: 'zap-devel',
    group: 'Logging',
    kind: 'bool',
    parse: boolean,
    default: 'false',
    description: 'defaults for development: console encoder and level debug',
  }),
  zapEncoder: flag({
    name: 'zap-encoder',
    group: 'Logging',
    kind: 'encoder',
    parse: oneOf('encoder value', ['json', 'console']),
    values: ['json', 'console'],
    default: 'json',
    description: 'json or console',
  }),
  zapLogLevel: flag({
    name: 'zap-log-level',
    group: 'Logging',
    kind: 'level',
    parse: logVerbosity,
    values: ['error', 'info', 'debug'],
    default: 'info',
    description: 'error, info, debug, or a number above 0 for debug',
  }),
  zapStacktraceLevel: flag({
    name: 'zap-stacktrace-level',
    group: 'Logging',
    kind: 'level',
    parse: oneOf('stacktrace level', ['info', 'error', 'panic']),
    values: ['info', 'error', 'panic'],
    default: 'error',
    description: 'lowest level that logs stack traces: info, error or panic',
  }),
  zapTimeEncoding: flag({
    name: 'zap-time-encoding',
    group: 'Logging',
    kind: 'encoding',
    parse: oneOf('time-encoding value', ['epoch', 'millis', 'nanos', 'iso8601', 'rfc3339', 'rfc3339nano']),
    values: ['epoch', 'millis', 'nanos', 'iso8601', 'rfc3339', 'rfc3339nano'],
    default: 'rfc3339',
    description: 'epoch, millis, nanos, iso8601, rfc3339 or rfc3339nano',
  }),
};

export const allFlags: readonly Flag<unknown>[] = Object.values(flags);

/** "poll-period" comes from REGION_MONITOR_POLL_PERIOD. */
export function environmentName(name: string): string {
  return `REGION_MONITOR_${name.toUpperCase().replaceAll('-', '_')}`;
}
