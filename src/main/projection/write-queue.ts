// Writes run next to the polls: a region's poll is over when its answers are projected. One queue holds the writes of all
// kinds of objects. It guarantees:
// - one write at a time an object     (an entry an object; what is observed meanwhile waits in it, and only the newest counts)
// - nothing stale is written          (ObjectWrites projects again, from the object in the cache, when its turn comes)
// - no region holds up another's      (regions take turns; the more writes a region has in flight, the more must be free)
// - a bounded backlog                 (what does not fit is refused: the object still differs, so the next poll brings it again)

import { type RegionRef, regionKey } from '../../shared/region-ref.ts';

export interface QueuedWrite {
  readonly region: RegionRef;
  /** Of the object. */
  readonly uid: string;
  /** Called once, unless a newer write of the same object takes its place. Never rejects; returns how to report its end. */
  readonly write: () => Promise<() => void>;
  /** The keys that name the object in log lines. */
  readonly fields: () => Readonly<Record<string, unknown>>;
}

export interface WriteQueueOptions {
  /** Writes in flight at once, over all regions. */
  readonly concurrency: number;
  /** Called when no write of a region is left. */
  readonly onRegionIdle: (region: RegionRef) => void;
}

/** Objects that wait for their write. */
const backlogLimit = 50_000;
/** A region may start a write while it has fewer in flight than this many times the free places: alone, three quarters. */
const greed = 3;

interface Entry {
  /** The newest. */
  write: QueuedWrite;
  /** The write in flight; null while the entry waits. */
  begun: QueuedWrite | null;
}

/** The writes of one region. */
interface Lane {
  readonly region: RegionRef;
  /** By uid of the object. */
  readonly waiting: Map<string, Entry>;
  inFlight: number;
}

export class WriteQueue {
  readonly #options: WriteQueueOptions;
  /** By uid of the object. */
  readonly #entries = new Map<string, Entry>();
  /** By key of the region; the one whose turn is next comes first. */
  readonly #lanes = new Map<string, Lane>();
  #inFlight = 0;
  #idle = Promise.withResolvers<void>();

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** Whether a write of this object waits or is in flight. */
  has(uid: string): boolean {
    return this.#entries.has(uid);
  }

  /** Writes that wait or are in flight. */
  get size(): number {
    return this.#entries.size;
  }

  /** Resolves when no write waits or is in flight. */
  async whenIdle(): Promise<void> {
    while (this.#entries.size > 0) await this.#idle.promise;
  }

  /** The writes in flight. */
  get inFlight(): readonly QueuedWrite[] {
    return [...this.#entries.values()].flatMap(({ begun }) => (begun === null ? [] : [begun]));
  }

  /** False when the backlog is full: the write is not taken. */
  submit(write: QueuedWrite): boolean {
    const { uid } = write;
    const entry = this.#entries.get(uid);
    if (entry !== undefined) {
      entry.write = write;
      return true;
    }
    if (this.#entries.size - this.#inFlight >= backlogLimit) return false;
    if (this.#entries.size === 0) this.#idle = Promise.withResolvers();
    const added: Entry = { write, begun: null };
    this.#entries.set(uid, added);
    this.#laneOf(write.region).waiting.set(uid, added);
    this.#beginMore();
    return true;
  }

  #laneOf(region: RegionRef): Lane {
    const key = regionKey(region);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { region, waiting: new Map(), inFlight: 0 };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #beginMore(): void {
    for (let free = this.#free(); free > 0; free = this.#free()) {
      const lane = this.#nextLane(free);
      if (lane === undefined) return;
      void this.#begin(lane);
    }
  }

  #free(): number {
    return this.#options.concurrency - this.#inFlight;
  }

  #nextLane(free: number): Lane | undefined {
    for (const lane of this.#lanes.values())
      if (lane.waiting.size > 0 && lane.inFlight < greed * free) return lane;
    return undefined;
  }

  async #begin(lane: Lane): Promise<void> {
    const [first] = lane.waiting;
    if (first === undefined) return;
    const [uid, entry] = first;
    const { write } = entry;
    lane.waiting.delete(uid);
    entry.begun = write;
    lane.inFlight++;
    this.#inFlight++;
    // Its next turn comes after that of all others.
    const key = regionKey(lane.region);
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    const ended = await write.write();
    lane.inFlight--;
    this.#inFlight--;
    entry.begun = null;
    if (entry.write === write) this.#entries.delete(uid);
    else this.#laneOf(entry.write.region).waiting.set(uid, entry);
    ended();
    if (lane.waiting.size + lane.inFlight === 0) {
      this.#lanes.delete(key);
      this.#options.onRegionIdle(lane.region);
    }
    if (this.#entries.size === 0) this.#idle.resolve();
    this.#beginMore();
  }
}
