// Field and label selectors of lists and watches.

import { badRequest } from './failure.ts';
import type { KubernetesObject } from './object.ts';
import { readStored, type Stored } from './store.ts';

/** Which objects a list or a watch is about. */
export interface Selection {
  /** "" selects all namespaces. */
  readonly namespace: string;
  /** The one name that is asked for; undefined asks for any. */
  readonly name?: string;
  /** Absent when there are no conditions beside namespace and name. */
  readonly matches?: (object: KubernetesObject) => boolean;
}

type Requirement = (labels: Readonly<Record<string, string>>) => boolean;

const setForm = /^([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const equalityForm = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/;
const existsForm = /^(!?)\s*([\w./-]+)$/;

function requirement(text: string): Requirement {
  const set = setForm.exec(text);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (labels) => {
      const value = labels[key];
      return operator === 'in'
        ? value !== undefined && values.has(value)
        : !(value !== undefined && values.has(value));
    };
  }
  const equality = equalityForm.exec(text);
  if (equality !== null) {
    const [, key = '', operator, value] = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const exists = existsForm.exec(text);
  if (exists === null) throw badRequest(`unable to parse requirement: ${JSON.stringify(text)}`);
  const [, not, key = ''] = exists;
  return (labels) => (labels[key] !== undefined) === (not === '');
}

/** The conditions of a label selector: equality, sets and existence. */
function parseLabelSelector(text: string): Requirement {
  // Commas inside parentheses belong to a set.
  const parts = text.split(/,(?![^()]*\))/).map((part) => part.trim());
  const requirements = parts.filter((part) => part !== '').map(requirement);
  return (labels) => requirements.every((matches) => matches(labels));
}

/** What a request selects; throws for a selector that is not understood. */
export function parseSelection(namespace: string, query: URLSearchParams): Selection {
  const labelSelector = query.get('labelSelector') ?? '';
  const fieldSelector = query.get('fieldSelector') ?? '';
  const conditions: ((object: KubernetesObject) => boolean)[] = [];
  let name: string | undefined;
  for (const part of fieldSelector.split(',').filter((entry) => entry !== '')) {
    const [, field = '', operator = '', value = ''] = /^([\w.]+)(==|=|!=)(.*)$/.exec(part) ?? [];
    if (field !== 'metadata.name' && field !== 'metadata.namespace')
      throw badRequest(`field label not supported: ${field === '' ? part : field}`);
    if (operator !== '!=' && field === 'metadata.name') name = value;
    conditions.push(({ metadata }) => {
      const actual = field === 'metadata.name' ? metadata.name : (metadata.namespace ?? '');
      return (actual === value) === (operator !== '!=');
    });
  }
  if (labelSelector !== '') {
    const matches = parseLabelSelector(labelSelector);
    conditions.push(({ metadata }) => matches(metadata.labels ?? {}));
  }
  return {
    namespace,
    ...(name === undefined ? {} : { name }),
    ...(conditions.length === 0
      ? {}
      : { matches: (object: KubernetesObject) => conditions.every((condition) => condition(object)) }),
  };
}

/** Whether a stored object is selected. The text is parsed only when it must be. */
export function isSelected(selection: Selection, stored: Stored): boolean {
  if (selection.namespace !== '' && !stored.key.startsWith(`${selection.namespace}/`)) return false;
  const { matches, name } = selection;
  if (matches === undefined) return true;
  if (name !== undefined && stored.key.slice(stored.key.indexOf('/') + 1) !== name) return false;
  return matches(readStored(stored));
}
