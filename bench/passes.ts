// Passes over a whole fleet: complete lists, lists of changes with and without changes, with and without regions that
// hang; each beside a bare client in the same run.

import { setTimeout as sleep } from 'node:timers/promises';
import { type FleetSize, namespace, serversPerProject } from './fleet.ts';
import { MeasuredMonitor } from './monitor.ts';
import { PeerProcess } from './peer.ts';
import { memory } from './process-stats.ts';
import { atMost, type Limit, Report, type Section } from './report.ts';
import { median, percentile, short } from './samples.ts';
import { periodFor, type Settings } from './settings.ts';
import { Stage } from './stage.ts';
import type { Pass, Subject } from './subject.ts';

/** Issue and design set them for some fleets only. */
export interface PassLimits {
  readonly fullToFloor?: number;
  readonly changedToFloor?: number;
  readonly fullSeconds?: number;
  readonly hungToFull?: number;
  readonly latencySeconds?: number;
  readonly memoryMiB?: number;
  readonly loopDelayMs?: number;
}

interface Measured extends Pass {
  /** Between the first request to a cloud and the last answer or the last change in Kubernetes. */
  readonly windowSeconds: number;
  readonly requests: number;
  readonly logins: number;
  readonly patches: number;
  /** Seconds from the pass's first request until each change stood in Kubernetes. */
  readonly latencies: readonly number[];
}

/** Changes servers of the clouds; gives how many changes of a status must follow. */
type Change = () => Promise<number>;

const nothing: Change = async () => 0;
const changedPercent = 1;
const changesTimeoutMs = 120_000;
const settleMs = 1_000;
/** Every pass lists everything; or none does, after the first. */
const listAll = '--reconcile-every=1';
const listChanges = '--reconcile-every=1000000';

export async function measurePasses(
  size: FleetSize,
  settings: Settings,
  limits: PassLimits = {},
): Promise<Report> {
  settings.progress(`filling clouds and cluster: ${size.servers} servers in ${size.regions} regions`);
  const stage = await Stage.open(size, settings);
  try {
    const scenario = new PassScenario(stage, settings, limits);
    await scenario.monitor();
    if (settings.peer !== null) await scenario.peer(settings.peer);
    return scenario.report;
  } finally {
    await stage.close();
  }
}

class PassScenario {
  readonly report: Report;
  readonly #stage: Stage;
  readonly #settings: Settings;
  readonly #limits: PassLimits;
  readonly #periodMs: number;
  #patches = 0;

  constructor(stage: Stage, settings: Settings, limits: PassLimits) {
    const { servers, regions, projects, latencyMs } = stage.size;
    this.report = new Report(
      `${servers} servers, ${regions} regions × ${projects} projects, ${latencyMs} ms latency, ${stage.cluster.name}, ` +
        `definitions of ${settings.definitions}, ` +
        `${settings.workers} workers, ${settings.build.name}`,
    );
    this.#stage = stage;
    this.#settings = settings;
    this.#limits = limits;
    this.#periodMs = periodFor(stage.size, settings);
  }

  async monitor(): Promise<void> {
    await this.#run('complete lists', listAll, async (monitor) => this.#completeLists(monitor));
    await this.#run('lists of changes', listChanges, async (monitor) => this.#listsOfChanges(monitor));
  }

