import test from 'ava';
import { fieldManager, writtenByAnother } from '../../../src/main/projection/field-manager.ts';

const own = 'region-monitor-host-1';

function object(...managers: readonly [name: string, ...fields: string[]][]): object {
  return {
    metadata: {
      managedFields: managers.map(([manager, ...fields]) => ({
        manager,
        operation: 'Update',
        subresource: 'status',
        fieldsV1: { 'f:status': Object.fromEntries(fields.map((field) => [`f:${field}`, {}])) },
      })),
    },
  };
}

test('a change is another monitor’s when that one manages a field of it', (t) => {
  const other = 'region-monitor-host-2';
  t.true(writtenByAnother(object([other, 'phase', 'conditions']), { phase: 'Stopped' }, own));
  t.false(writtenByAnother(object([own, 'phase'], [other, 'conditions']), { phase: 'Stopped' }, own));
  t.true(writtenByAnother(object([own, 'phase'], [other, 'conditions']), { conditions: [] }, own));
  t.true(
    writtenByAnother(
      object([own, 'phase'], [other, 'conditions']),
      { phase: 'Stopped', conditions: [] },
      own,
    ),
  );
});

test('it is ours when nothing says otherwise', (t) => {
  t.false(writtenByAnother(object([own, 'phase']), { phase: 'Stopped' }, own));
  t.false(writtenByAnother(object(['unikorn-server-controller', 'phase']), { phase: 'Stopped' }, own));
  for (const unmanaged of [{}, { metadata: {} }, { metadata: { managedFields: 'x' } }, null, object()])
    t.false(writtenByAnother(unmanaged, { phase: 'Stopped' }, own));
});

test('the name of a process fits what the API server takes', (t) => {
  t.regex(fieldManager(), /^region-monitor-.{1,113}$/);
});
