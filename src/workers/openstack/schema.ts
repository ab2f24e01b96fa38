// The parts of Keystone's, Nova's and Ironic's answers that we read. Everything else in them is ignored.

import * as v from 'valibot';
import { CheckFailure } from '../../shared/errors.ts';
import type { MalformedRecord } from '../../shared/server-health.ts';
import type { ListedRecord } from './known-records.ts';
import { ownerId } from './owner-metadata.ts';

/** Names and ids have 255 characters at most. */
const maxNameLength = 256;
/** URLs and texts of errors. */
const maxTextLength = 1_024;
/** A link holds URL and query. */
const maxLinkLength = 4_096;

/** What is longer is cut, and the memory of the rest is given back: a slice would keep it. */
function cutTo(length: number): (text: string) => string {
  return (text) => (text.length <= length ? text : Buffer.from(text.slice(0, length)).toString());
}

export const shortText = v.pipe(v.string(), v.transform(cutTo(maxTextLength)));
const nameText = v.pipe(v.string(), v.transform(cutTo(maxNameLength)));
const linkText = v.pipe(v.string(), v.maxLength(maxLinkLength));
const linkSchema = v.object({ rel: nameText, href: linkText });

/** Null is an empty list, as gophercloud reads it: a service in Go writes it so. */
export function listOf<Schema extends v.GenericSchema>(entry: Schema) {
  return v.pipe(
    v.nullable(v.array(entry)),
    v.transform((list) => list ?? []),
  );
}

const tokenSchema = v.object({
  token: v.object({
    // Null for a token that never expires.
    expires_at: v.nullish(shortText),
    issued_at: v.nullish(shortText),
    project: v.nullish(v.object({ id: shortText })),
    // One odd entry of a service that we never use must not cost the login: entries are read one by one.
    catalog: v.nullish(v.array(v.unknown())),
  }),
});

const serviceSchema = v.object({ type: shortText, endpoints: listOf(v.unknown()) });

const endpointSchema = v.object({
  interface: shortText,
  region_id: v.nullish(shortText),
  region: v.nullish(shortText),
  url: shortText,
});

const versionSchema = v.object({
  id: shortText,
  /** The highest microversion; "" where there are none. */
  version: v.nullish(shortText),
  min_version: v.nullish(shortText),
  links: v.nullish(v.array(linkSchema)),
});

export const linksSchema = v.nullish(v.array(linkSchema));

const serverPageSchema = v.object({ servers: listOf(v.unknown()), servers_links: linksSchema });

const faultSchema = v.nullish(v.object({ message: v.nullish(shortText) }));

const serverFields = v.object({
  id: v.pipe(nameText, v.minLength(1)),
  name: v.optional(nameText),
  status: v.nullish(nameText),
  updated: v.nullish(nameText),
  metadata: v.nullish(v.object({ 'region:server_id': v.optional(nameText), serverID: v.optional(nameText) })),
  fault: faultSchema,
  'OS-EXT-STS:power_state': v.nullish(v.number()),
  'OS-EXT-STS:task_state': v.nullish(nameText),
  // The rest is read leniently: the state of a server is known without it.
  created: v.optional(v.unknown()),
  'OS-SRV-USG:launched_at': v.optional(v.unknown()),
  image: v.optional(v.unknown()),
  addresses: v.optional(v.unknown()),
});

// Nova gives every server a name, except in the partial record of one whose cell is down: id, status UNKNOWN, no more.
const serverSchema = v.pipe(
  serverFields,
  v.forward(
    v.check((server) => server.name !== undefined || server.status === 'UNKNOWN'),
    ['name'],
  ),
);

const faultPageSchema = v.object({ server: v.object({ fault: faultSchema }) });

const flavorPageSchema = v.object({
  flavors: listOf(
    v.object({
      id: shortText,
      name: shortText,
      'os-flavor-access:is_public': v.nullish(v.boolean()),
    }),
  ),
  flavors_links: linksSchema,
});

// Nodes are read leniently: one odd node must not cost the others.
const nodePageSchema = v.object({ nodes: listOf(v.unknown()), next: v.nullish(linkText) });
const nodeSchema = v.object({
  instance_uuid: v.fallback(v.nullish(nameText), null),
  // Undefined where it cannot be read.
  provision_state: v.fallback(v.nullish(nameText), undefined),
});

export type KeystoneToken = v.InferOutput<typeof tokenSchema>['token'];
export type CatalogEndpoint = v.InferOutput<typeof endpointSchema>;
export type NovaServer = v.InferOutput<typeof serverSchema>;
export type NovaVersion = v.InferOutput<typeof versionSchema>;
export type IronicNode = Partial<v.InferOutput<typeof nodeSchema>>;
export type NovaFlavor = v.InferOutput<typeof flavorPageSchema>['flavors'][number];

/** `href` of the next page; null on the last. */
export interface ServerPage {
  /** Those that are not known. */
  readonly servers: readonly NovaServer[];
  readonly malformed: readonly MalformedRecord[];
  /** All that are not malformed, in order. */
  readonly listed: readonly ListedRecord[];
  readonly next: string | null;
}

