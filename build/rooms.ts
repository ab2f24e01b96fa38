// The rooms of src, from top to bottom, and what each may import. A room is a folder, and its files are of one subject.
//
// A room may import itself and, of the rooms below it, those that its row allows; "main" allows main/… too. So all arrows
// go down and there is no circle between rooms. There is none between files either. Types and import() count.

export interface Room {
  /** A folder in src. */
  readonly room: string;
  readonly uses: readonly string[];
}

const main = ['main', 'shared'];
const workers = ['workers', 'shared'];

export const rooms: readonly Room[] = [
  // The process: its commands and signals.
  { room: 'cli', uses: ['sandbox', 'check', 'doctor', 'terminal', 'main', 'shared'] },
  // What single commands do.
  { room: 'sandbox', uses: ['sandbox', 'terminal', 'main', 'shared'] },
  { room: 'sandbox/replicas', uses: ['sandbox', 'main', 'shared'] },
  { room: 'sandbox/kubernetes', uses: ['sandbox/loopback', 'shared'] },
  { room: 'sandbox/openstack', uses: ['sandbox/loopback', 'shared'] },
  { room: 'sandbox/loopback', uses: [] },
  { room: 'check', uses: ['terminal', 'main', 'shared'] },
  { room: 'doctor', uses: ['terminal', 'main', 'workers/openstack', 'shared'] }, // asks clouds as a worker does
  { room: 'terminal', uses: [] },
  // index.ts and worker.ts, the faces of the library.
  { room: '.', uses: ['main', 'workers', 'shared'] },
  // The main thread: the composition root first, then everything that it puts together.
  { room: 'main', uses: main },
  { room: 'main/web', uses: main },
  { room: 'main/server-health', uses: main },
  { room: 'main/region-health', uses: main },
  { room: 'main/load-balancer-health', uses: main },
  { room: 'main/checks', uses: main },
  { room: 'main/regions', uses: main },
  { room: 'main/server-health/status', uses: main },
  { room: 'main/events', uses: main },
  { room: 'main/projection', uses: main },
  { room: 'main/problems', uses: main },
  { room: 'main/polls', uses: main },
  { room: 'main/shards', uses: main },
  { room: 'main/kubernetes/objects', uses: main },
  { room: 'main/kubernetes', uses: main },
  { room: 'main/kubernetes/access', uses: main },
  { room: 'main/telemetry', uses: main },
  { room: 'main/options', uses: main },
  { room: 'main/log', uses: main },
  // The worker threads.
  { room: 'workers', uses: workers },
  { room: 'workers/server-health', uses: workers },
  { room: 'workers/region-health', uses: workers },
  { room: 'workers/load-balancer-health', uses: workers },
  { room: 'workers/openstack', uses: workers },
  // What the browser shows.
  { room: 'page', uses: ['shared'] },
  // What main and workers say to each other, and the tools of both.
  { room: 'shared/network', uses: ['shared'] },
  { room: 'shared', uses: [] },
];

/** Lines of a file in src. */
export const maxLines = 320;

/** Files that lie in a room itself, where that is limited: what has a subject of its own belongs in a room below. */
export const maxFiles: Readonly<Record<string, number>> = { main: 10 };
