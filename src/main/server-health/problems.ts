// What can be wrong with servers and regions, as lines of the problem log: the original's messages where it has one.

import type { CheckError } from '../../shared/errors.ts';
import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import { refTo } from '../../shared/watched-object.ts';
import type { Problem } from '../problems/problem.ts';
import type { Written } from '../projection/object-writer.ts';
import type { BuildingNodes } from '../regions/building-nodes.ts';
import { serverFields } from './status/server-fields.ts';

/** The subject of what is wrong with a region as a whole. */
export const regionSubject = 'region';
const serverSubjects = 'server/';

/** The subject of all problems of one server. */
export function serverSubject({ namespace, name }: ServerRecord): string {
  return `${serverSubjects}${namespace}/${name}`;
}

/** A server whose check failed may be in the power state that it was in, or not. */
function powerSubject({ namespace, name }: ServerRecord): string {
  return `power/${namespace}/${name}`;
}

export function isServerSubject(subject: string): boolean {
  return subject.startsWith(serverSubjects);
}

export function regionUnresolved(
  regionId: string,
  error: CheckError,
  extra: Readonly<Record<string, unknown>> = {},
): Problem {
  return {
    key: `region/${kindOf(error)}`,
    subject: regionSubject,
    hidesOthers: true,
    message: 'failed to resolve region, skipping',
    error: error.message,
    fields: { region: regionId, code: error.code, ...extra },
    ended: 'region resolved again',
  };
}

export function checkFailed(
  server: ServerRecord,
  error: CheckError,
  extra: Readonly<Record<string, unknown>>,
): Problem {
  return {
    key: `check/${server.namespace}/${server.name}/${kindOf(error)}`,
    subject: serverSubject(server),
    hides: powerSubject(server),
    object: refTo('servers', server),
    message: 'failed to check server, skipping',
    error: error.message,
    fields: { server: server.name, region: server.regionId ?? '', code: error.code, ...extra },
    ended: 'server checked again',
  };
}

/** Errors of one kind count as one ongoing problem. Each flaw in an object's configuration is a problem of its own. */
function kindOf({ code, message }: CheckError): string {
  return code === 'invalid-config' ? `${code}/${message}` : code;
}

export function missingRegionLabel(server: ServerRecord): Problem {
  return {
    key: `no-region/${server.namespace}/${server.name}`,
    subject: serverSubject(server),
    object: refTo('servers', server),
    message: 'server missing region label, skipping',
    fields: { server: server.name },
  };
}

export function notFound(server: ServerRecord): Problem {
  return {
    key: `missing/${server.namespace}/${server.name}`,
    subject: serverSubject(server),
    hides: powerSubject(server),
    object: refTo('servers', server),
    message: 'server not found in provider, skipping',
    fields: { server: server.name, region: server.regionId ?? '' },
    ended: 'server found in provider again',
  };
}

export function unsupportedPowerState(
  server: ServerRecord,
  { unsupportedPowerState: state }: Observation,
): Problem {
  return {
    key: `power/${state}/${server.namespace}/${server.name}`,
    subject: powerSubject(server),
    object: refTo('servers', server),
    message: 'caught unsupported server power state',
    fields: { powerState: state, server: server.name, region: server.regionId ?? '' },
    ended: 'server left unsupported power state',
  };
}

function annotationFailed(server: ServerRecord, error: Error): Problem {
  return {
    key: `annotation/${server.namespace}/${server.name}`,
    subject: `annotation/${server.namespace}/${server.name}`,
    object: refTo('servers', server),
    message: 'failed to patch pending-entry annotation',
    error,
    fields: serverFields(server),
    ended: 'pending-entry annotation patched again',
  };
}

export function malformedRecord(
  regionId: string,
  identity: string,
  id: string | null,
  error: CheckError,
): Problem {
  return {
    key: `malformed/${identity}/${id ?? ''}`,
    message: 'failed to read a server record of the region, skipping',
    error: error.message,
    fields: { region: regionId, identity, provider_id: id ?? '' },
  };
}

export function mostVanished(regionId: string, identity: string, servers: number): Problem {
  return {
    key: `vanished/${identity}`,
    message: 'most servers of a project are missing at once, confirming with a new login before reporting it',
    fields: { region: regionId, identity, servers },
  };
}

/** Once a project, however many of its servers wait. */
export function nodeProblems(
  region: string,
  { identityId, nodes }: { readonly identityId: string; readonly nodes: BuildingNodes },
): readonly Problem[] {
  const { failure, ambiguous } = nodes;
  const problems = ambiguous.map(
    (id): Problem => ({
      key: `node/${identityId}/${id}`,
      subject: `node/${identityId}/${id}`,
      message: nodeFailed,
      error: `multiple ironic nodes found for instance_uuid ${JSON.stringify(id)}`,
      fields: { region, identity: identityId, instance_uuid: id },
      ended: 'ironic node found again',
    }),
  );
  if (failure === null) return problems;
  const { step, error, servers } = failure;
  return [
    ...problems,
    {
      key: `nodes/${identityId}/${error.code}`,
      subject: `nodes/${identityId}`,
      message: step === 'session' ? 'failed to create ironic client for server phase derivation' : nodeFailed,
      error: error.message,
      fields: { region, identity: identityId, code: error.code, servers },
      ended: 'ironic nodes listed again',
    },
  ];
}

const nodeFailed = 'failed to get ironic node for server';

export function flavorsFailed(regionId: string, error: CheckError): Problem {
  return {
    key: `flavors/${error.code}`,
    subject: 'flavors',
    message: 'failed to list flavors',
    error: error.message,
    fields: { region: regionId, code: error.code },
    ended: 'flavors listed again',
  };
}

export function breakerOpened(regionId: string, error: CheckError, failures: number): Problem {
  return {
    key: 'breaker',
    message: 'region breaker opened, asking for one project only until it answers',
    error: error.message,
    fields: { region: regionId, code: error.code, failures },
    ended: 'region breaker closed',
  };
}

/** The original has no such line: it has no time-outs. */
export function listTooLarge(regionId: string, identity: string, error: CheckError): Problem {
  const known = (error.overtime?.pagesRead ?? 0) > 0;
  const remedy =
    ': raise --check-timeout and --poll-period, or --request-timeout if a single page takes too long';
  return {
    key: `list/${identity}`,
    message: 'complete list of a project takes too long or is too large, watching only its changes',
    error: `${error.message}${known ? '' : remedy}`,
    fields: { region: regionId, identity, code: error.code },
    ended: 'project listed completely again',
  };
}

/** What is wrong with a server after a write. */
export function writeProblem(server: ServerRecord, written: Written<ServerRecord>): Problem | null {
  if (written.kind === 'gone') return null;
  if (written.kind === 'stands')
    return written.annotationError === undefined ? null : annotationFailed(server, written.annotationError);
  const message = `cannot write status: ${written.error.message}`;
  return checkFailed(server, { code: 'internal', message }, {});
}
