import test from 'ava';
import type { Problem } from '../../../src/main/problems/problem.ts';
import { ProblemLog } from '../../../src/main/problems/problem-log.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { type ObjectRef, refTo } from '../../../src/shared/watched-object.ts';
import { RecordedLog } from '../../fixtures/monitor/recorded-log.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';

function problem(key: string, changes: Partial<Problem> = {}): Problem {
  return { key, message: `${key} begins`, fields: { server: key }, ended: `${key} ends`, ...changes };
}

function server(changes: Partial<ServerRecord>): ObjectRef {
  return refTo('servers', serverRecord(changes));
}

const start = Date.UTC(2026, 10, 22, 8);
const clock = { now: () => start };

function setUp() {
  const log = new RecordedLog();
  return { log, problems: new ProblemLog(log, clock) };
}

test('a problem is told once when it begins and once when it ends', (t) => {
  const { log, problems } = setUp();
  const refused = problem('a', { error: 'refused' });
  problems.report('region', [refused]);
  problems.report('region', [{ ...refused, error: 'refused again' }]);
  t.deepEqual(log.lines, [{ level: 'error', msg: 'a begins', error: 'refused', fields: { server: 'a' } }]);
  problems.report('region', []);
  problems.report('region', []);
  t.deepEqual(log.lines.slice(1), [{ level: 'info', msg: 'a ends', fields: { server: 'a' } }]);
  problems.report('region', [refused]);
  t.is(log.lines.length, 3, 'it begins anew');
});

test('a problem without an error is no error', (t) => {
  const { log, problems } = setUp();
  problems.report('region', [problem('a')]);
  t.deepEqual(log.lines, [{ level: 'info', msg: 'a begins', fields: { server: 'a' } }]);
});

test('an end that is worth no line gets none', (t) => {
  const { log, problems } = setUp();
  const { ended: _, ...endless } = problem('a');
  problems.report('region', [endless]);
  problems.report('region', []);
  t.deepEqual(log.take(), ['a begins']);
});

test('scopes do not end each other’s problems', (t) => {
  const { log, problems } = setUp();
  problems.report('one', [problem('a')]);
  problems.report('two', [problem('a')]);
  problems.report('two', []);
  t.deepEqual(log.take(), ['a begins', 'a begins', 'a ends']);
});

test('a problem that gives way to another of the same subject has not ended', (t) => {
  const { log, problems } = setUp();
  const timeout = problem('timeout', { subject: 'server' });
  const refused = problem('refused', { subject: 'server' });
  problems.report('region', [timeout]);
  problems.report('region', [refused]);
  t.deepEqual(log.take(), ['timeout begins', 'refused begins']);
  problems.report('region', []);
  t.deepEqual(log.take(), ['refused ends']);
  problems.report('region', [timeout]);
  t.deepEqual(log.take(), ['timeout begins']);
});

test('a subject that alternates between two problems is told each once, until it was well', (t) => {
  const { log, problems } = setUp();
  const timeout = problem('timeout', { subject: 'region' });
  const refused = problem('refused', { subject: 'region' });
  for (const found of [timeout, refused, timeout, refused, timeout]) problems.report('region', [found]);
  t.deepEqual(log.take(), ['timeout begins', 'refused begins']);
  problems.report('region', [problem('other')]);
  t.deepEqual(log.take(), ['timeout ends', 'other begins']);
  problems.report('region', [refused, problem('other')]);
  t.deepEqual(log.take(), ['refused begins']);
});

test('the count of lines left out names the lines: those of the end are others, or none', (t) => {
  const { log, problems } = setUp();
  const many = Array.from({ length: 23 }, (_, index) =>
    problem(`${index}`, { message: 'begins', ended: 'ends' }),
  );
  problems.report('region', many);
  problems.report('region', []);
  const counts = log.lines.filter(({ msg }) => msg.startsWith('more lines')).map(({ fields }) => fields);
  t.deepEqual(counts, [
    { message: 'begins', region: 'region', count: 3 },
    { message: 'ends', region: 'region', count: 3 },
  ]);
  problems.report(
    'region',
    many.map(({ key, message, fields }) => ({ key, message, fields })),
  );
  log.take();
  problems.report('region', []);
  t.deepEqual(log.take(), []);
});

