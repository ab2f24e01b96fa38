// Who logs in to the sandbox's cloud: the users that the platform has there.

import type { Accounts } from './accounts.ts';

/** What a client needs to log in. */
export interface CloudIdentity {
  readonly domainId: string;
  readonly userId: string;
  readonly password: string;
  readonly projectId: string;
}

/** A project with a user of its own, as the region service makes for an identity. */
export function addIdentity(
  accounts: Accounts,
  options: { projectId?: string; domainId?: string; roles?: readonly string[] },
): CloudIdentity {
  const { projectId, domainId = 'default', roles = ['member', 'reader', 'load-balancer_member'] } = options;
  const project = accounts.addProject({ domainId, ...(projectId === undefined ? {} : { id: projectId }) });
  const user = accounts.addUser({ domainId, projects: [{ id: project.id, roles }] });
  return { domainId, userId: user.id, password: user.password, projectId: project.id };
}

/** A region's service account: administrator of a domain of its own and of a project in it. */
export function addServiceAccount(accounts: Accounts): CloudIdentity {
  const domain = accounts.addDomain();
  const roles = ['admin', 'member', 'reader'];
  const project = accounts.addProject({ domainId: domain.id });
  const user = accounts.addUser({
    domainId: domain.id,
    projects: [{ id: project.id, roles }],
    domainRoles: roles,
  });
  return { domainId: domain.id, userId: user.id, password: user.password, projectId: project.id };
}
