// A password login with Keystone v3, scoped to one project.

import { blankEnds } from '../../shared/blank-ends.ts';
import type { Clock } from '../../shared/clock.ts';
import { CheckFailure } from '../../shared/errors.ts';
import type { Credentials, RegionTarget, Session } from '../../shared/session.ts';
import { endpointsOf } from './catalog.ts';
import type { ApiReply, OpenstackClient } from './client.ts';
import { cloudTime } from './cloud-time.ts';
import type { ComputeDiscovery } from './discovery.ts';
import type { LoginPace } from './login-pace.ts';
import { type KeystoneToken, readToken } from './schema.ts';

export type OpenstackTarget = Extract<RegionTarget, { provider: 'openstack' }>;

export interface LoginTools {
  readonly target: OpenstackTarget;
  readonly client: OpenstackClient;
  readonly discovery: ComputeDiscovery;
  readonly clock: Clock;
  readonly logins: LoginPace;
}

/** A token is renewed in this part of its lifetime: at random, so that a fleet of projects does not log in at once. */
const renewal = { earliest: 0.8, latest: 0.9 };
/** For a cloud that does not say how long its tokens live: long enough to be of use, and a 401 ends it sooner. */
const assumedLifetimeMs = 300_000;

/** A token for one project, and what came with it. */
export interface Login {
  readonly token: KeystoneToken;
  readonly tokenId: string;
  /** Monotonic milliseconds. */
  readonly renewAtMs: number;
}

/** Rejects with a CheckFailure; `unauthorized` means that the credentials are wrong. */
export async function logIn(tools: LoginTools, credentials: Credentials): Promise<Session> {
  return sessionOf(tools, await authenticate(tools, credentials));
}

/** Gets a token, and makes sure of its scope. */
export async function authenticate(tools: LoginTools, credentials: Credentials): Promise<Login> {
  const { client, clock, logins, target } = tools;
  await logins.turn();
  const askedMs = clock.monotonicMs();
  const sent = client.send({
    method: 'POST',
    url: `${identityUrl(target.endpoint)}/auth/tokens`,
    route: 'POST /v3/auth/tokens',
    headers: { 'content-type': 'application/json' },
    secretBody: JSON.stringify(loginBody(credentials)),
    accept: [200, 201],
  });
  const reply = await sent.catch((thrown: unknown) => {
    throw refusedFor(thrown, credentials);
  });
  const token = readToken(reply.json);
  const tokenId = reply.header('x-subject-token');
  if (tokenId === undefined || tokenId === '') {
    throw new CheckFailure({
      code: 'invalid-response',
      message: `the identity service at ${target.endpoint} answered without the header X-Subject-Token`,
    });
  }
  requireScope(token, credentials);
  const share = renewal.earliest + Math.random() * (renewal.latest - renewal.earliest);
  // Counted from before the request: the token was issued some time after it.
  return { token, tokenId, renewAtMs: askedMs + lifetimeMs(token, reply) * share };
}

/** What is kept of a login. */
export function sessionOf({ target }: Pick<LoginTools, 'target'>, login: Login): Session {
  const { token, tokenId, renewAtMs } = login;
  const endpoints = endpointsOf(token.catalog ?? [], target.catalogRegion);
  return { token: tokenId, renewAtMs, endpoints, compute: null };
}

/** Keystone's v3 root, from an endpoint with or without it. */
export function identityUrl(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalidEndpoint('it is not an http(s) URL');
  }
  if (url.username !== '' || url.password !== '') throw invalidEndpoint('it must not hold credentials');
  const path = url.pathname.replace(/\/+$/, '');
  const version = /\/v(\d+(?:\.\d+)?)$/.exec(path)?.[1];
  if (version !== undefined && version !== '3') {
    throw invalidEndpoint(`it names version ${version} of the identity API, and only 3 is supported`);
  }
  return url.origin + (version === undefined ? `${path}/v3` : path);
}

function invalidEndpoint(reason: string): CheckFailure {
  return new CheckFailure({
    code: 'invalid-config',
    message: `the region's identity endpoint (spec.openstack.endpoint) cannot be used: ${reason}`,
  });
}

function loginBody({ userId, password, projectId }: Credentials): object {
  return {
    auth: {
      identity: { methods: ['password'], password: { user: { id: userId, password } } },
      scope: { project: { id: projectId } },
    },
  };
}

/** A refusal that may come from a newline that nobody sees says so. */
function refusedFor(thrown: unknown, credentials: Credentials): unknown {
  if (!(thrown instanceof CheckFailure)) return thrown;
  const { error } = thrown;
  const ends = blankEndsOf(credentials);
  if (ends.length === 0 || error.status === undefined || error.status < 400 || error.status > 499)
    return thrown;
  return new CheckFailure(
    { ...error, message: `${error.message}; ${ends.join(', ')}` },
    { cause: thrown.cause },
  );
}

/** What of the credentials begins or ends with white space. */
export function blankEndsOf({ userId, password, projectId }: Credentials): readonly string[] {
  return blankEnds([
    { name: 'user id', value: userId },
    { name: 'password', value: password },
    { name: 'project id', value: projectId },
  ]);
}

/** Nova answers a token without a project, or with another, with an empty list: that must never be believed. */
function requireScope(token: KeystoneToken, { projectId }: Credentials): void {
  const scope = token.project?.id ?? null;
  if (scope === projectId) return;
  const actual = scope === null ? 'to no project' : `to project ${scope}`;
  throw new CheckFailure({
    code: 'wrong-scope',
    message: `the identity service scoped the token ${actual} where project ${projectId} was asked for`,
  });
}

/** By the cloud's clock alone: ours may be hours away from it. */
function lifetimeMs(token: KeystoneToken, reply: ApiReply): number {
  const issuedMs = cloudTime(token.issued_at) ?? reply.dateMs;
  const expiresMs = cloudTime(token.expires_at);
  if (issuedMs === null || expiresMs === null) return assumedLifetimeMs;
  return Math.max(0, expiresMs - issuedMs);
}
