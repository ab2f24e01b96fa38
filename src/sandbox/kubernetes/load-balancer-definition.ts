// The custom resource definition of load balancers, the same in both profiles.

import type { JsonObject } from './object.ts';
import type { Rules, Schema } from './schema.ts';

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const byte = '(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])';
const address: Schema = { type: 'string', pattern: `^(?:${byte}\\.){3}${byte}$` };
const cidr: Schema = { type: 'string', pattern: `^(?:${byte}\\.){3}${byte}\\/(?:3[0-2]|[1-2]?[0-9])$` };

function range(minimum: number, maximum: number): Schema {
  return { type: 'integer', minimum, maximum };
}

const port = range(1, 65_535);

const lessThanInterval = 'self.timeoutSeconds < self.intervalSeconds';
const idleOfTcp = "self.protocol == 'tcp' || !has(self.idleTimeoutSeconds)";
const proxyOfTcp =
  "self.protocol == 'tcp' || !has(self.pool.proxyProtocolV2) || self.pool.proxyProtocolV2 == false";

export const loadBalancerRules: Rules = {
  [lessThanInterval]: (self) => Number(self['timeoutSeconds']) < Number(self['intervalSeconds']),
  [idleOfTcp]: (self) => self['protocol'] === 'tcp' || self['idleTimeoutSeconds'] === undefined,
  [proxyOfTcp]: (self: JsonObject) => {
    const pool = self['pool'];
    const proxied = typeof pool === 'object' && pool !== null && 'proxyProtocolV2' in pool;
    return self['protocol'] === 'tcp' || !proxied || pool['proxyProtocolV2'] !== true;
  },
};

const healthCheck: Schema = {
  type: 'object',
  required: ['healthyThreshold', 'intervalSeconds', 'timeoutSeconds', 'unhealthyThreshold'],
  properties: {
    healthyThreshold: range(1, 10),
    intervalSeconds: range(1, 300),
    timeoutSeconds: range(1, 300),
    unhealthyThreshold: range(1, 10),
  },
  'x-kubernetes-validations': [
    { rule: lessThanInterval, message: 'timeoutSeconds must be less than intervalSeconds' },
  ],
};

const members: Schema = {
  type: 'array',
  items: { type: 'object', required: ['address', 'port'], properties: { address, port } },
  'x-kubernetes-list-map-keys': ['address', 'port'],
  'x-kubernetes-list-type': 'map',
};

const listener: Schema = {
  type: 'object',
  required: ['name', 'pool', 'port', 'protocol'],
  properties: {
    allowedCIDRs: { type: 'array', items: cidr },
    idleTimeoutSeconds: range(1, 86_400),
    name: { type: 'string', maxLength: 63, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$' },
    pool: {
      type: 'object',
      required: ['members'],
      properties: { healthCheck, members, proxyProtocolV2: flag },
    },
    port,
    protocol: { type: 'string', enum: ['tcp', 'udp'] },
  },
  'x-kubernetes-validations': [
    { rule: idleOfTcp, message: 'idleTimeoutSeconds is only supported for TCP listeners' },
    { rule: proxyOfTcp, message: 'proxyProtocolV2 is only supported for TCP listeners' },
  ],
};

const tag: Schema = { type: 'object', required: ['name', 'value'], properties: { name: text, value: text } };

/** `conditions` are those of all kinds. */
export function loadBalancerDefinition(conditions: Schema): {
  readonly spec: Schema;
  readonly status: Schema;
} {
  return {
    spec: {
      type: 'object',
      properties: {
        listeners: {
          type: 'array',
          items: listener,
          minItems: 1,
          'x-kubernetes-list-map-keys': ['name'],
          'x-kubernetes-list-type': 'map',
        },
        pause: flag,
        publicIP: flag,
        requestedVIPAddress: address,
        tags: { type: 'array', items: tag },
      },
    },
    status: { type: 'object', properties: { conditions, publicIP: address, vipAddress: address } },
  };
}
