// Sends Events, one at a time: they never take more than one connection from the status writes. It guarantees:
// - a bounded queue                (what does not fit is dropped)
// - a steady pace                  (a burst, then so many a second: a cloud that fails as a whole is many Events)
// - a deadline for each request, few attempts, growing pauses
// - a stop does not wait for it    (what waits has a moment to be sent)

import { Backoff } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import { Deadline } from '../../shared/deadline.ts';
import { messageOf } from '../../shared/errors.ts';
import type { KubernetesClient } from '../kubernetes/client.ts';
import { ApiError } from '../kubernetes/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { eventName, eventObject, eventPath, seriesOf } from './event.ts';
import type { EventSeries } from './event-series.ts';
import { TokenBucket } from './token-bucket.ts';

export interface EventSenderOptions {
  readonly client: Pick<KubernetesClient, 'post' | 'patch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'event'>;
  /** Name of this process. */
  readonly instance: string;
}

const queueLimit = 1_000;
const pace = { burst: 100, everyMs: 50 };
const requestMs = 5_000;
const attempts = 4;
const retryPause = { firstMs: 500, maxMs: 10_000, random: Math.random };
/** What is sent after the stop has begun. */
const lastMs = 300;

export class EventSender {
  readonly #options: EventSenderOptions;
  readonly #pace: TokenBucket;
  readonly #queue: EventSeries[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  #failing = false;

  constructor(options: EventSenderOptions) {
    this.#options = options;
    this.#pace = new TokenBucket(pace, options.clock.monotonicMs());
  }

  /** False when the queue is full. */
  submit(series: EventSeries): boolean {
    if (this.#queue.length >= queueLimit || this.#stop.signal.aborted) return false;
    series.waiting = true;
    this.#queue.push(series);
    this.#running ??= this.#run();
    return true;
  }

  async close(): Promise<void> {
    if (this.#running !== null) {
      const late = new AbortController();
      const patience = this.#options.clock.sleep(lastMs, late.signal).catch(() => {});
      await Promise.race([this.#running, patience]);
      late.abort();
    }
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { metrics } = this.#options;
    try {
      for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
        await this.#untilPaceAllows();
        series.waiting = false;
        const outcome = await this.#send(series);
        metrics.event(outcome);
      }
    } catch {
      // The monitor stops.
      metrics.event('dropped', this.#queue.length + 1);
      this.#queue.length = 0;
    } finally {
      this.#running = null;
    }
  }

  async #untilPaceAllows(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#pace.take(clock.monotonicMs()))
      await clock.sleep(this.#pace.waitMs(clock.monotonicMs()), this.#stop.signal);
    this.#stop.signal.throwIfAborted();
  }

  /** Rejects when the monitor stops. */
  async #send(series: EventSeries): Promise<'created' | 'repeated' | 'failed'> {
    const { logger, clock } = this.#options;
    const { signal } = this.#stop;
    const backoff = new Backoff(retryPause);
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = await this.#attempt(series);
        if (this.#failing) logger.info('Events are written again');
        this.#failing = false;
        return outcome;
      } catch (error) {
        signal.throwIfAborted();
        if (attempt < attempts && mayRetry(error)) {
          await clock.sleep(backoff.next(retryAfterMs(error)), signal);
          continue;
        }
        // Said once, however many there are.
        if (!this.#failing) logger.error('failed to write Events', messageOf(error));
        this.#failing = true;
        return 'failed';
      }
    }
  }

  async #attempt(series: EventSeries): Promise<'created' | 'repeated'> {
    const { client, instance } = this.#options;
    const { happening, occurrences } = series;
    const { namespace } = happening.regarding;
    const deadline = new Deadline(requestMs, this.#stop.signal);
    const { signal } = deadline;
    try {
      if (series.name !== null) {
        try {
          await client.patch(eventPath(namespace, series.name), seriesOf(occurrences), { signal });
          return 'repeated';
        } catch (error) {
          // It has expired: the next one begins where it ended.
          if (!(error instanceof ApiError) || error.status !== 404) throw error;
          series.name = null;
        }
      }
      const name = eventName(happening.regarding);
      await client.post(eventPath(namespace), eventObject(happening, { name, instance, occurrences }), {
        signal,
      });
      series.name = name;
      return 'created';
    } finally {
      deadline.release();
    }
  }
}

function mayRetry(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}

function retryAfterMs(error: unknown): number {
  return error instanceof ApiError ? Math.min(error.retryAfterMs ?? 0, retryPause.maxMs) : 0;
}
