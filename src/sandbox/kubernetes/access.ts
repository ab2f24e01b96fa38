// Who may do what: one client, rules as in an RBAC role, and the reviews that ask about them.

import { badRequest, KubernetesFailure } from './failure.ts';
import { isJsonObject, type Json, type JsonObject } from './object.ts';
import { qualified } from './resources.ts';

/** As in a ClusterRole: "*" matches anything, "servers/status" is a resource of its own. */
export interface AccessRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Absent allows all names. */
  readonly resourceNames?: readonly string[];
  /** Absent allows all namespaces; given, the rule is a Role in each of them. */
  readonly namespaces?: readonly string[];
}

/** What a request wants to do. */
export interface AccessRequest {
  readonly verb: string;
  readonly group: string;
  /** With the subresource: "servers/status". */
  readonly resource: string;
  /** "" for all namespaces, or for what has none. */
  readonly namespace: string;
  /** "" when it is about no single object. */
  readonly name: string;
}

const covers = (list: readonly string[], value: string) => list.includes('*') || list.includes(value);

function allows(rule: AccessRule, request: AccessRequest): boolean {
  return (
    covers(rule.apiGroups, request.group) &&
    covers(rule.resources, request.resource) &&
    covers(rule.verbs, request.verb) &&
    (rule.resourceNames === undefined || rule.resourceNames.includes(request.name)) &&
    (rule.namespaces === undefined || rule.namespaces.includes(request.namespace))
  );
}

export class KubernetesAccess {
  #rules: readonly AccessRule[] | undefined;
  #enforced = false;
  /** The user that all clients are, as errors name it. */
  readonly user = 'system:serviceaccount:sandbox:region-monitor';

  /**
   * Narrows what is allowed to these rules. Reviews answer by them at once; requests are held to them unless
   * `enforce` is false.
   */
  restrict(rules: readonly AccessRule[], options: { readonly enforce?: boolean } = {}): void {
    this.#rules = rules;
    this.#enforced = options.enforce ?? true;
  }

  /** Allows everything again. */
  allowAll(): void {
    this.#rules = undefined;
  }

  isAllowed(request: AccessRequest): boolean {
    return this.#rules?.some((rule) => allows(rule, request)) ?? true;
  }

  /** Throws 403 for a request that the rules do not allow. */
  check(request: AccessRequest): void {
    if (!this.#enforced || this.isAllowed(request)) return;
    const { verb, group, resource, namespace, name } = request;
    const [plural = ''] = resource.split('/');
    const subject = name === '' ? qualified(plural, group) : `${qualified(plural, group)} "${name}"`;
    const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    throw new KubernetesFailure({
      code: 403,
      reason: 'Forbidden',
      message: `${subject} is forbidden: User "${this.user}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`,
      details: { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: plural },
    });
  }

  /** Answers a SelfSubjectAccessReview. */
  review(body: Json): JsonObject {
    const spec = isJsonObject(body) ? body['spec'] : undefined;
    const attributes = isJsonObject(spec) ? spec['resourceAttributes'] : undefined;
    const path = isJsonObject(spec) ? spec['nonResourceAttributes'] : undefined;
    if (!isJsonObject(attributes) && !isJsonObject(path))
      throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified');
    const allowed = !isJsonObject(attributes) || this.isAllowed(readAttributes(attributes));
    return {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec,
      status: { allowed },
    };
  }
}

function readAttributes(attributes: JsonObject): AccessRequest {
  const field = (name: string) => {
    const value = attributes[name];
    return typeof value === 'string' ? value : '';
  };
  const subresource = field('subresource');
  return {
    verb: field('verb'),
    group: field('group'),
    resource: subresource === '' ? field('resource') : `${field('resource')}/${subresource}`,
    namespace: field('namespace'),
    name: field('name'),
  };
}