  /** What it does in its first pass and in the later ones is its own affair: all are counted as full ones. */
  async peer(command: string): Promise<void> {
    const { settings, clouds, cluster } = this.#parts;
    settings.progress('PEER_CMD');
    const env = {
      KUBECONFIG: cluster.kubeconfig,
      NAMESPACE: namespace,
      POLL_PERIOD: `${this.#periodMs}ms`,
    };
    const activity = async (): Promise<number> =>
      (await this.#countPatches()) + (await clouds.requestCount());
    const peer = new PeerProcess({ command, env, activity });
    try {
      await peer.pass();
      await this.#repeat(peer, this.report.section('unchanged pass: lists of changes'));
      await this.#changed(peer);
      this.#memory(peer);
    } finally {
      await peer.stop();
    }
  }

  async #run(
    what: string,
    flag: string,
    measure: (monitor: MeasuredMonitor) => Promise<void>,
  ): Promise<void> {
    const { settings, clouds, cluster } = this.#parts;
    settings.progress(`${what}, a poll every ${this.#periodMs / 1000} s`);
    await clouds.takeRequests(0);
    const monitor = new MeasuredMonitor({
      build: settings.build,
      kubeconfig: cluster.kubeconfig,
      nodeArgs: settings.nodeArgs,
      periodMs: this.#periodMs,
      flags: [`--workers=${settings.workers}`, flag, ...settings.flags],
    });
    try {
      const readySeconds = await monitor.ready();
      const { requests, logins } = await clouds.takeRequests(this.#stage.size.regions);
      // Later it may have to wait until a region that hangs was tried once.
      if (flag === listAll) {
        const start = this.report.section('start: first pass, with all logins');
        start.add('spawn to ready', 's', { monitor: readySeconds });
        start.add('requests', '', { monitor: requests });
        start.add('logins', '', { monitor: logins });
      }
      await this.#untilWritten();
      await measure(monitor);
      this.#memory(monitor);
    } finally {
      await monitor.stop();
    }
  }

  async #completeLists(monitor: MeasuredMonitor): Promise<void> {
    const { hung } = this.#stage.size;
    const full = this.report.section('full pass: complete lists, nothing changed');
    await this.#besideFloor(monitor, full, this.#limits.fullToFloor);
    // A list that is as it was need not be read: this shows what it costs when each must be.
    const { clouds, size } = this.#stage;
    const oneOfEach = 100 / serversPerProject(size);
    const renamed = this.report.section(
      'full pass: complete lists, one server renamed in each: nothing to write',
    );
    await this.#besideFloor(monitor, renamed, this.#limits.changedToFloor, async () => {
      await clouds.rename(oneOfEach, size.regions);
      return 0;
    });
    const changed = this.report.section('full pass: complete lists, one server changed in each');
    await this.#besideFloor(monitor, changed, undefined, async () => clouds.change(oneOfEach, size.regions));
    if (hung === 0) return;
    this.#settings.progress(`${hung} regions that hang`);
    await this.#stage.addHung();
    await monitor.pass(this.#stage.regions);
    const beside = this.report.section(`the same beside ${hung} regions that accept and never answer`);
    await this.#besideFloor(monitor, beside);
    // Compared through the floor: the machine may have become busier meanwhile.
    const [among, without] = [beside, full].map((section) => median(section.samples('÷ floor', 'monitor')));
    const ratio = (among ?? Number.NaN) / (without ?? Number.NaN);
    beside.add('÷ floor, to that without them', '', { monitor: ratio }, optional(this.#limits.hungToFull));
  }

  /** Each pass of the monitor is followed by one of the bare client over the same regions. */
  async #besideFloor(
    monitor: MeasuredMonitor,
    section: Section,
    limit?: number,
    change: Change = nothing,
  ): Promise<void> {
    // In the order in which they shall be read.
    section.add('time', 's', {}, optional(this.#limits.fullSeconds));
    section.add('÷ floor', '', {}, optional(limit));
    await this.#repeat(monitor, section, change, async () => {
      const floor = await this.#stage.floor.list(this.#stage.size.regions);
      const seconds = section.samples('time', 'monitor').at(-1) ?? Number.NaN;
      section.add('time', 's', { floor: floor.seconds });
      section.add('÷ floor', '', { monitor: seconds / floor.seconds });
      section.add('requests', '', { floor: floor.requests });
      section.add('CPU, all threads', 's', { floor: floor.cpuSeconds });
    });
  }

  async #listsOfChanges(monitor: MeasuredMonitor): Promise<void> {
    await this.#repeat(monitor, this.report.section('unchanged pass: lists of changes'));
    await this.#changed(monitor);
  }

  /** Passes, each after a change. */
  async #repeat(
    subject: Subject,
    section: Section,
    change: Change = nothing,
    afterEach: () => Promise<void> = async () => {},
  ): Promise<readonly number[]> {
    const latencies: number[] = [];
    for (let round = 0; round < this.#settings.repeat; round++) {
      const measured = await this.#measure(subject, await change());
      this.#add(section, subject, measured);
      latencies.push(...measured.latencies);
      await afterEach();
    }
    return latencies;
  }

  async #changed(subject: Subject): Promise<void> {
    const section = this.report.section(`pass with ${changedPercent} % changed at once`);
    const { clouds, size } = this.#stage;
    const latencies = await this.#repeat(subject, section, async () =>
      clouds.change(changedPercent, size.regions),
    );
    const { column } = subject;
    const add = (name: string, share: number, limit?: Limit): void =>
      section.add(`change → status, ${name}`, 's', { [column]: percentile(latencies, share) }, limit);
    add('p50', 0.5);
    add('p99', 0.99, optional(this.#limits.latencySeconds));
    add('max', 1);
  }

  async #measure(subject: Subject, changed: number): Promise<Measured> {
    const { clouds } = this.#parts;
    const { regions: answering } = this.#stage.size;
    await clouds.takeRequests(answering);
    const patchesBefore = await this.#countPatches();
    this.#stage.watch.take();
    const pass = await subject.pass(this.#stage.regions);
    if (!(await this.#stage.watch.until(changed, changesTimeoutMs)))
      this.report.note(`! not all of ${changed} changes reached Kubernetes in ${changesTimeoutMs / 1000} s`);
    const seen = [...this.#stage.watch.take().values()];
    const { firstMs, lastMs, requests, logins } = await clouds.takeRequests(answering);
    const beginMs = firstMs ?? Number.NaN;
    const endMs = Math.max(lastMs ?? beginMs, ...seen);
    return {
      ...pass,
      windowSeconds: (endMs - beginMs) / 1000,
      requests,
      logins,
      patches: (await this.#countPatches()) - patchesBefore,
      latencies: seen.map((atMs) => (atMs - beginMs) / 1000),
    };
  }

  /** With the definitions of v1.19 the first pass has times and MAC addresses to write. */
  async #untilWritten(): Promise<void> {
    for (let before = -1; before !== this.#patches; ) {
      before = this.#patches;
      await sleep(settleMs);
      await this.#countPatches();
    }
  }

  /** PATCH requests since the scenario began. */
  async #countPatches(): Promise<number> {
    this.#patches += await this.#stage.cluster.takePatches();
    return this.#patches;
  }

  #add(section: Section, { column }: Subject, measured: Measured): void {
    const { cpu, loopDelaySeconds } = measured;
    const { fullSeconds, loopDelayMs } = this.#limits;
    const add = (figure: string, unit: string, value: number, limit?: number): void =>
      section.add(figure, unit, { [column]: value }, optional(limit));
    add('time', 's', measured.seconds ?? measured.windowSeconds, fullSeconds);
    add('requests', '', measured.requests);
    add('logins', '', measured.logins);
    add('patches', '', measured.patches);
    add('CPU, all threads', 's', cpu.total);
    if (column === 'peer') return;
    add('CPU, main thread', 's', cpu.main);
    add('CPU, workers', 's', cpu.workers);
    if (loopDelaySeconds !== null) add('main loop delay, p99', 'ms', loopDelaySeconds * 1000, loopDelayMs);
  }

  #memory(subject: Subject): void {
    const { rssMiB, peakRssMiB } = memory(subject.pids());
    const section = this.report.section('resident memory, whole process');
    section.add('after the passes', 'MiB', { [subject.column]: rssMiB });
    section.add('peak', 'MiB', { [subject.column]: peakRssMiB }, optional(this.#limits.memoryMiB));
    this.#settings.progress(`resident memory ${short(rssMiB)} MiB, at its peak ${short(peakRssMiB)} MiB`);
  }

  get #parts(): { settings: Settings; clouds: Stage['clouds']; cluster: Stage['cluster'] } {
    return { settings: this.#settings, clouds: this.#stage.clouds, cluster: this.#stage.cluster };
  }
}

function optional(value: number | undefined): Limit | undefined {
  return value === undefined ? undefined : atMost(value);
}
