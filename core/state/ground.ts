/**
 * Ground under a file that grows: pages of zeros beyond its last one, so that what is written next has its place on the disk already.
 *
 * A full disk is found here and not within lmdb. lmdb 3.5.6 words the error of a page that it could not write into 100 bytes, which its
 * words do not always fit (`mdb_page_flush`): the process then dies of it, at once or as it ends.
 */
import { closeSync, fstatSync, openSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const most = 1 << 20;
const least = 64 << 10;
const zeros = Buffer.alloc(least);

export interface Ground {
  /** Sees to it that so many bytes in use have ground behind them. @throws ENOSPC where there is less than half of what is wanted. */
  hold(used: number): void;
  close(): void;
}

export function createGround(path: string): Ground {
  const file = openSync(path, 'r+');
  const { bavail, bsize } = statfsSync(dirname(path));
  // Of a small disk, a small part.
  const wanted = Math.max(least, Math.min(most, (bavail * bsize) / 8));
  let end = 0;

  const extend = (to: number): void => {
    try {
      while (end < to) end += writeSync(file, zeros, 0, Math.min(zeros.length, to - end), end);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC' && (thrown as NodeJS.ErrnoException).code !== 'EDQUOT') throw thrown;
    }
  };
  return {
    hold(used) {
      if (end - used >= wanted / 2) return;
      end = Math.max(used, fstatSync(file).size);
      extend(used + wanted);
      if (end - used < wanted / 2) throw Object.assign(new Error('no space left on the device'), { code: 'ENOSPC' });
    },
    close: () => closeSync(file),
  };
}
