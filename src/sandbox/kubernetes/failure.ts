// The API's errors: Status objects with the reasons, codes and message forms that clients match on.

import type { JsonObject } from './object.ts';
import { qualified, type Resource } from './resources.ts';

/** One field that a definition does not allow. */
export interface FieldFault {
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueTypeInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueRequired'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate';
  /** Without the field's path. */
  readonly message: string;
  readonly field: string;
}

interface FailureOptions {
  readonly code: number;
  readonly reason?: string;
  readonly message: string;
  readonly details?: JsonObject;
  /** Goes into the list metadata of the Status: a token to go on with after 410. */
  readonly continueToken?: string;
  readonly retryAfterSeconds?: number;
}

/** A request that failed, with the Status that says so. */
export class KubernetesFailure extends Error {
  readonly code: number;
  readonly retryAfterSeconds: number | undefined;
  readonly status: JsonObject;

  constructor(options: FailureOptions) {
    super(options.message);
    this.name = 'KubernetesFailure';
    this.code = options.code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    const { continueToken, retryAfterSeconds } = options;
    const details: JsonObject = {
      ...options.details,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    };
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: continueToken === undefined ? {} : { continue: continueToken },
      status: 'Failure',
      message: options.message,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
      ...(Object.keys(details).length === 0 ? {} : { details }),
      code: options.code,
    };
  }
}

function about(resource: Resource, name: string): { text: string; details: JsonObject } {
  const text = `${qualified(resource.plural, resource.group)} "${name}"`;
  const group = resource.group === '' ? {} : { group: resource.group };
  return { text, details: { name, ...group, kind: resource.plural } };
}

export function notFound(resource: Resource, name: string): KubernetesFailure {
  const { text, details } = about(resource, name);
  return new KubernetesFailure({ code: 404, reason: 'NotFound', message: `${text} not found`, details });
}

export function alreadyExists(resource: Resource, name: string): KubernetesFailure {
  const { text, details } = about(resource, name);
  const message = `${text} already exists`;
  return new KubernetesFailure({ code: 409, reason: 'AlreadyExists', message, details });
}

export function conflict(
  resource: Resource,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): KubernetesFailure {
  const { text, details } = about(resource, name);
  const message = `Operation cannot be fulfilled on ${text}: ${why}`;
  return new KubernetesFailure({ code: 409, reason: 'Conflict', message, details });
}

export function badRequest(message: string): KubernetesFailure {
  return new KubernetesFailure({ code: 400, reason: 'BadRequest', message });
}

export function methodNotAllowed(resource: Resource, verb: string): KubernetesFailure {
  const kind = qualified(resource.plural, resource.group);
  const group = resource.group === '' ? {} : { group: resource.group };
  const message = `${verb} is not supported on resources of kind "${kind}"`;
  const details = { ...group, kind: resource.plural };
  return new KubernetesFailure({ code: 405, reason: 'MethodNotAllowed', message, details });
}

export function unsupportedMediaType(accepted: readonly string[]): KubernetesFailure {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new KubernetesFailure({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** 422 for an object, or for a request's options. `kind` is what the message names, a kind or a plural. */
export function invalid(
  subject: { readonly kind: string; readonly group: string; readonly name: string },
  faults: readonly FieldFault[],
): KubernetesFailure {
  const texts = faults.map(({ field, message }) => `${field}: ${message}`);
  const all = texts.length === 1 ? texts.join('') : `[${texts.join(', ')}]`;
  const { kind, group, name } = subject;
  return new KubernetesFailure({
    code: 422,
    reason: 'Invalid',
    message: `${qualified(kind, group)} "${name}" is invalid: ${all}`,
    details: {
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { group }),
      kind,
      causes: faults.map(({ reason, message, field }) => ({ reason, message, field })),
    },
  });
}

export function expired(message: string, continueToken?: string): KubernetesFailure {
  const token = continueToken === undefined ? {} : { continueToken };
  return new KubernetesFailure({ code: 410, reason: 'Expired', message, ...token });
}

export function unauthorized(): KubernetesFailure {
  return new KubernetesFailure({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}
