// Fields of an object, as they may be: there, missing, or something else.

import test from 'ava';
import {
  asFields,
  isFields,
  optionalFields,
  optionalList,
  optionalText,
  text,
} from '../../../../src/main/kubernetes/objects/object-fields.ts';

const fields = { name: 'web', empty: '', none: null, list: ['a'], object: { a: 1 }, number: 7 };

test('a text', (t) => {
  t.is(text(fields, 'name', 'spec'), 'web');
  t.is(text(fields, 'empty', 'spec'), '');
  for (const [key, got] of Object.entries({
    none: 'null',
    missing: 'nothing',
    list: 'a list',
    object: 'object',
    number: 'number',
  }))
    t.throws(() => text(fields, key, 'spec'), { message: `spec.${key} must be a string, not ${got}` });
});

test('a text that may be missing; null counts as missing', (t) => {
  t.is(optionalText(fields, 'name', 'spec'), 'web');
  t.is(optionalText(fields, 'none', 'spec'), undefined);
  t.is(optionalText(fields, 'missing', 'spec'), undefined);
  t.is(optionalText(undefined, 'name', 'spec'), undefined);
  t.throws(() => optionalText(fields, 'number', 'spec'), {
    message: 'spec.number must be a string, not number',
  });
});

test('a list that may be missing; null counts as missing', (t) => {
  t.deepEqual(optionalList(fields, 'list', 'spec'), ['a']);
  t.deepEqual(optionalList(fields, 'none', 'spec'), []);
  t.deepEqual(optionalList(fields, 'missing', 'spec'), []);
  t.deepEqual(optionalList(undefined, 'list', 'spec'), []);
  t.throws(() => optionalList(fields, 'object', 'spec'), {
    message: 'spec.object must be a list, not object',
  });
});

test('an object, that may be missing or not', (t) => {
  t.deepEqual(optionalFields(fields, 'object', 'spec'), { a: 1 });
  t.is(optionalFields(fields, 'none', 'spec'), undefined);
  t.is(optionalFields(fields, 'missing', 'spec'), undefined);
  t.throws(() => optionalFields(fields, 'list', 'spec'), {
    message: 'spec.list must be an object, not a list',
  });
  t.deepEqual(asFields({}, 'spec'), {});
  t.throws(() => asFields(null, 'spec'), { message: 'spec must be an object, not null' });
  t.deepEqual([{}, [], null, 'text', undefined].map(isFields), [true, false, false, false, false]);
});
