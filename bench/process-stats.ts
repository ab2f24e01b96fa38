// What the kernel knows of a process: CPU time by kind of thread, and memory. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

/** Seconds. */
export interface CpuTime {
  /** The main thread's JavaScript. */
  readonly main: number;
  /** The worker threads'. */
  readonly workers: number;
  /** All threads: garbage collectors, compilers and I/O helpers too. */
  readonly total: number;
}

export interface Memory {
  readonly rssMiB: number;
  /** Of that, what is not mapped from files: the program itself is, and shared by all that run it. */
  readonly ownMiB: number;
  /** The most that it ever was. */
  readonly peakRssMiB: number;
}

/** Node names its threads; a process of another make has only a total. Threads that have ended do not count. */
export function cpuTime(pids: readonly number[]): CpuTime {
  const time = { main: 0, workers: 0, total: 0 };
  for (const pid of pids) {
    for (const thread of entries(`/proc/${pid}/task`)) {
      const folder = `/proc/${pid}/task/${thread}`;
      const seconds = Number(textOf(`${folder}/schedstat`).split(' ', 1)[0]) / 1e9;
      time.total += seconds;
      if (textOf(`${folder}/comm`).trim() === 'WorkerThread') time.workers += seconds;
      else if (Number(thread) === pid) time.main += seconds;
    }
  }
  return time;
}

export function cpuBetween(before: CpuTime, after: CpuTime): CpuTime {
  return {
    main: after.main - before.main,
    workers: after.workers - before.workers,
    total: after.total - before.total,
  };
}

export function memory(pids: readonly number[]): Memory {
  const memory = { rssMiB: 0, ownMiB: 0, peakRssMiB: 0 };
  for (const pid of pids) {
    const status = textOf(`/proc/${pid}/status`);
    memory.rssMiB += mebibytes(status, 'VmRSS');
    memory.ownMiB += mebibytes(status, 'RssAnon');
    memory.peakRssMiB += mebibytes(status, 'VmHWM');
  }
  return memory;
}

/** All processes of a process group. */
export function groupMembers(group: number): readonly number[] {
  return entries('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      // "pid (name) state ppid pgrp …": the name may hold anything.
      const stat = textOf(`/proc/${pid}/stat`);
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === group;
    });
}

function mebibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024;
}

/** Processes and threads may end between the list and the look. */
function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
