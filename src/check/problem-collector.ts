// The problems of one poll as data, where the daemon would log them.

import { isLoadBalancerSubject, serviceSubject } from '../main/load-balancer-health/problems.ts';
import { errorText } from '../main/log/error-text.ts';
import type { Problem } from '../main/problems/problem.ts';
import { namespaceOf, regionKeyOf } from '../main/problems/problem-scope.ts';
import { isServerSubject, regionSubject } from '../main/server-health/problems.ts';
import { regionKey, regionName } from '../shared/region-ref.ts';
import type { WatchedObject, WatchedResource } from '../shared/watched-object.ts';

export interface Trouble {
  /** One word for machines: the code of an error, or "missing", "no-region". */
  readonly code: string;
  readonly message: string;
}

export interface Note {
  /** Of the region; "" where there is none. */
  readonly namespace: string;
  /** Id of the region. */
  readonly region: string;
  readonly message: string;
}

const nouns: Readonly<Record<WatchedResource, string>> = {
  servers: 'server',
  regions: 'region',
  loadbalancers: 'load balancer',
};

export class ProblemCollector {
  /** By uid of the object. */
  readonly #objects = new Map<string, Trouble>();
  readonly #regions = new Map<string, Trouble>();
  readonly #services = new Map<string, Trouble>();
  readonly #notes: Note[] = [];

  /** Why each region failed as a whole, by key. */
  get regions(): ReadonlyMap<string, Trouble> {
    return this.#regions;
  }

  /** Other problems, of neither an object nor a region as a whole. */
  get notes(): readonly Note[] {
    return this.#notes;
  }

  /** Why an object could not be checked; undefined when there is no known problem. */
  of(resource: WatchedResource, { uid, namespace, regionId = '' }: WatchedObject): Trouble | undefined {
    const region = regionKey({ namespace, name: regionId });
    const ofService = resource === 'loadbalancers' ? this.#services.get(region) : undefined;
    return this.#objects.get(uid) ?? ofService ?? this.#regions.get(region);
  }

  report(scope: string, problems: readonly Problem[]): void {
    for (const problem of problems) {
      const { subject = '', object } = problem;
      const region = regionKeyOf(scope);
      if (subject === regionSubject) this.#regions.set(region, troubleOf(problem));
      else if (subject === serviceSubject) this.#services.set(region, troubleOf(problem));
      else if (object !== undefined && isOfObject(problem)) this.#objects.set(object.uid, troubleOf(problem));
      else
        this.#notes.push({
          namespace: namespaceOf(scope),
          region: regionName(region),
          message: noteText(problem),
        });
    }
  }

  add(scope: string, problems: readonly Problem[]): void {
    this.report(scope, problems);
  }
}

/** Whether it keeps its object from being checked. */
function isOfObject({ subject = '', object }: Problem): boolean {
  return isServerSubject(subject) || isLoadBalancerSubject(subject) || object?.resource === 'regions';
}

function troubleOf({ key, message, error, fields }: Problem): Trouble {
  const { code } = fields;
  return {
    code: typeof code === 'string' ? code : (key.split('/', 1)[0] ?? ''),
    message: error === undefined ? finding(message) : errorText(error),
  };
}

function noteText({ message, error, object }: Problem): string {
  const about =
    object === undefined ? '' : ` (${nouns[object.resource]} ${object.displayName || object.name})`;
  return `${finding(message)}${about}${error === undefined ? '' : `: ${errorText(error)}`}`;
}

/** The log says that the daemon continues; here nothing follows. */
function finding(message: string): string {
  return message.replace(/, skipping$/, '');
}
