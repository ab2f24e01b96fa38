// What a region was asked with. Its objects may change before the answer comes: it is then the answer of another cloud or
// project, and nothing of it must be shown.

import type { Credentials } from '../../shared/session.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { AccessReader } from './access.ts';
import type { Region } from './region.ts';

interface AskedProject {
  readonly identityId: string;
  /** Undefined for a provider without logins. */
  readonly credentials: Credentials | undefined;
}

export class Question {
  readonly #region: Region;
  /** Null for a region that is not defined. */
  readonly #record: RegionRecord | null;
  readonly #era: number;
  readonly #access: Pick<AccessReader, 'isCurrent' | 'credentials'>;
  #overtaken = false;

  /** `record` is the object that the region's access was read by. */
  constructor(
    region: Region,
    record: RegionRecord | null,
    access: Pick<AccessReader, 'isCurrent' | 'credentials'>,
  ) {
    this.#region = region;
    this.#record = record;
    this.#era = region.era;
    this.#access = access;
  }

  /** Whether an answer came that was out of date by then. */
  get overtaken(): boolean {
    return this.#overtaken;
  }

  /** Call it when an answer comes. */
  isCurrent(): boolean {
    const { era } = this.#region;
    return this.#note(this.#record !== null && era === this.#era && this.#access.isCurrent(this.#record));
  }

  /** What is remembered of the project that was asked; undefined when its identity has another one by now, or none. */
  current<Asked extends AskedProject>(project: Asked | undefined): Asked | undefined {
    const { access } = this.#region;
    if (project === undefined || access === null) return undefined;
    const now = this.#access.credentials(this.#region, access, project.identityId);
    const same = now.ok && now.result?.projectId === project.credentials?.projectId;
    return this.#note(same) ? project : undefined;
  }

  #note(current: boolean): boolean {
    this.#overtaken ||= !current;
    return current;
  }
}
