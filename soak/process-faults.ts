// What becomes of the process: it is killed, stopped, stands still; its threads, its log and its telemetry fail.

import { setTimeout as sleep } from 'node:timers/promises';
import { startOtlpReceiver } from '../test/fixtures/monitor/otlp-receiver.ts';
import { fixtureCheck } from '../test/fixtures/pool/fixture-job.ts';
import { type Fault, overAlready } from './fault.ts';

/** Faults of the process as a whole, and of its log: what it was about to tell may be lost with both at once. */
const whole = { group: 'process', takes: 'life' } as const;
/** A main thread that the preloaded module lets stand still does so for so long. */
const blockedMs = 5_000;

function receiver(name: string, respond: number | 'hang'): Fault {
  return {
    name: `the receiver of telemetry ${name}`,
    group: 'process',
    takes: 'telemetry',
    inject: ({ stage }) => {
      stage.receiver.respond = respond;
      return () => {
        stage.receiver.respond = 200;
      };
    },
  };
}

/** `fixture`: a module of test/fixtures/checks that runs in place of the check of a region. */
function check(name: string, fixture: string): Fault {
  return {
    name: `a check ${name}`,
    group: 'process',
    takes: 'check',
    inject: async ({ stage, target }) => {
      await stage.replaceCheck(target.id, fixtureCheck(fixture));
      return async () => stage.replaceCheck(target.id, null);
    },
  };
}

export const processFaults: readonly Fault[] = [
  {
    ...whole,
    name: 'SIGKILL, and another start',
    inject: async ({ stage: { lives }, random }) => {
      await lives.end('SIGKILL');
      await sleep(random.whole(0, 1_500));
      await lives.begin();
      return overAlready;
    },
  },
  {
    ...whole,
    name: 'SIGTERM, and another start',
    inject: async ({ stage: { lives }, random }) => {
      await lives.end('SIGTERM');
      await sleep(random.whole(0, 1_500));
      await lives.begin();
      return overAlready;
    },
  },
  {
    ...whole,
    name: 'the whole process stands still',
    inject: async ({ stage: { lives }, random }) => {
      const child = lives.current?.child;
      lives.stalls.push(Date.now());
      child?.kill('SIGSTOP');
      await sleep(random.whole(500, 6_000));
      child?.kill('SIGCONT');
      return overAlready;
    },
  },
  {
    ...whole,
    name: 'the main thread stands still for 5 s',
    inject: async ({ stage: { lives } }) => {
      const life = lives.current;
      // Before its modules are loaded, the signal would end it.
      if (life === null || (await life.get('/healthz', 2_000)) === null) return overAlready;
      lives.stalls.push(Date.now());
      life.child.kill('SIGUSR2');
      await sleep(blockedMs);
      return overAlready;
    },
  },
  {
    ...whole,
    name: 'the reader of the log does not read',
    inject: ({ stage: { lives } }) => {
      const log = lives.current?.child.stderr;
      log?.pause();
      return () => void log?.resume();
    },
  },
  {
    name: 'the receiver of telemetry is dead',
    group: 'process',
    takes: 'telemetry',
    inject: async ({ stage }) => {
      const { endpoint } = stage.receiver;
      await stage.receiver.close();
      return async () => {
        stage.receiver = await startOtlpReceiver(Number(endpoint.split(':')[1]));
      };
    },
  },
  receiver('takes everything and never answers', 'hang'),
  receiver('refuses everything', 403),
  receiver('is overloaded', 503),
  check('exits', 'exit'),
  check('throws where nothing can catch it', 'throw-uncaught'),
  check('cannot be imported', 'fail-import'),
  check('answers with what cannot be sent', 'no-json'),
  check('never ends', 'never'),
  check('throws in an idle moment', 'health-then-throw'),
];