export function readToken(json: unknown): KeystoneToken {
  return readAnswer(tokenSchema, json, 'the token').token;
}

/** Endpoints of all services of one type; entries that cannot be read are passed over. */
export function readEndpoints(catalog: readonly unknown[], type: string): readonly CatalogEndpoint[] {
  return readServices(catalog)
    .flatMap((service) => (service.type === type ? service.endpoints : []))
    .map((entry) => v.safeParse(endpointSchema, entry))
    .flatMap((endpoint) => (endpoint.success ? [endpoint.output] : []));
}

/** Types of all services, each once. */
export function readServiceTypes(catalog: readonly unknown[]): readonly string[] {
  return [...new Set(readServices(catalog).map(({ type }) => type))];
}

function readServices(catalog: readonly unknown[]): readonly v.InferOutput<typeof serviceSchema>[] {
  return catalog
    .map((entry) => v.safeParse(serviceSchema, entry))
    .flatMap((service) => (service.success ? [service.output] : []));
}

/** The versions of `{"versions": […]}` (the service's root) or of `{"version": {…}}` (one version's root). */
export function readVersions(json: unknown): readonly NovaVersion[] {
  const schema = v.union([v.object({ versions: listOf(v.unknown()) }), v.object({ version: v.unknown() })]);
  const document = readAnswer(schema, json, 'the list of API versions');
  const entries = 'versions' in document ? document.versions : [document.version];
  return entries
    .map((entry) => v.safeParse(versionSchema, entry))
    .flatMap((version) => (version.success ? [version.output] : []));
}

/** A record that cannot be read becomes an entry of `malformed`: the rest of the page stands. */
export function readServerPage(
  json: unknown,
  pageNumber: number,
  records: readonly ListedRecord[] = [],
): ServerPage {
  const page = readAnswer(serverPageSchema, json, 'the list of servers');
  const servers: NovaServer[] = [];
  const malformed: MalformedRecord[] = [];
  const listed: ListedRecord[] = [];
  for (const [index, record] of page.servers.entries()) {
    const { digest, place } = records[index] ?? { digest: 0, place: null };
    if (record === null && place !== null) {
      listed.push({ digest, place });
      continue;
    }
    const parsed = v.safeParse(serverSchema, record);
    if (parsed.success) {
      servers.push(parsed.output);
      listed.push({ digest, place: null });
    } else malformed.push(malformedServer(record, parsed.issues, `at index ${index} of page ${pageNumber}`));
  }
  return { servers, malformed, listed, next: nextLink(page.servers_links) };
}

export function readFault(json: unknown): string | null {
  return readAnswer(faultPageSchema, json, 'the server').server.fault?.message ?? null;
}

export function readFlavorPage(json: unknown): {
  readonly flavors: readonly NovaFlavor[];
  readonly next: string | null;
} {
  const page = readAnswer(flavorPageSchema, json, 'the list of flavors');
  return { flavors: page.flavors, next: nextLink(page.flavors_links) };
}

export function readNodePage(json: unknown): {
  readonly nodes: readonly IronicNode[];
  readonly next: string | null;
} {
  const { nodes, next = null } = readAnswer(nodePageSchema, json, 'the list of nodes');
  return { nodes: nodes.map(readNode), next };
}

function readNode(entry: unknown): IronicNode {
  const node = v.safeParse(nodeSchema, entry);
  return node.success ? node.output : {};
}

export function hasNext(links: v.InferOutput<typeof linksSchema>): boolean {
  return nextLink(links) !== null;
}

function nextLink(links: v.InferOutput<typeof linksSchema>): string | null {
  return links?.find((link) => link.rel === 'next')?.href ?? null;
}

/** The answer as its schema has it. Throws a CheckFailure that names the field. */
export function readAnswer<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
  what: string,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  throw new CheckFailure({
    code: 'invalid-response',
    message: `${what} is not of the documented shape: ${describe(parsed.issues)}`,
  });
}

const lenientString = v.fallback(v.optional(shortText), undefined);

/** What can still be read of a record that does not fit `serverSchema`. */
const identitySchema = v.object({
  id: lenientString,
  metadata: v.fallback(
    v.nullish(v.object({ 'region:server_id': lenientString, serverID: lenientString })),
    undefined,
  ),
});

function malformedServer(record: unknown, issues: Issues, place: string): MalformedRecord {
  const identity = v.safeParse(identitySchema, record);
  const known = identity.success ? identity.output : { id: undefined, metadata: undefined };
  const providerId = known.id === '' ? null : (known.id ?? null);
  return {
    providerId,
    ownerId: ownerId(known.metadata),
    error: {
      code: 'invalid-response',
      message: `server ${providerId ?? place} is not of the documented shape: ${describe(issues)}`,
    },
  };
}

type Issues = readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]];

/** Names the field and the types; never the value, which may be anything of any length. */
export function describe(issues: Issues): string {
  const [issue] = issues;
  const field = v.getDotPath(issue) ?? 'the record';
  // A check of a whole record that names a field has the record as its input.
  const value = issue.path === undefined ? issue.input : issue.path.at(-1)?.value;
  return `${field}: expected ${issue.expected ?? 'another value'}, got ${typeName(value)}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
