// A replica of the sandbox: a monitor in a process of its own. It ends with the sandbox, whatever way that ends.

import { errorText } from '../../main/log/error-text.ts';
import { createLogger, type Fields, type Logger } from '../../main/log/logger.ts';
import { MarkedLogger } from '../../main/log/marked-logger.ts';
import { run } from '../../main/run.ts';
import { isStart, type Line, type Listening, type Start } from './messages.ts';

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort(new DOMException('received SIGTERM', 'AbortError')));
// Ctrl-C reaches all processes of a terminal: the sandbox stops its replicas itself, while they can still write.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit(1));
process.once('message', (message: unknown) => {
  if (isStart(message)) void watch(message).then((code) => process.exit(code));
});

function send(message: Line | Listening): void {
  if (process.connected) process.send?.(message);
}

async function watch({ options, version, story }: Start): Promise<number> {
  const logger = story ? new SentLog() : writtenLog(options);
  try {
    await run(options, {
      signal: stop.signal,
      logger,
      version,
      onListening: ({ host, port }) => send({ kind: 'listening', url: `http://${host}:${port}/` }),
    });
    return 0;
  } catch (error) {
    logger.error('failed to start', error);
    return 1;
  }
}

function writtenLog({ log, shards }: Start['options']): Logger {
  const logger = createLogger(log);
  process.once('exit', () => logger.flush());
  return new MarkedLogger(logger, { replica: shards?.replicaName });
}

class SentLog implements Logger {
  debug(): void {}

  info(msg: string, fields: Fields = {}): void {
    send({ kind: 'line', level: 'info', msg, error: '', fields });
  }

  error(msg: string, error: unknown, fields: Fields = {}): void {
    send({ kind: 'line', level: 'error', msg, error: error === null ? '' : errorText(error), fields });
  }

  named(): Logger {
    return this;
  }
}
