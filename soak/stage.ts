// All that there is in a soak: clouds, Kubernetes, a receiver of telemetry, the monitor, and what is true of it all.

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SharedCleanup } from '../test/fixtures/cleanup.ts';
import { namespace, type Sandbox, startSandbox } from '../test/fixtures/clouds/sandbox.ts';
import { TcpProxy } from '../test/fixtures/clouds/tcp-proxy.ts';
import { type OtlpReceiverFixture, startOtlpReceiver } from '../test/fixtures/monitor/otlp-receiver.ts';
import { type SoakRegion, startRegions } from './fleet.ts';
import { Histories } from './history.ts';
import { MonitorLives } from './lives.ts';
import { Truth } from './truth.ts';

interface Parts {
  readonly sandbox: Sandbox;
  readonly regions: readonly SoakRegion[];
  readonly truth: Truth;
  readonly histories: Histories;
  /** Between the monitor and Kubernetes. */
  readonly proxy: TcpProxy;
  readonly lives: MonitorLives;
}

export class Stage {
  readonly sandbox: Sandbox;
  readonly regions: readonly SoakRegion[];
  readonly truth: Truth;
  readonly histories: Histories;
  readonly proxy: TcpProxy;
  readonly lives: MonitorLives;
  receiver: OtlpReceiverFixture;
  /** Resolves when the monitor ended by itself. */
  readonly death: Promise<string>;
  readonly #cleanup: SharedCleanup;
  readonly #folder: string;
  readonly #checks = new Map<string, string>();
  readonly #secrets = new Set<string>();

  private constructor(
    parts: Parts & { receiver: OtlpReceiverFixture; death: Promise<string>; folder: string },
    cleanup: SharedCleanup,
  ) {
    this.sandbox = parts.sandbox;
    this.regions = parts.regions;
    this.truth = parts.truth;
    this.histories = parts.histories;
    this.proxy = parts.proxy;
    this.lives = parts.lives;
    this.receiver = parts.receiver;
    this.death = parts.death;
    this.#folder = parts.folder;
    this.#cleanup = cleanup;
  }

  static async open(periodMs: number): Promise<Stage> {
    const cleanup = new SharedCleanup();
    try {
      return await Stage.#openOn(cleanup, periodMs);
    } catch (error) {
      await cleanup.release();
      throw error;
    }
  }

  static async #openOn(cleanup: SharedCleanup, periodMs: number): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'region-monitor-soak-'));
    cleanup.teardown(async () => rm(folder, { recursive: true, force: true }));
    const sandbox = await startSandbox(cleanup);
    const truth = new Truth();
    const histories = new Histories();
    sandbox.cluster.onChange('servers', (type, object) => histories.take(type, object));
    const regions = await startRegions(sandbox, truth);
    const proxy = await TcpProxy.start(sandbox.cluster.url);
    cleanup.teardown(async () => proxy.stop());
    const kubeconfig = join(folder, 'kubeconfig');
    const address = `http://127.0.0.1:${proxy.port}`;
    await writeFile(kubeconfig, sandbox.cluster.kubeconfig(namespace).replace(sandbox.cluster.url, address));
    const receiver = await startOtlpReceiver();
    const death = Promise.withResolvers<string>();
    const lives = new MonitorLives({
      cleanup,
      sandbox,
      flags: [...flags(periodMs), `--kubeconfig=${kubeconfig}`, `--otlp-endpoint=${receiver.endpoint}`],
      env: { ...exportOften, SOAK_CHECKS: join(folder, 'checks') },
      onDeath: death.resolve,
    });
    const parts = { sandbox, regions, truth, histories, proxy, lives, receiver, folder };
    const stage = new Stage({ ...parts, death: death.promise }, cleanup);
    cleanup.teardown(async () => stage.receiver.close());
    await stage.#writeChecks();
    return stage;
  }

  /** Lets the check of a region be another module; null for the real one. */
  async replaceCheck(region: string, module: URL | null): Promise<void> {
    if (module === null) this.#checks.delete(region);
    else this.#checks.set(region, module.href);
    await this.#writeChecks();
  }

  /** Everything secret that there is and ever was. */
  secrets(): ReadonlySet<string> {
    for (const secret of this.sandbox.secrets()) this.#secrets.add(secret);
    return this.#secrets;
  }

  async close(): Promise<void> {
    await this.#cleanup.release();
  }

  async #writeChecks(): Promise<void> {
    // Never half of it.
    const file = join(this.#folder, 'checks');
    await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(this.#checks)));
    await rename(`${file}.new`, file);
  }
}

const exportOften = {
  OTEL_METRIC_EXPORT_INTERVAL: '2000',
  OTEL_METRIC_EXPORT_TIMEOUT: '1500',
  OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
};

function flags(periodMs: number): readonly string[] {
  return [
    `--poll-period=${periodMs}ms`,
    `--check-timeout=${periodMs - 10}ms`,
    `--request-timeout=${periodMs / 2}ms`,
    '--workers=2',
    // What is wrong with Kubernetes at a start is over before this.
    '--startup-timeout=3m',
    '--trace-sampling-ratio=0.2',
  ];
}
