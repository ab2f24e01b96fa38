// Whatever becomes of single requests, and however far the cache is behind: the transitions that are told are those that
// the object went through by our writes, each once and in their order.

import { ProxyTracerProvider } from '@opentelemetry/api';
import test from 'ava';
import * as fc from 'fast-check';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { isFields } from '../../../src/main/kubernetes/objects/object-fields.ts';
import { StatusWriter } from '../../../src/main/projection/status-writer.ts';
import { WritePause } from '../../../src/main/projection/write-pause.ts';
import type { Condition } from '../../../src/shared/conditions.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import {
  degraded,
  healthy,
  healthyCondition,
  installed,
  observation,
  serverRecord,
} from '../../fixtures/monitor/records.ts';
import { serverKind } from '../../fixtures/monitor/server-kind.ts';

const effects = [
  'done',
  /** Not done, and no answer. */
  'lost',
  /** Done, and no answer. */
  'unanswered',
  /** No answer; done when the next request comes, or the one after it, if nobody else was quicker. */
  'late',
  'later',
  /** Another writer changes the object just before. */
  'overtaken',
  'throttled',
  'failed',
] as const;
type Effect = (typeof effects)[number];

/** One object of an API server that has its bad days. */
class Api {
  current: ServerRecord = serverRecord({ resourceVersion: '10', conditions: [healthyCondition()] });
  /** Phases that our writes led through, as "from > to". */
  readonly history: string[] = [];
  effects: Effect[] = [];
  readonly #versions = [this.current];
  #late: { readonly apply: () => void; requests: number } | null = null;

  read(): ServerRecord {
    this.#request('done');
    return this.current;
  }

  /** What followed a version, as a watch from there brings it. */
  async *watch(version: string | undefined): AsyncGenerator<unknown, void, undefined> {
    this.#request('done');
    const next = this.#versions[this.#versions.findIndex((each) => each.resourceVersion === version) + 1];
    if (next === undefined) return;
    const { name, namespace, resourceVersion } = next;
    yield { type: 'MODIFIED', object: { ...next, metadata: { name, namespace, resourceVersion } } };
  }

  parse(object: unknown): ServerRecord {
    const version = isFields(object) ? object['resourceVersion'] : undefined;
    return this.#versions.find((each) => each.resourceVersion === version) ?? this.current;
  }

  write(body: unknown): ServerRecord {
    const effect = this.#request('done');
    const { metadata, status } = { metadata: {}, status: {}, ...(isFields(body) ? body : {}) };
    if (!isFields(metadata) || !isFields(status)) throw new Error('is no patch of a status');
    const apply = (): boolean => {
      if (metadata['resourceVersion'] !== this.current.resourceVersion) return false;
      this.#change(status);
      return true;
    };
    if (effect === 'late' || effect === 'later') {
      this.#late = { apply, requests: effect === 'late' ? 1 : 2 };
      throw failure(0);
    }
    if (effect === 'overtaken') this.#bump({});
    if (!apply()) throw failure(409);
    if (effect === 'unanswered') throw failure(0);
    return this.current;
  }

  #request(otherwise: Effect): Effect {
    if (this.#late !== null && --this.#late.requests === 0) {
      this.#late.apply();
      this.#late = null;
    }
    const effect = this.effects.shift() ?? otherwise;
    if (effect === 'lost') throw failure(0);
    if (effect === 'failed') throw failure(500);
    if (effect === 'throttled') throw failure(429);
    return effect;
  }

  #change(status: Readonly<Record<string, unknown>>): void {
    const { phase, conditions } = status;
    if (typeof phase === 'string' && phase !== this.current.phase)
      this.history.push(`${this.current.phase} > ${phase}`);
    this.#bump({
      ...(typeof phase === 'string' ? { phase } : {}),
      ...(Array.isArray(conditions) ? { conditions: conditions.filter(isCondition) } : {}),
    });
  }

  #bump(changes: Partial<ServerRecord>): void {
    const resourceVersion = String(Number(this.current.resourceVersion) + 1);
    this.current = { ...this.current, ...changes, resourceVersion };
    this.#versions.push(this.current);
  }
}

function isCondition(value: unknown): value is Condition {
  return isFields(value) && typeof value['type'] === 'string';
}

function failure(status: number): ApiError {
  const fields = { status, verb: 'patch', resource: 'servers/status', reason: '', retryAfterMs: null };
  return new ApiError(`as scripted: ${status}`, fields);
}

const poll = fc.record({
  /** What the cloud says. */
  phase: fc.constantFrom('Running', 'Stopped'),
  /** Of the requests that follow, one after the other; then all are done. */
  effects: fc.array(fc.constantFrom(...effects), { maxLength: 6 }),
  /** Whether the watch has brought what happened before. */
  synced: fc.boolean(),
});

test('transitions are told as they happened, whatever becomes of the requests', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(poll, { maxLength: 12 }), async (polls) => {
      const api = new Api();
      const told: string[] = [];
      let cached = api.current;
      let nowMs = Date.UTC(2026, 10, 22, 8);
      const clock = {
        // No two writes in the same second.
        now: () => (nowMs += 1_000),
        monotonicMs: () => nowMs,
        sleep: async () => {},
      };
      const writer = new StatusWriter({
        client: {
          get: async () => api.read(),
          patch: async (_, body) => api.write(body),
          stream: (_, { query }) => api.watch(query['resourceVersion']),
        },
        objects: {
          parse: (object) => api.parse(object),
          put: (record) => {
            cached = record;
          },
          onChange: () => () => {},
        },
        clock,
        kind: serverKind({ clock, phases: told }),
        pause: new WritePause(clock),
        fieldManager: 'region-monitor-test-1',
        ended: new AbortController().signal,
        definitions: installed('v1.16'),
        mayWrite: () => true,
        metrics: { statusWrite: () => {} },
        tracer: new ProxyTracerProvider().getTracer('test'),
      });
      const { signal } = new AbortController();
      const see = async (phase: 'Running' | 'Stopped') => {
        const seen = observation({ phase, health: phase === 'Running' ? healthy : degraded });
        if (!writer.isIdle(cached, seen)) await writer.write({ object: cached, observation: seen, signal });
      };
      for (const { phase, effects: planned, synced } of polls) {
        if (synced) cached = api.current;
        api.effects = [...planned];
        await see(phase === 'Running' ? 'Running' : 'Stopped');
      }
      // In the end all is well, and the object shows what the cloud says.
      api.effects = [];
      await see('Stopped');
      cached = api.current;
      await see('Stopped');
      return api.current.phase === 'Stopped' && told.join() === api.history.join();
    }),
    { numRuns: 3_000 },
  );
  t.pass();
});
