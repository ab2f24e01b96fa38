// Discovery: which groups, versions and resources there are, in the short forms that kubectl falls back to.

import type { JsonObject } from './object.ts';
import { groupVersion, type Resource, resources } from './resources.ts';

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

const reviews = {
  name: 'selfsubjectaccessreviews',
  singularName: 'selfsubjectaccessreview',
  namespaced: false,
  kind: 'SelfSubjectAccessReview',
  verbs: ['create'],
};

function resourceEntries(resource: Resource): readonly JsonObject[] {
  const { plural, singular, namespaced, kind, shortNames, custom } = resource;
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames === undefined ? {} : { shortNames }),
    ...(custom ? { categories: ['unikorn'] } : {}),
  };
  if (!resource.statusSubresource) return [main];
  const status = {
    name: `${plural}/status`,
    singularName: '',
    namespaced,
    kind,
    verbs: ['get', 'patch', 'update'],
  };
  return [main, status];
}

function resourceList(version: string, entries: readonly JsonObject[]): JsonObject {
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: version, resources: entries };
}

function groupEntry(name: string, version: string): JsonObject {
  const served = { groupVersion: `${name}/${version}`, version };
  return { name, versions: [served], preferredVersion: served };
}

/** The answers to discovery requests, by path. */
export function discovery(): ReadonlyMap<string, JsonObject> {
  const answers = new Map<string, JsonObject>();
  answers.set('/version', {
    major: '1',
    minor: '36',
    gitVersion: 'v1.36.0-sandbox',
    gitCommit: 'unknown',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'none',
    platform: 'node',
  });
  answers.set('/api', { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });
  const groups = new Map([['authorization.k8s.io', 'v1']]);
  for (const { group, version } of resources) if (group !== '') groups.set(group, version);
  const entries = [...groups].map(([name, version]) => groupEntry(name, version));
  answers.set('/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: entries });
  for (const [name, version] of groups)
    answers.set(`/apis/${name}`, { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(name, version) });
  const authorization = 'authorization.k8s.io/v1';
  answers.set(`/apis/${authorization}`, resourceList(authorization, [reviews]));
  for (const version of new Set(resources.map(groupVersion))) {
    const served = resources.filter((resource) => groupVersion(resource) === version);
    const path = version.includes('/') ? `/apis/${version}` : `/api/${version}`;
    answers.set(path, resourceList(version, served.flatMap(resourceEntries)));
  }
  return answers;
}