test('while a problem hides the others, they neither end nor begin again', (t) => {
  const { log, problems } = setUp();
  const hiding = problem('down', { subject: 'region', hidesOthers: true });
  const hidingToo = problem('refusing', { subject: 'region', hidesOthers: true });
  problems.report('region', [problem('a'), problem('b')]);
  problems.report('region', [hiding]);
  problems.report('region', [hidingToo]);
  t.deepEqual(log.take(), ['a begins', 'b begins', 'down begins', 'refusing begins']);
  problems.report('region', [problem('a')]);
  t.deepEqual(log.take(), ['refusing ends', 'b ends']);
});

test('what a problem hides goes on unseen, and does not keep that one from ending and beginning again', (t) => {
  const { log, problems } = setUp();
  const paused = problem('paused', { subject: 'power' });
  const unchecked = problem('unchecked', { subject: 'server', hides: 'power' });
  problems.report('region', [paused]);
  problems.report('region', [unchecked]);
  t.deepEqual(log.take(), ['paused begins', 'unchecked begins']);
  t.deepEqual(
    openIn(problems).flatMap(([, groups]) => groups.map(({ message }) => message)),
    ['unchecked begins'],
  );
  problems.report('region', [paused]);
  t.deepEqual(log.take(), ['unchecked ends']);
  // One was checked, and then not written.
  problems.report('region', [paused, unchecked]);
  t.deepEqual(log.take(), ['unchecked begins']);
  problems.report('region', [unchecked]);
  problems.report('region', []);
  t.deepEqual(log.take(), ['unchecked ends', 'paused ends']);
});

test('a scope that is forgotten ends without a word, and begins anew', (t) => {
  const { log, problems } = setUp();
  problems.report('region', [problem('a')]);
  problems.forget('region');
  problems.report('region', []);
  t.deepEqual(log.take(), ['a begins']);
  problems.report('region', [problem('a')]);
  t.deepEqual(log.take(), ['a begins']);
});

test('problems of a server that is gone end without a word, and do not begin', (t) => {
  const log = new RecordedLog();
  const gone = new Set<string>();
  const problems = new ProblemLog(log, clock, { isThere: ({ uid }) => !gone.has(uid) });
  const old = problem('a', { object: server({ uid: 'old' }) });
  const other = problem('b', { object: server({ uid: 'other' }) });
  problems.report('region', [old, other]);
  t.deepEqual(log.take(), ['a begins', 'b begins']);
  gone.add('old');
  problems.report('region', [old]);
  t.deepEqual(log.take(), ['b ends'], 'the report was on its way when the server was deleted');
  problems.report('region', []);
  t.deepEqual(log.take(), []);
  problems.report('region', [problem('a', { object: server({ uid: 'new' }) })]);
  t.deepEqual(log.take(), ['a begins']);
});

test('a server that takes the place of another has problems of its own', (t) => {
  const log = new RecordedLog();
  const gone = new Set<string>();
  const problems = new ProblemLog(log, clock, { isThere: ({ uid }) => !gone.has(uid) });
  problems.report('region', [problem('a', { object: server({ uid: 'old' }) })]);
  gone.add('old');
  problems.report('region', [problem('a', { object: server({ uid: 'new' }) })]);
  t.deepEqual(log.take(), ['a begins', 'a begins']);
});

