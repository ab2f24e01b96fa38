// Domains, users, projects and tokens of the sandbox's cloud.

import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';

export interface Domain {
  readonly id: string;
  readonly name: string;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
  readonly password: string;
  /** Roles by project id. */
  readonly projects: ReadonlyMap<string, readonly string[]>;
  /** Roles in the user's own domain. */
  readonly domainRoles: readonly string[];
}

export type Scope =
  | { readonly kind: 'project'; readonly projectId: string }
  | { readonly kind: 'domain'; readonly domainId: string }
  | { readonly kind: 'system' }
  | { readonly kind: 'unscoped' };

export interface Token {
  readonly id: string;
  readonly userId: string;
  readonly scope: Scope;
  readonly roles: readonly string[];
  /** Epoch milliseconds of the cloud's clock. */
  readonly issuedMs: number;
  readonly expiresMs: number;
}

/** Expired tokens are dropped, and the oldest beyond this many. */
const tokensKept = 100_000;

export class Accounts {
  readonly #clock: Clock;
  readonly #tokenLifetimeMs: number;
  readonly #domains = new Map<string, Domain>();
  readonly #projects = new Map<string, Project>();
  readonly #users = new Map<string, User>();
  readonly #tokens = new Map<string, Token>();
  /** Tokens of which Nova's processes do not all know that they were revoked: the next answer of each. */
  readonly #wavering = new Map<string, boolean>();

  constructor(clock: Clock, tokenLifetimeMs: number) {
    this.#clock = clock;
    this.#tokenLifetimeMs = tokenLifetimeMs;
    this.addDomain({ id: 'default', name: 'Default' });
  }

  addDomain(options: { id?: string; name?: string } = {}): Domain {
    const id = options.id ?? newId();
    const domain = { id, name: options.name ?? `domain-${id.slice(0, 8)}` };
    this.#domains.set(id, domain);
    return domain;
  }

  addProject(options: { id?: string; name?: string; domainId?: string } = {}): Project {
    const id = options.id ?? newId();
    const project = {
      id,
      name: options.name ?? `project-${id.slice(0, 8)}`,
      domainId: options.domainId ?? 'default',
    };
    this.#projects.set(id, project);
    return project;
  }

  addUser(options: {
    id?: string;
    name?: string;
    domainId?: string;
    password?: string;
    projects?: readonly { id: string; roles?: readonly string[] }[];
    domainRoles?: readonly string[];
  }): User {
    const id = options.id ?? newId();
    const user = {
      id,
      name: options.name ?? `user-${id.slice(0, 8)}`,
      domainId: options.domainId ?? 'default',
      password: options.password ?? randomBytes(12).toString('base64url'),
      projects: new Map(
        (options.projects ?? []).map((grant) => [grant.id, grant.roles ?? ['member', 'reader']]),
      ),
      domainRoles: options.domainRoles ?? [],
    };
    this.#users.set(id, user);
    return user;
  }

  /** Gives a user roles in a project. */
  grant(userId: string, projectId: string, roles: readonly string[]): void {
    const user = this.#users.get(userId);
    if (user === undefined) throw new Error(`the sandbox's cloud has no user ${userId}`);
    this.#users.set(userId, { ...user, projects: new Map([...user.projects, [projectId, roles]]) });
  }

  domain(id: string): Domain | undefined {
    return this.#domains.get(id);
  }

  project(id: string): Project | undefined {
    return this.#projects.get(id);
  }

  user(id: string): User | undefined {
    return this.#users.get(id);
  }

  userNamed(name: string, domain: { id?: string | undefined; name?: string | undefined }): User | undefined {
    const domainId = domain.id ?? [...this.#domains.values()].find((each) => each.name === domain.name)?.id;
    return [...this.#users.values()].find((user) => user.name === name && user.domainId === domainId);
  }

  /** A new token, or null where the password is wrong or the user has no role in the scope. */
  login(user: User, password: string, scope: Scope): Token | null {
    if (user.password !== password) return null;
    const roles = rolesIn(user, scope);
    if (roles === null || (scope.kind === 'project' && !this.#projects.has(scope.projectId))) return null;
    const issuedMs = this.#clock.now();
    const token = {
      id: `gAAAAAB${randomBytes(132).toString('base64url')}`,
      userId: user.id,
      scope,
      roles,
      issuedMs,
      expiresMs: issuedMs + this.#tokenLifetimeMs,
    };
    this.#prune(issuedMs);
    this.#tokens.set(token.id, token);
    return token;
  }

  /** The token if it is valid now. */
  token(id: string | null): Token | null {
    const token = id === null ? undefined : this.#tokens.get(id);
    if (token === undefined || this.#clock.now() >= token.expiresMs) return null;
    const valid = this.#wavering.get(token.id);
    if (valid === undefined) return token;
    this.#wavering.set(token.id, !valid);
    return valid ? token : null;
  }

  /** What a token was issued for, valid or not: faults and counts go by it. Asking changes nothing. */
  scopeOf(id: string | null): Scope | null {
    return (id === null ? undefined : this.#tokens.get(id))?.scope ?? null;
  }

  /**
   * Revokes the tokens that match. `wavering`: as on a real cloud for minutes after a revocation, where some of
   * Nova's processes have the token in their cache: it is good and bad by turns.
   */
  revoke(matches: (token: Token) => boolean, options: { wavering?: boolean } = {}): void {
    for (const token of this.#tokens.values()) {
      if (!matches(token)) continue;
      if (options.wavering === true) this.#wavering.set(token.id, true);
      else this.#forget(token.id);
    }
  }

  /** As in Keystone, a new password ends the tokens that the old one got. */
  setPassword(userId: string, password: string): void {
    const user = this.#users.get(userId);
    if (user === undefined) throw new Error(`the sandbox's cloud has no user ${userId}`);
    this.#users.set(userId, { ...user, password });
    this.revoke((token) => token.userId === userId);
  }

  #prune(now: number): void {
    // Oldest first, as the map keeps them.
    for (const token of this.#tokens.values()) {
      if (token.expiresMs > now && this.#tokens.size < tokensKept) return;
      this.#forget(token.id);
    }
  }

  #forget(id: string): void {
    this.#tokens.delete(id);
    this.#wavering.delete(id);
  }
}

/** Null where the user has none, which Keystone takes for a failed login. */
function rolesIn(user: User, scope: Scope): readonly string[] | null {
  if (scope.kind === 'unscoped') return [];
  if (scope.kind === 'project') return user.projects.get(scope.projectId) ?? null;
  if (scope.kind === 'system') return user.domainRoles.includes('admin') ? user.domainRoles : null;
  return scope.domainId === user.domainId && user.domainRoles.length > 0 ? user.domainRoles : null;
}

/** Keystone's ids are UUIDs without dashes. */
function newId(): string {
  return randomUUID().replaceAll('-', '');
}
