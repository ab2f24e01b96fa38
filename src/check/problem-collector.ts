// The problems of one poll as data, where the daemon would log them.

import { errorText } from '../main/log/error-text.ts';
import type { Problem } from '../main/problems/problem.ts';
import { regionKeyOf } from '../main/problems/problem-scope.ts';
import { isServerSubject, regionSubject, serverSubject } from '../main/server-health/problems.ts';
import { regionKey, regionName } from '../shared/region-ref.ts';
import type { ServerRecord } from '../shared/server-record.ts';

export interface Trouble {
  /** One word for machines: the code of an error, or "missing", "no-region". */
  readonly code: string;
  readonly message: string;
}

export interface Note {
  /** Id of the region. */
  readonly region: string;
  readonly message: string;
}

export class ProblemCollector {
  readonly #servers = new Map<string, Trouble>();
  readonly #regions = new Map<string, Trouble>();
  readonly #notes: Note[] = [];

  /** Why each region failed as a whole, by key. */
  get regions(): ReadonlyMap<string, Trouble> {
    return this.#regions;
  }

  /** Other problems, of neither a server nor a region as a whole. */
  get notes(): readonly Note[] {
    return this.#notes;
  }

  /** Why a server could not be checked; undefined when there is no known problem. */
  of(server: ServerRecord): Trouble | undefined {
    return (
      this.#servers.get(serverSubject(server)) ??
      this.#regions.get(regionKey({ namespace: server.namespace, name: server.regionId ?? '' }))
    );
  }

  report(scope: string, problems: readonly Problem[]): void {
    for (const problem of problems) {
      const { subject = '' } = problem;
      if (subject === regionSubject) this.#regions.set(regionKeyOf(scope), troubleOf(problem));
      else if (isServerSubject(subject)) this.#servers.set(subject, troubleOf(problem));
      else this.#notes.push({ region: regionName(regionKeyOf(scope)), message: noteText(problem) });
    }
  }

  add(scope: string, problems: readonly Problem[]): void {
    this.report(scope, problems);
  }
}

function troubleOf({ key, message, error, fields }: Problem): Trouble {
  const { code } = fields;
  return {
    code: typeof code === 'string' ? code : (key.split('/', 1)[0] ?? ''),
    message: error === undefined ? finding(message) : errorText(error),
  };
}

function noteText({ message, error, fields: { server } }: Problem): string {
  const about = typeof server === 'string' ? ` (server ${server})` : '';
  return `${finding(message)}${about}${error === undefined ? '' : `: ${errorText(error)}`}`;
}

/** The log says that the daemon continues; here nothing follows. */
function finding(message: string): string {
  return message.replace(/, skipping$/, '');
}
