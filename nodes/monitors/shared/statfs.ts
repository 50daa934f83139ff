/**
 * Asks mounts how full they are, so that one whose server is gone delays nobody: each has one question open at a time, a
 * sample waits a second for answers, and what comes later is for the next sample to ask again.
 *
 * A hung question holds one of the four threads that Node has for files, for as long as the kernel waits. So file servers
 * get two of them at most: with two mounts hung, the other mounts of file servers are not measured, and all local ones are.
 */
import { statfs } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fill, Mount } from './elsewhere.ts';
import { isRemote } from './mounts.ts';

/** As Node's own gives it, in blocks of `bsize` bytes. */
export interface Statfs {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

const patienceMs = 1000;
const remoteAtOnce = 2;

/** These say that the mount is there and what it shows is not: a server that is gone, a dead FUSE program, a broken disk. */
const broken = new Set(['EHOSTDOWN', 'EIO', 'ENOTCONN', 'ESTALE', 'ETIMEDOUT']);

/** Makes the question. Its answers are by mount point; `silent` did not answer, and what is missing has nothing to say. */
export function asker(ask: (path: string) => Promise<Statfs> = statfs, patience = patienceMs) {
  const open = new Map<string, Mount>();

  return async (mounts: readonly Mount[], signal: AbortSignal): Promise<ReadonlyMap<string, Fill | 'silent'>> => {
    const answers = new Map<string, Fill | 'silent'>();
    const question = async (mount: Mount): Promise<void> => {
      const { mountpoint } = mount;
      answers.set(mountpoint, 'silent');
      if (open.has(mountpoint)) return;
      open.set(mountpoint, mount);
      try {
        const answer = await ask(mountpoint);
        // Whatever its type is called, what has no blocks cannot fill.
        if (answer.blocks > 0) answers.set(mountpoint, fillOf(answer));
        else answers.delete(mountpoint);
      } catch (thrown) {
        if (!(thrown instanceof Error && 'code' in thrown && broken.has(String(thrown.code)))) answers.delete(mountpoint);
      } finally {
        open.delete(mountpoint);
      }
    };
    // What hangs keeps its lane; it comes first, so that it is told to be silent without waiting for a lane.
    const [hung, fresh] = [
      mounts.filter(({ mountpoint }) => open.has(mountpoint)),
      mounts.filter(({ mountpoint }) => !open.has(mountpoint)),
    ];
    const queue = fresh.filter(isRemote);
    const lanes = Math.max(0, remoteAtOnce - [...open.values()].filter(isRemote).length);
    const lane = async (): Promise<void> => {
      for (let mount = queue.shift(); mount; mount = queue.shift()) await question(mount);
    };
    const everybody = Promise.all(
      [...hung, ...fresh.filter((mount) => !isRemote(mount))].map(question).concat(Array.from({ length: lanes }, lane)),
    );
    const waiting = new AbortController();
    await Promise.race([everybody, pause(patience, undefined, { signal: AbortSignal.any([signal, waiting.signal]) }).catch(() => {})]);
    waiting.abort();
    queue.length = 0;
    return new Map(answers);
  };
}

/** Filesystems that make inodes as they need them say that they have none. */
function fillOf({ bsize, blocks, bfree, bavail, files, ffree }: Statfs): Fill {
  return {
    used: (blocks - bfree) * bsize,
    free: bavail * bsize,
    reserved: (bfree - bavail) * bsize,
    inodesUsed: files > 0 ? files - ffree : Number.NaN,
    inodesFree: files > 0 ? ffree : Number.NaN,
  };
}
