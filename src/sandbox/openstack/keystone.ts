// Keystone v3 of the sandbox: version documents and password logins.

import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import type { Accounts, Domain, Scope, Token, User } from './accounts.ts';
import {
  type Answer,
  bodyAnswer,
  type CloudRequest,
  htmlAnswer,
  jsonAnswer,
  keystoneError,
} from './answer.ts';
import { type Catalog, type CatalogFlaw, catalogOf } from './catalog.ts';
import type { Json } from './json.ts';
import type { Route } from './routes.ts';

export interface KeystoneOptions {
  readonly accounts: Accounts;
  /** Without a trailing slash. */
  readonly endpoint: string;
  readonly catalog: Catalog;
}

/** What a fault makes of a login that is otherwise good. */
export interface LoginFlaw {
  readonly scope?: 'unscoped' | 'domain';
  readonly catalog?: CatalogFlaw;
}

const named = v.object({ id: v.optional(v.string()), name: v.optional(v.string()) });
const loginSchema = v.object({
  auth: v.object({
    identity: v.object({
      methods: v.array(v.string()),
      password: v.optional(
        v.object({
          user: v.object({
            id: v.optional(v.string()),
            name: v.optional(v.string()),
            domain: v.optional(named),
            password: v.optional(v.string()),
          }),
        }),
      ),
    }),
    scope: v.optional(
      v.union([
        v.literal('unscoped'),
        v.object({ project: v.object({ id: v.string() }) }),
        v.object({ domain: v.object({ id: v.string() }) }),
        v.object({ system: v.object({ all: v.boolean() }) }),
      ]),
    ),
  }),
});
type Login = v.InferOutput<typeof loginSchema>['auth'];

export class Keystone {
  readonly #options: KeystoneOptions;

  constructor(options: KeystoneOptions) {
    this.#options = options;
  }

  answer(route: Route, request: CloudRequest, flaw: LoginFlaw): Answer {
    if (route === 'POST /v3/auth/tokens') return this.#login(request, flaw);
    if (route === 'GET /v3') return jsonAnswer(200, { version: this.#version() }, vary);
    if (route === 'GET /') {
      const choices = { versions: { values: [this.#version()] } };
      const location = { ...vary, Location: `${this.#options.endpoint}/v3/` };
      return { ...jsonAnswer(300, choices, location), reason: 'MULTIPLE CHOICES' };
    }
    return htmlAnswer(
      404,
      '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not found on the server.</p>\n',
    );
  }

  /** The project that a login asks for, before its password is looked at: faults can aim at it. */
  projectOf(request: CloudRequest): string | null {
    const login = parseLogin(request.body);
    const scope = 'body' in login ? undefined : login.scope;
    return typeof scope === 'object' && 'project' in scope ? scope.project.id : null;
  }

  unauthorized(): Answer {
    return keystoneError(401, 'Unauthorized', 'The request you have made requires authentication.', {
      ...vary,
      'WWW-Authenticate': `Keystone uri="${this.#options.endpoint}/v3"`,
    });
  }

  #login(request: CloudRequest, flaw: LoginFlaw): Answer {
    const { accounts } = this.#options;
    const login = parseLogin(request.body);
    if ('body' in login) return login;
    const asked = login.identity.password?.user;
    if (asked === undefined) return badRequest('Expecting to find password in identity.');
    if (asked.id === undefined && asked.domain === undefined)
      return badRequest('Expecting to find domain in user.');
    const user =
      asked.id === undefined
        ? accounts.userNamed(asked.name ?? '', asked.domain ?? {})
        : accounts.user(asked.id);
    if (user === undefined || asked.password === undefined) return this.unauthorized();
    const token = accounts.login(user, asked.password, scopeOf(login.scope, user, flaw));
    if (token === null) return this.unauthorized();
    return jsonAnswer(
      201,
      { token: this.#body(token, user, flaw) },
      {
        ...vary,
        'X-Subject-Token': token.id,
      },
    );
  }

  #body(token: Token, user: User, flaw: LoginFlaw): Json {
    const { accounts, catalog } = this.#options;
    const { scope } = token;
    const body: { [key: string]: Json } = {
      methods: ['password'],
      user: {
        domain: this.#domain(user.domainId),
        id: user.id,
        name: user.name,
        password_expires_at: null,
      },
      audit_ids: [randomBytes(16).toString('base64url')],
      expires_at: microseconds(token.expiresMs),
      issued_at: microseconds(token.issuedMs),
    };
    if (scope.kind === 'unscoped') return body;
    const project = scope.kind === 'project' ? accounts.project(scope.projectId) : undefined;
    if (project !== undefined) {
      body['project'] = { domain: this.#domain(project.domainId), id: project.id, name: project.name };
      body['is_domain'] = false;
    }
    if (scope.kind === 'domain') body['domain'] = this.#domain(scope.domainId);
    if (scope.kind === 'system') body['system'] = { all: true };
    body['roles'] = token.roles.map((name) => ({ id: Buffer.from(name.padEnd(16)).toString('hex'), name }));
    const services = catalogOf(catalog, project?.id ?? null, flaw.catalog ?? null);
    if (services !== null) body['catalog'] = services;
    return body;
  }

  #domain(id: string): Json {
    const domain: Domain | undefined = this.#options.accounts.domain(id);
    return { id, name: domain?.name ?? id };
  }

  #version(): Json {
    return {
      id: 'v3.14',
      status: 'stable',
      updated: '2020-04-07T00:00:00Z',
      links: [{ rel: 'self', href: `${this.#options.endpoint}/v3/` }],
      'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
    };
  }
}

const vary = { Vary: 'X-Auth-Token' };

function parseLogin(body: Buffer): Login | Answer {
  let json: unknown;
  try {
    json = body.length === 0 ? {} : JSON.parse(body.toString());
  } catch {
    return badRequest('Expecting to find valid JSON in request body.');
  }
  const parsed = v.safeParse(loginSchema, json);
  if (parsed.success) return parsed.output.auth;
  const issue = parsed.issues[0];
  const path = v.getDotPath(issue) ?? '';
  if (path === 'auth' || path === '') return badRequest('Expecting to find auth in request body.');
  return badRequest(`Invalid input for field '${path.replace(/^auth\./, '')}': ${issue.message}.`);
}

function scopeOf(asked: Login['scope'], user: User, flaw: LoginFlaw): Scope {
  if (flaw.scope === 'unscoped' || asked === undefined || asked === 'unscoped') return { kind: 'unscoped' };
  if (flaw.scope === 'domain') return { kind: 'domain', domainId: user.domainId };
  if ('project' in asked) return { kind: 'project', projectId: asked.project.id };
  if ('domain' in asked) return { kind: 'domain', domainId: asked.domain.id };
  return { kind: 'system' };
}

function badRequest(what: string): Answer {
  const rest =
    'The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.';
  const error = { code: 400, message: `${what} ${rest}`, title: 'Bad Request' };
  return bodyAnswer(400, Buffer.from(JSON.stringify({ error })));
}

// Keystone writes microseconds; its database keeps whole seconds.
function microseconds(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}.000000Z`;
}
