import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createLogger, type Logger, type LogOptions } from '../../../src/main/log/logger.ts';
import { DescriptorSink } from '../../../src/main/log/sink.ts';

const defaults: LogOptions = {
  encoder: 'json',
  level: 0,
  stacktraceLevel: 'error',
  timeEncoding: 'rfc3339',
};

/** 2026-05-04T03:02:01.120Z */
const instant = Date.UTC(2026, 4, 4, 3, 2, 1, 120);

interface Recorder {
  readonly logger: Logger;
  readonly lines: string[];
}

function record(options: Partial<LogOptions> = {}, isTTY = false): Recorder {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line), isTTY };
  return { logger: createLogger({ ...defaults, ...options }, destination, () => instant), lines };
}

function parsed(recorder: Recorder): unknown[] {
  return recorder.lines.map((line): unknown => JSON.parse(line));
}

const times: readonly [LogOptions['timeEncoding'], string][] = [
  ['epoch', '1777863721.12'],
  ['millis', '1777863721120'],
  ['nano', '1777863721120000000'],
  ['nanos', '1777863721120000000'],
  ['iso8601', '"2026-05-04T03:02:01.120Z"'],
  ['rfc3339', '"2026-05-04T03:02:01Z"'],
  ['rfc3339nano', '"2026-05-04T03:02:01.12Z"'],
];
for (const [timeEncoding, expected] of times) {
  test(`time encoding ${timeEncoding}`, (t) => {
    const recorder = record({ timeEncoding });
    recorder.logger.info('service starting');
    t.deepEqual(recorder.lines, [`{"level":"info","ts":${expected},"msg":"service starting"}\n`]);

    const console = record({ timeEncoding, encoder: 'console' });
    console.logger.info('service starting');
    t.deepEqual(console.lines, [`${expected.replaceAll('"', '')} INFO  service starting\n`]);
  });
}

test('a JSON line has the keys of the original, in its order', (t) => {
  const recorder = record({ stacktraceLevel: 'panic' });
  recorder.logger.named('poll').error('check failed', new Error('no route'), { region: 'r1', servers: 3 });
  t.deepEqual(recorder.lines, [
    '{"level":"error","ts":"2026-05-04T03:02:01Z","logger":"poll","msg":"check failed","region":"r1","servers":3,"error":"no route"}\n',
  ]);
});

test('levels: -1 writes errors, 0 info too, 1 and more debug too', (t) => {
  const levels = [-1, 0, 1, 5].map((level) => {
    const recorder = record({ level });
    recorder.logger.debug('d');
    recorder.logger.info('i');
    recorder.logger.error('e', null);
    return recorder.lines.map((line) => line.slice(10, 13)).join(' ');
  });
  t.deepEqual(levels, ['err', 'inf err', 'deb inf err', 'deb inf err']);
});

test('stack traces belong to real errors, from the level that was asked for', (t) => {
  const thrown = new Error('broken');
  const shown = (['info', 'error', 'panic'] as const).map((stacktraceLevel) => {
    const recorder = record({ stacktraceLevel });
    recorder.logger.info('retrying', { error: thrown });
    recorder.logger.error('check failed', thrown);
    recorder.logger.error('check failed', { code: 'timeout', message: 'no answer' });
    recorder.logger.error('check failed', 'a text');
    return recorder.lines.map((line) => line.includes('"stacktrace":"Error: broken\\n    at '));
  });
  t.deepEqual(shown, [
    [true, true, false, false],
    [false, true, false, false],
    [false, false, false, false],
  ]);
});

test('an error says its causes and its code', (t) => {
  const recorder = record({ stacktraceLevel: 'panic' });
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' });
  recorder.logger.error('a', new TypeError('fetch failed', { cause: refused }));
  recorder.logger.error('b', new AggregateError([refused, new Error('connect ENETUNREACH')]));
  recorder.logger.error('c', {
    code: 'unauthorized',
    message: 'the cloud refused the credentials',
    status: 401,
  });
  recorder.logger.error('d', null);
  t.like(parsed(recorder), [
    { error: 'fetch failed: connect ECONNREFUSED 10.0.0.1:443' },
    { error: 'connect ECONNREFUSED 10.0.0.1:443; connect ENETUNREACH' },
    { error: 'the cloud refused the credentials', error_code: 'unauthorized' },
    { msg: 'd' },
  ]);
  t.false(recorder.lines[3]?.includes('error"') && recorder.lines[3].includes('"error":'));
});

