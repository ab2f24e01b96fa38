// What exports say of their sender. The environment's attributes win over ours.

import { hostname } from 'node:os';
import { defaultResource, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { keyValuePairs } from './key-value-pairs.ts';
import type { Variables } from './variables.ts';

export function resourceOf(name: string, version: string, variables: Variables): Resource {
  const attributes = variables.first(['OTEL_RESOURCE_ATTRIBUTES'], (text, variable) => {
    const { pairs, unreadable } = keyValuePairs(text);
    for (const entry of unreadable)
      variables.report(
        `${variable}: entry ${entry} is ignored: it must be key=value, percent-encoded, with a comma between entries`,
      );
    return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
  });
  const serviceName = variables.first(['OTEL_SERVICE_NAME'], (text) => text);
  return defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': name,
        'service.version': version,
        // Replicas differ in their host name, which is the pod's.
        'service.instance.id': hostname(),
      }),
    )
    .merge(resourceFromAttributes(attributes ?? {}))
    .merge(resourceFromAttributes(serviceName === null ? {} : { 'service.name': serviceName }));
}
