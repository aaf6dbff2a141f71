/**
 * One agent a data directory. The lock names its holder by pid and by when that process started, so that a
 * lock left behind by kill -9 is taken over even where the pid was given to somebody else since.
 */

import { join } from 'node:path';
import { type Disk, isFull } from './disk.ts';
import { AgentError } from './errors.ts';

export interface Processes {
  /** This process. */
  readonly pid: number;
  /** Names one life of a pid on this host; undefined when the process is gone; empty when the system does not say. */
  life(pid: number): string | undefined;
}

interface Holder {
  readonly pid: number;
  readonly life: string;
}

/** Directories held by this process: a second agent in it has the same pid. */
const held = new Set<string>();

/** Takes the lock and returns how to give it back. Throws `AgentError` (`data-dir-locked`, `data-dir-unusable`). */
export function lockDirectory(directory: string, disk: Disk, processes: Processes): () => void {
  const path = join(directory, 'lock');
  if (held.has(path)) throw locked(directory, processes.pid);
  const own: Holder = { pid: processes.pid, life: processes.life(processes.pid) ?? '' };
  const beside = join(directory, `lock.${own.pid}`);
  try {
    writeBeside(path, beside, own, directory, disk, processes);
    claim(path, beside, directory, disk, processes);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('data-dir-unusable', `data directory ${directory} cannot be locked: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    disk.sync.remove(beside);
  }
  held.add(path);
  return () => {
    if (!held.delete(path)) return;
    try {
      disk.sync.remove(path);
    } catch {
      // A lock of a process that is gone is taken over anyway.
    }
  };
}

/**
 * On a full disk the stale lock of a crash makes room for ours, and so does what is written anew at each start anyway: a
 * host whose disk filled up, and that then crashed, has its agent back.
 */
function writeBeside(path: string, beside: string, own: Holder, directory: string, disk: Disk, processes: Processes): void {
  const content = new TextEncoder().encode(JSON.stringify(own));
  try {
    return disk.sync.write(beside, content);
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  const holder = readHolder(path, disk);
  if (holder !== undefined && isRunning(holder, processes)) throw locked(directory, holder.pid);
  takeAway(path, `${beside}.stale`, holder, disk);
  disk.sync.remove(join(directory, 'agent.json'));
  disk.sync.write(beside, content);
}

function claim(path: string, beside: string, directory: string, disk: Disk, processes: Processes): void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      return disk.sync.link(beside, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(path, disk);
    if (holder !== undefined && isRunning(holder, processes)) throw locked(directory, holder.pid);
    takeAway(path, `${beside}.stale`, holder, disk);
  }
  throw locked(directory, undefined);
}

/** Removes a stale lock, unless somebody else did and took the lock between our look and our move. */
function takeAway(path: string, aside: string, stale: Holder | undefined, disk: Disk): void {
  try {
    disk.sync.rename(path, aside);
    const moved = readHolder(aside, disk);
    if (moved !== undefined && (moved.pid !== stale?.pid || moved.life !== stale.life)) disk.sync.link(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    disk.sync.remove(aside);
  }
}

/** Undefined for a lock that says nothing: torn, or gone meanwhile. */
function readHolder(path: string, disk: Disk): Holder | undefined {
  try {
    const value = JSON.parse(disk.sync.read(path).toString()) as Partial<Holder> | null;
    const { pid, life } = value ?? {};
    return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 && typeof life === 'string'
      ? { pid, life }
      : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(holder: Holder, processes: Processes): boolean {
  // Not in `held`: an earlier process with our pid, as in a container where every agent is process 1.
  if (holder.pid === processes.pid) return false;
  const life = processes.life(holder.pid);
  return life !== undefined && (life === '' || holder.life === '' || life === holder.life);
}

function locked(directory: string, pid: number | undefined): AgentError {
  const who = pid === undefined ? 'another agent' : `another agent (process ${pid})`;
  return new AgentError(
    'data-dir-locked',
    `${who} uses the data directory ${directory}. Stop it, or give this one its own with --data-dir`,
  );
}

/** The processes of this host, by `/proc` where there is one. */
export function hostProcesses(disk: Disk): Processes {
  return {
    pid: process.pid,
    life(pid) {
      try {
        process.kill(pid, 0);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
      }
      try {
        const boot = disk.sync.read('/proc/sys/kernel/random/boot_id').toString().trim();
        const stat = disk.sync.read(`/proc/${pid}/stat`).toString();
        // Fields 3 and 22, counted after the command's name, which may itself hold spaces and parentheses.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        // A zombie has ended and holds nothing; only its parent has not looked yet.
        if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
        return `${boot}/${fields[19] ?? ''}`;
      } catch {
        return '';
      }
    },
  };
}