test('the console encoding is one readable line, whatever the values hold', (t) => {
  const recorder = record({ encoder: 'console', stacktraceLevel: 'panic' });
  recorder.logger
    .named('pool')
    .info('instance phase transition', { from_phase: 'Pending', to_phase: 'Running' });
  recorder.logger.error('a\nb', new Error('first\nsecond'), {
    name: 'two words',
    empty: '',
    pair: 'a=b',
    list: [1, 'x'],
    escape: '\u001b[31m\u009b',
    none: null,
  });
  t.deepEqual(recorder.lines, [
    '2026-05-04T03:02:01Z INFO  pool: instance phase transition from_phase=Pending to_phase=Running\n',
    '2026-05-04T03:02:01Z ERROR a\\u000ab name="two words" empty="" pair="a=b" list=[1,"x"] escape="\\u001b[31m\\u009b" none=null error="first\\nsecond"\n',
  ]);
});

function writesEscapes(isTTY: boolean): boolean {
  const recorder = record({ encoder: 'console' }, isTTY);
  recorder.logger.info('service starting', { version: '1' });
  return recorder.lines.some((line) => line.includes('\u001b['));
}

test.serial('color only on a terminal, and not with NO_COLOR', (t) => {
  const before = process.env['NO_COLOR'];
  delete process.env['NO_COLOR'];
  const without = [writesEscapes(true), writesEscapes(false)];
  process.env['NO_COLOR'] = '1';
  const withIt = [writesEscapes(true), writesEscapes(false)];
  if (before === undefined) delete process.env['NO_COLOR'];
  else process.env['NO_COLOR'] = before;
  t.deepEqual(
    [without, withIt],
    [
      [true, false],
      [false, false],
    ],
  );
});

for (const encoder of ['json', 'console'] as const) {
  test(`no credential in a ${encoder} line, at any depth`, (t) => {
    const recorder = record({ encoder });
    recorder.logger.info('logged in', {
      password: 'hunter2',
      'X-Auth-Token': 'hunter2',
      clientSecret: 'hunter2',
      job: { projects: [{ credentials: { userId: 'hunter2' }, session: { token: 'hunter2' } }] },
      headers: new Map([['authorization', 'hunter2']]),
    });
    t.is(recorder.lines.length, 1);
    t.false(recorder.lines.join('').includes('hunter2'));
    recorder.logger.info('region lacks a Secret', { secret_name: 'ns/openstack', token_expires_in_ms: 5 });
    t.regex(recorder.lines[1] ?? '', /ns\/openstack/);
  });

  test(`huge and hostile values are cut in a ${encoder} line`, (t) => {
    const recorder = record({ encoder });
    const cyclic: Record<string, unknown> = { name: 'loop' };
    cyclic['self'] = cyclic;
    const hostile = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('unreadable');
      },
    });
    recorder.logger.error('x'.repeat(1e6), new Error('y'.repeat(1e6)), {
      text: 'z'.repeat(1e6),
      list: Array.from({ length: 1e5 }, (_, index) => ({ index, name: 'server' })),
      cyclic,
      hostile,
      big: 10n ** 30n,
      buffer: Buffer.alloc(1e6),
      date: new Date(Number.NaN),
      nothing: undefined,
      call: () => 1,
    });
    t.is(recorder.lines.length, 1);
    t.true(Buffer.byteLength(recorder.lines.join('')) < 16_384);
    t.true(recorder.lines[0]?.endsWith('\n'));
    t.true(recorder.lines[0]?.includes('yyyy'), 'what went wrong is kept first');
  });
}

/** An object whose property cannot be read. */
function throwing(name: string): Record<string, unknown> {
  return Object.defineProperty({}, name, { enumerable: true, get: refuse });
}

function refuse(): never {
  throw new Error('not for you');
}

test('values without a form in JSON have one, and those that cannot be read lose no line', (t) => {
  const recorder = record({ stacktraceLevel: 'panic' });
  const loop: unknown[] = [];
  loop.push(loop);
  recorder.logger.info('odd', {
    big: 2n ** 64n,
    infinite: Number.POSITIVE_INFINITY,
    date: new Date(Number.NaN),
    loop,
    getter: throwing('x'),
    nothing: undefined,
    symbol: Symbol('s'),
  });
  recorder.logger.error('fields', new Error('broken'), throwing('x'));
  recorder.logger.error('error', throwing('message'), { region: 'r1' });
  recorder.logger.info('error', throwing('error'));
  t.deepEqual(recorder.lines, [
    '{"level":"info","ts":"2026-05-04T03:02:01Z","msg":"odd","big":"18446744073709551616","infinite":null,' +
      '"date":"invalid date","loop":[[[[["…"]]]]],"getter":"[unreadable]"}\n',
    '{"level":"error","ts":"2026-05-04T03:02:01Z","msg":"fields","fields":"[unreadable]","error":"broken"}\n',
    '{"level":"error","ts":"2026-05-04T03:02:01Z","msg":"error","region":"r1","error":"[unreadable]"}\n',
    '{"level":"info","ts":"2026-05-04T03:02:01Z","msg":"error","fields":"[unreadable]","error":"[unreadable]"}\n',
  ]);
});