test('a mass of problems is told in twenty lines and a count, as is their end', (t) => {
  const { log, problems } = setUp();
  const many = Array.from({ length: 1_000 }, (_, index) =>
    problem(`server-${index}`, { message: 'failed', ended: 'works', error: 'refused' }),
  );
  problems.report('region', [...many, problem('other')]);
  t.is(log.lines.filter(({ msg }) => msg === 'failed').length, 20);
  t.is(log.lines.filter(({ msg }) => msg === 'other begins').length, 1);
  t.deepEqual(log.lines.at(-1), {
    level: 'info',
    msg: 'more lines with this message suppressed',
    fields: { message: 'failed', region: 'region', count: 980 },
  });
  log.take();
  problems.report('region', many);
  t.deepEqual(log.take(), ['other ends']);
  problems.report('region', []);
  t.is(log.lines.filter(({ msg }) => msg === 'works').length, 20);
  t.is(log.lines.length, 21);
});

function refused(name: string): Problem {
  return {
    key: `check/${name}`,
    object: server({ name, displayName: `the ${name}` }),
    message: 'failed',
    error: `refused ${name}`,
    fields: { server: name, code: 'forbidden' },
  };
}

const openIn = (problems: ProblemLog) => [...problems.open()];

test('what is open is told by scope, those that are alike together, with when they began', (t) => {
  let now = start;
  const problems = new ProblemLog(new RecordedLog(), { now: () => now });
  const record: Problem = {
    key: 'record',
    message: 'cannot be read',
    error: 'no id',
    fields: { identity: 'project', provider_id: 'x1' },
  };
  problems.report('one', [refused('a')]);
  now += 60_000;
  const many = ['b', 'c', 'd', 'e'].map(refused);
  problems.report('one', [...many, refused('a'), record]);
  problems.report('two', [problem('two')]);
  now += 60_000;
  // Nothing new.
  problems.report('one', [...many, refused('a'), record]);
  t.deepEqual(openIn(problems), [
    [
      'one',
      [
        {
          message: 'failed',
          code: 'forbidden',
          error: 'refused b',
          count: 5,
          objects: ['b', 'c', 'd'].map((name) => ({ kind: 'server', name, displayName: `the ${name}` })),
          firstMs: start,
          latestMs: start + 60_000,
        },
        {
          message: 'cannot be read',
          code: '',
          error: 'no id',
          count: 1,
          objects: [{ kind: 'record', name: 'x1', displayName: '' }],
          firstMs: start + 60_000,
          latestMs: start + 60_000,
        },
      ],
    ],
    [
      'two',
      [
        {
          message: 'two begins',
          code: '',
          error: '',
          count: 1,
          objects: [],
          firstMs: start + 60_000,
          latestMs: start + 60_000,
        },
      ],
    ],
  ]);
  problems.report('one', [refused('a')]);
  problems.forget('two');
  t.like(openIn(problems), [['one', [{ count: 1, error: 'refused a', firstMs: start, latestMs: start }]]]);
  problems.report('one', []);
  t.deepEqual(openIn(problems), []);
});

test('what another problem hides is open again when that is over, since when it began', (t) => {
  let now = start;
  const problems = new ProblemLog(new RecordedLog(), { now: () => now });
  problems.report('region', [problem('a')]);
  now += 60_000;
  problems.report('region', [problem('down', { subject: 'region', hidesOthers: true })]);
  t.like(openIn(problems), [['region', { length: 1, 0: { message: 'down begins', firstMs: now } }]]);
  problems.report('region', [problem('a')]);
  t.like(openIn(problems), [['region', { length: 1, 0: { message: 'a begins', firstMs: start } }]]);
});

test('a subject that alternates between two problems has each since it was told', (t) => {
  let now = start;
  const problems = new ProblemLog(new RecordedLog(), { now: () => now });
  for (const key of ['timeout', 'refused', 'timeout']) {
    problems.report('region', [problem(key, { subject: 'region' })]);
    now += 1_000;
  }
  t.like(openIn(problems), [['region', [{ message: 'timeout begins', firstMs: start }]]]);
});

test('the same problem reported twice at once is one', (t) => {
  const { log, problems } = setUp();
  problems.report('region', [problem('a'), problem('a')]);
  t.deepEqual(log.take(), ['a begins']);
});
