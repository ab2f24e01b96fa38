import test from 'ava';
import { StoryLog } from '../../src/sandbox/story-log.ts';
import type { Terminal } from '../../src/terminal/terminal.ts';

const file: Terminal = { width: null, color: false, unicode: true, interactive: false };

function story(terminal: Partial<Terminal> = {}): { lines: string[]; log: StoryLog } {
  const lines: string[] = [];
  const log = new StoryLog({
    write: (line) => lines.push(line),
    terminal: { ...file, ...terminal },
    regionName: (id) => `name-${id}`,
    serverName: (id) => `name-${id}`,
    now: () => new Date(2026, 10, 22, 8, 5, 9),
  });
  return { lines, log };
}

const of = { region_id: 'r', instance_id: 's' };
const fault = 'Unable to read from monitor: Connection reset by peer';
const errored = {
  ...of,
  from_state: 'Healthy',
  to_state: 'Errored',
  message: `server is in an error state: ${fault}`,
};

test('a line an event, with names', (t) => {
  const { lines, log } = story();
  log.info('instance phase transition', { ...of, from_phase: '', to_phase: 'Running' });
  log.info('instance state transition', errored);
  log.info('caught unsupported server power state', { region: 'r', server: 's', powerState: 'PAUSED' });
  log.error('failed to resolve region, skipping', new Error('no answer'), { region: 'r' });
  const network = 'network (server-error) is not available';
  const region = { region_id: 'r', from_state: 'Healthy', to_state: 'Degraded', message: network };
  log.info('region state transition', region);
  log.info('watching', { servers: 3 });
  t.deepEqual(lines, [
    '08:05:09  name-r    name-s       (new) → Running',
    `08:05:09  name-r    name-s       Healthy → Errored  ${fault}`,
    '08:05:09  name-r    name-s       caught unsupported server power state PAUSED',
    '08:05:09  name-r                 failed to resolve region, skipping: no answer',
    `08:05:09  name-r                 Healthy → Degraded  ${network}`,
  ]);
});

test('in 80 columns what is long goes on below; without UTF-8 it is ASCII', (t) => {
  const { lines, log } = story({ width: 80, unicode: false });
  log.info('instance state transition', errored);
  log.error('failed to resolve region, skipping', 'a reason that has more words than fit beside it', {
    region: 'r',
  });
  t.deepEqual(lines, [
    '08:05:09  name-r    name-s       Healthy -> Errored',
    '                                 Unable to read from monitor: Connection reset',
    '                                 by peer',
    '08:05:09  name-r                 failed to resolve region, skipping: a reason',
    '                                 that has more words than fit beside it',
  ]);
});

test('colors where there are some, and never those of a message', (t) => {
  const { lines, log } = story({ color: true });
  log.info('instance phase transition', { ...of, from_phase: 'Stopped', to_phase: 'Running' });
  log.error('failed', '\u001b[2Jgone', { region: 'r' });
  t.true(lines[0]?.endsWith('Stopped → \u001b[32mRunning\u001b[39m'));
  t.true(lines[1]?.endsWith('\u001b[31mfailed: ?[2Jgone\u001b[39m'));
});
