import test from 'ava';
import { ProgressLine } from '../../src/terminal/progress-line.ts';
import { printable, terminalOf, wrap } from '../../src/terminal/terminal.ts';
import { eventually } from '../fixtures/eventually.ts';

const write = () => true;

test('a terminal is what it says it is; a file is none', (t) => {
  const terminal = terminalOf({ write, isTTY: true, columns: 132 }, { LANG: 'en_GB.UTF-8' });
  t.deepEqual(terminal, { width: 132, color: true, unicode: true, interactive: true });
  const file = terminalOf({ write }, { LANG: 'en_GB.UTF-8' });
  t.deepEqual(file, { width: null, color: false, unicode: true, interactive: false });
});

test('NO_COLOR, TERM=dumb, COLUMNS and the locale count', (t) => {
  const tty = { write, isTTY: true, columns: 80 };
  t.false(terminalOf(tty, { NO_COLOR: '1' }).color);
  t.true(terminalOf(tty, { NO_COLOR: '' }).color, 'set to nothing is not set');
  const dumb = terminalOf(tty, { TERM: 'dumb', LANG: 'C.UTF-8' });
  t.deepEqual(dumb, { width: 80, color: false, unicode: false, interactive: false });
  t.is(terminalOf({ write }, { COLUMNS: '60' }).width, 60);
  t.is(terminalOf({ write }, { COLUMNS: 'many' }).width, null);
  t.false(terminalOf(tty, { LC_ALL: 'C', LANG: 'en_GB.UTF-8' }).unicode);
  t.false(terminalOf(tty, {}).unicode);
});

test('text from outside is one line and steers nothing', (t) => {
  t.is(printable('a\r\n\tb\u001b[31m c\u2028d \u202ee\u0007'), 'a b?[31m c d ?e?');
});

test('lines are broken between words, and in words that are longer than a line', (t) => {
  t.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  t.deepEqual(wrap('a abcdefghij b', 4), ['a', 'abcd', 'efgh', 'ij b']);
  t.deepEqual(wrap('a serviceaccount:region-north:web', 20), ['a', 'serviceaccount:', 'region-north:web']);
  t.deepEqual(wrap('a:bcdefghij', 6), ['a:bcde', 'fghij']);
  t.deepEqual(wrap('', 10), ['']);
});

test('progress is printed over and taken away; where that cannot be, it is not printed', async (t) => {
  let text = '';
  const stream = {
    write: (part: string | Uint8Array) => {
      text += part.toString();
      return true;
    },
    isTTY: true,
    columns: 20,
  };
  let done = 0;
  const options = { stream, text: () => `${++done} of many servers and more` };
  const progress = new ProgressLine({ ...options, terminal: terminalOf(stream, {}) });
  await eventually('some progress', () => done >= 3);
  progress.end();
  t.true(text.startsWith('\r\u001b[K1 of many servers a\r'));
  t.true(text.endsWith('\r\u001b[K'));
  t.false(text.includes('\n'));
  const before = done;
  const none = new ProgressLine({ ...options, terminal: terminalOf({ write }, {}) });
  none.end();
  t.is(done, before);
});
