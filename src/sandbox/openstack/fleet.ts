// All servers of the sandbox's cloud, in the order in which Nova lists them, with their records ready to send.
// 100,000 servers must be cheap to list: a record is written once and kept until the server changes.

import { compare, type ListQuery, seconds } from './list-query.ts';
import type { CloudServer } from './server.ts';

/** Deleted servers of a project that lists of changes still show. Nova, too, archives them at some time. */
const deletedKept = 5_000;

interface Row {
  server: CloudServer;
  /** The record of a list, for the shape that was asked for last. */
  record: Buffer | null;
  shape: number;
}

interface ProjectRows {
  /** Newest first, then by id: Nova's default. */
  rows: Row[];
  sorted: boolean;
  deleted: number;
}

export interface Page {
  readonly servers: readonly CloudServer[];
  /** Records of servers in a cell that does not answer: they stand before the others. */
  readonly partial: readonly CloudServer[];
  /** Id to continue after; null when the page is not full. */
  readonly next: string | null;
}

export class Fleet {
  readonly #rows = new Map<string, Row>();
  readonly #projects = new Map<string, ProjectRows>();
  readonly #onChange: (server: CloudServer) => void;

  /** `onChange` is told of every server that is added or changes. */
  constructor(onChange: (server: CloudServer) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** Without the deleted ones. */
  get size(): number {
    let size = this.#rows.size;
    for (const project of this.#projects.values()) size -= project.deleted;
    return size;
  }

  get(id: string): CloudServer | undefined {
    return this.#rows.get(id)?.server;
  }

  /** Servers of a project, or of all, without the deleted ones, newest first. */
  servers(projectId?: string): CloudServer[] {
    return this.#select(projectId ?? null)
      .map((row) => row.server)
      .filter((server) => server.status !== 'DELETED');
  }

  add(server: CloudServer): void {
    if (this.#rows.has(server.id)) throw new Error(`the sandbox's cloud has a server ${server.id} already`);
    const row = { server, record: null, shape: -1 };
    this.#rows.set(server.id, row);
    let project = this.#projects.get(server.projectId);
    if (project === undefined) {
      project = { rows: [], sorted: true, deleted: 0 };
      this.#projects.set(server.projectId, project);
    }
    project.rows.push(row);
    project.sorted = false;
    this.#onChange(server);
  }

  /** Puts a new version of a server in the place of the old. */
  replace(server: CloudServer): void {
    const row = this.#rows.get(server.id);
    const project = this.#projects.get(server.projectId);
    if (row === undefined || project === undefined)
      throw new Error(`the sandbox's cloud has no server ${server.id}`);
    if (server.status === 'DELETED' && row.server.status !== 'DELETED') project.deleted++;
    row.server = server;
    row.record = null;
    if (project.deleted > deletedKept) this.#archive(project);
    this.#onChange(server);
  }

  /**
   * The page that the query asks for, or null where its marker is unknown. `blind`: no cell answers, as happens to
   * every query of a token without a project.
   */
  page(query: ListQuery, projectId: string | null, blind = false): Page | null {
    let rows = this.#select(projectId);
    if (query.order !== null) {
      const { order } = query;
      rows = rows.toSorted((a, b) => order(a.server, b.server));
    }
    const start = query.marker === null ? 0 : this.#after(query.marker, rows, query.order !== null);
    if (start === null) return null;
    const servers: CloudServer[] = [];
    for (let index = start; index < rows.length && servers.length < query.limit; index++) {
      const server = rows[index]?.server;
      if (server === undefined || server.cellDown || blind) continue;
      if (server.status === 'DELETED' && !query.withDeleted) continue;
      if (query.filters.every((filter) => filter(server))) servers.push(server);
    }
    const partial = query.withPartial ? unreachable(rows, query.limit - servers.length, blind) : [];
    const full = query.limit > 0 && servers.length + partial.length === query.limit;
    return { servers, partial, next: full ? ((servers.at(-1) ?? partial.at(-1))?.id ?? null) : null };
  }

  /** The record of a server for lists of a shape, from the cache or from `write`. */
  record(server: CloudServer, shape: number, write: (server: CloudServer) => Buffer): Buffer {
    const row = this.#rows.get(server.id);
    if (row === undefined || row.server !== server) return write(server);
    if (row.record === null || row.shape !== shape) {
      row.record = write(server);
      row.shape = shape;
    }
    return row.record;
  }

  #select(projectId: string | null): readonly Row[] {
    if (projectId === null)
      return [...this.#projects.values()].flatMap((project) => sortedRows(project)).toSorted(listed);
    const project = this.#projects.get(projectId);
    return project === undefined ? [] : sortedRows(project);
  }

  /** Index of the row after the marker. A deleted server, too, is a marker. */
  #after(marker: string, rows: readonly Row[], reordered: boolean): number | null {
    const row = this.#rows.get(marker);
    if (row === undefined || row.server.cellDown) return null;
    if (reordered) {
      const index = rows.indexOf(row);
      return index < 0 ? null : index + 1;
    }
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = rows[middle];
      if (other !== undefined && listed(other, row) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forgets the half of the deleted servers that was deleted first. */
  #archive(project: ProjectRows): void {
    const oldest = project.rows
      .filter((row) => row.server.status === 'DELETED')
      .toSorted((a, b) => a.server.updatedMs - b.server.updatedMs)
      .slice(0, Math.ceil(deletedKept / 2));
    const gone = new Set(oldest);
    for (const row of gone) this.#rows.delete(row.server.id);
    project.rows = project.rows.filter((row) => !gone.has(row));
    project.deleted -= gone.size;
  }
}

/** Servers of cells that do not answer, the oldest first: only the database that maps servers to cells knows them. */
function unreachable(rows: readonly Row[], limit: number, blind: boolean): CloudServer[] {
  const servers: CloudServer[] = [];
  for (let index = rows.length - 1; index >= 0 && servers.length < limit; index--) {
    const server = rows[index]?.server;
    if (server !== undefined && (server.cellDown || blind) && server.status !== 'DELETED')
      servers.push(server);
  }
  return servers;
}

function sortedRows(project: ProjectRows): readonly Row[] {
  if (!project.sorted) project.rows.sort(listed);
  project.sorted = true;
  return project.rows;
}

function listed(a: Row, b: Row): number {
  return seconds(b.server.createdMs) - seconds(a.server.createdMs) || compare(a.server.id, b.server.id);
}