test('a destination that throws or fails is survived', (t) => {
  const listeners: (() => void)[] = [];
  const logger = createLogger(defaults, {
    write: () => {
      throw new Error('EPIPE');
    },
    on: (_, listener) => listeners.push(listener),
  });
  t.notThrows(() => logger.info('service starting'));
  t.notThrows(() => listeners.at(0)?.());
});

function startWriter(stderr: 'pipe' | number): ChildProcess {
  const script = fileURLToPath(new URL('../../fixtures/monitor/log-writer.ts', import.meta.url));
  return spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', stderr], timeout: 30_000 });
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  const closed = once(child, 'close');
  const said = child.stdout === null ? '' : await text(child.stdout);
  await closed;
  return { code: child.exitCode, said };
}

test('a standard error stream that was closed (EPIPE) ends nothing', async (t) => {
  const child = startWriter('pipe');
  child.stderr?.destroy();
  child.stdin?.end('100');
  t.deepEqual(await outcome(child), { code: 0, said: 'alive\n' });
});

test('a standard error stream without room (ENOSPC) ends nothing', async (t) => {
  const full = openSync('/dev/full', 'w');
  const child = startWriter(full);
  closeSync(full);
  child.stdin?.end('100');
  t.deepEqual(await outcome(child), { code: 0, said: 'alive\n' });
});

test('a pipe that nobody reads blocks nobody', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'log-sink-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  t.teardown(() => closeSync(reader));
  const writer = openSync(path, 'w');
  const child = startWriter(writer);
  closeSync(writer);
  // More than it holds.
  child.stdin?.end('2000');
  t.deepEqual(await outcome(child), { code: 0, said: 'alive\n' });
});

/** Lines that a reader gets that takes 64 KiB every 100 ms, and the longest time that it took nothing. */
async function slowlyRead(lines: number): Promise<{ received: number; longestPauseMs: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'log-sink-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, 'w');
  const child = startWriter(writer);
  closeSync(writer);
  child.stdin?.end(String(lines));
  const buffer = Buffer.alloc(65_536);
  let received = '';
  let longestPauseMs = 0;
  let readMs: number | null = null;
  for (let count = -1; count !== 0; await sleep(100)) {
    const nowMs = performance.now();
    try {
      count = readSync(reader, buffer);
      received += buffer.toString('latin1', 0, count);
      if (readMs !== null) longestPauseMs = Math.max(longestPauseMs, nowMs - readMs);
      readMs = nowMs;
    } catch {
      // Nothing is there yet.
    }
  }
  closeSync(reader);
  rmSync(folder, { recursive: true });
  return { received: received.split('\n').length - 1, longestPauseMs };
}

test('at the end, a slow reader gets all lines, as long as it reads', async (t) => {
  t.timeout(60_000);
  for (;;) {
    const { received, longestPauseMs } = await slowlyRead(800);
    // Of a machine that stood still nothing can be learnt.
    if (longestPauseMs > 400 && received < 800) continue;
    t.is(received, 800);
    return;
  }
});

test('a pipe that is full for a while loses no line, and keeps their order', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'log-sink-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.teardown(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  const sink = new DescriptorSink(fd, () => t.fail('lost a line'));
  const sent = Array.from({ length: 3000 }, (_, line) => `${line} ${'x'.repeat(200)}\n`);
  for (const line of sent) sink.write(line);

  const buffer = Buffer.alloc(65_536);
  const received: Buffer[] = [];
  let missing = Buffer.byteLength(sent.join(''));
  for (let attempt = 0; attempt < 1000 && missing > 0; attempt += 1) {
    try {
      const count = readSync(fd, buffer);
      received.push(Buffer.from(buffer.subarray(0, count)));
      missing -= count;
    } catch {
      await sleep(10);
    }
  }
  t.is(Buffer.concat(received).toString(), sent.join(''));
});

test('lines that found no room are counted, and the count is said once', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'log-sink-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.teardown(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  const lost: number[] = [];
  const sink = new DescriptorSink(fd, (lines) => lost.push(lines));
  // 4 MiB wait, and what the pipe itself holds went through.
  for (let line = 0; line < 5000; line += 1) sink.write(`${'x'.repeat(1023)}\n`);
  const buffer = Buffer.alloc(1 << 20);
  for (let attempt = 0; attempt < 1000 && lost.length === 0; attempt += 1) {
    try {
      readSync(fd, buffer);
    } catch {
      // Empty for now.
    }
    await sleep(5);
  }
  t.is(lost.length, 1);
  t.true(lost[0] !== undefined && lost[0] > 500 && lost[0] < 1000);
});
