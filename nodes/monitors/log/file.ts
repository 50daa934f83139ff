/**
 * One open log file: it owns the descriptor and the place, so that neither a new name nor a new file under the old name
 * can mislead it. Each read begins with the bytes before the last one's end; when they are not what they were, the file
 * was truncated or written anew, however large it has become since.
 *
 * Bounded: what has no newline yet stays in the file and is read again, and of a line past the limit only its beginning
 * is held while its end is looked for.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { decode, type Line, lineLimit, newline, split } from './lines.ts';
import { markBytes, markOf, type Place } from './place.ts';

/** What a look at a file tells. */
export interface Look {
  /** Device and inode. */
  readonly id: string;
  readonly size: number;
  /** When it was last written, in milliseconds of the file system's clock. */
  readonly written: number;
  /** Differs whenever the file does. */
  readonly version: string;
}

/** `lines`: there may be more. `end`: nothing whole is left. `replaced`: its content is not what was read before. */
export type Read = { readonly lines: readonly Line[] } | 'end' | 'replaced';

/** How far a file has been read. */
export type Reached = Pick<Place, 'offset' | 'mark'>;

export interface LogFile {
  readonly id: string;
  reached(): Reached;
  look(): Promise<Look>;
  /** Reads on, at most up to this offset. */
  read(upTo: number): Promise<Read>;
  /** The last line, which has no newline and will get none. */
  rest(): Promise<Line | undefined>;
  /** Goes on where an earlier run ended; false, and no change, when this is not the file that was read then. */
  goOn(reached: Reached): Promise<boolean>;
  /** Goes to the last few lines. */
  toRecent(): Promise<void>;
  /** Its content was replaced: from the first byte again. */
  startOver(): void;
  /** Safe twice. */
  close(): Promise<void>;
}

const chunkBytes = 262_144;
/** How far back the last lines of a file are looked for, and how many are enough to see what goes on. */
const recentBytes = 65_536;
const recentLines = 20;

/** The space that the files of one follower read into, one after another. */
export const readingSpace = (): Buffer => Buffer.allocUnsafe(markBytes + chunkBytes);

/** A look at what is called so; undefined when that is nothing or no regular file. */
export async function lookAt(path: string): Promise<Look | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found?.isFile() ? lookOf(found) : undefined;
}

const lookOf = (found: BigIntStats): Look => ({
  id: `${found.dev}:${found.ino}`,
  size: Number(found.size),
  written: Number(found.mtimeMs),
  version: `${found.size}:${found.ctimeNs}`,
});

/** Opens a regular file, following links; undefined when it is something else. @throws when it may not be read. */
export async function openFile(path: string, space: Buffer): Promise<LogFile | undefined> {
  // Without NONBLOCK, opening a pipe that took a log's place would wait for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await handle.stat({ bigint: true });
  if (found.isFile()) return logFile(handle, lookOf(found).id, space);
  await handle.close();
  return undefined;
}

function logFile(handle: FileHandle, id: string, space: Buffer): LogFile {
  let offset = 0;
  let mark = '';
  /** The line at the offset is past the limit: its beginning, and how far its end has been looked for. */
  let long: { readonly head: Buffer; readonly bytes: number; readonly mark: string } | undefined;
  let closed = false;

  /** The bytes from `at` on, or undefined when those before are no longer what they were. */
  const from = async (at: number, marked: string, upTo = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> => {
    const kept = Math.min(markBytes, at);
    const { bytesRead } = await handle.read(space, 0, kept + chunkBytes, at - kept);
    if (bytesRead < kept || markOf(space.subarray(0, kept)) !== marked) return undefined;
    return space.subarray(kept, Math.min(bytesRead, kept + Math.max(0, upTo - at)));
  };
  /** The mark `bytes` after `at`, of which the space holds what was read from there. */
  const markAfter = (at: number, bytes: number): string => {
    const end = Math.min(markBytes, at) + bytes;
    return markOf(space.subarray(Math.max(0, end - markBytes), end));
  };
  const reach = (at: number, bytes: number): void => {
    mark = markAfter(at, bytes);
    offset = at + bytes;
  };

  const readLong = async (upTo: number): Promise<Read> => {
    while (long) {
      const at = offset + long.bytes;
      const data = await from(at, long.mark, upTo);
      if (!data) return 'replaced';
      if (data.length === 0) return 'end';
      const end = data.indexOf(newline);
      if (end >= 0) {
        const line = decode(long.head, 0, long.head.length, long.bytes + end - long.head.length);
        long = undefined;
        reach(at, end + 1);
        return { lines: line ? [line] : [] };
      }
      long = { head: long.head, bytes: long.bytes + data.length, mark: markAfter(at, data.length) };
    }
    return 'end';
  };

  return {
    id,
    reached: () => ({ offset, mark }),
    look: async () => lookOf(await handle.stat({ bigint: true })),
    async read(upTo) {
      if (long) return readLong(upTo);
      const data = await from(offset, mark, upTo);
      if (!data) return 'replaced';
      const whole = data.lastIndexOf(newline) + 1;
      if (whole > 0) {
        const lines = split(data.subarray(0, whole));
        reach(offset, whole);
        return { lines };
      }
      const hole = nuls(data);
      if (hole > 0) {
        reach(offset, hole);
        return { lines: [] };
      }
      if (data.length <= lineLimit) return 'end';
      long = { head: Buffer.from(data.subarray(0, lineLimit + 4)), bytes: data.length, mark: markAfter(offset, data.length) };
      return readLong(upTo);
    },
    async rest() {
      const head = long?.head ?? (await from(offset, mark));
      return head && decode(head, 0, head.length, long ? long.bytes - head.length : 0);
    },
    async goOn(reached) {
      if ((await from(reached.offset, reached.mark)) === undefined) return false;
      ({ offset, mark } = reached);
      long = undefined;
      return true;
    },
    async toRecent() {
      const { size } = await handle.stat();
      const start = Math.max(0, size - recentBytes);
      const { bytesRead } = await handle.read(space, 0, size - start, start);
      const data = space.subarray(0, bytesRead);
      const begin = lastLines(data);
      const at = start + (begin > 0 || start === 0 ? begin : data.length);
      const kept = Math.min(markBytes, at);
      const before = await handle.read(space, 0, kept, at - kept);
      offset = at;
      mark = markOf(space.subarray(0, before.bytesRead));
    },
    startOver() {
      offset = 0;
      mark = '';
      long = undefined;
    },
    async close() {
      if (closed) return;
      closed = true;
      await handle.close();
    },
  };
}

/** Where the last few lines of the data begin: after a newline, or at 0 when it has no more than those. */
function lastLines(data: Buffer): number {
  let at = data.length - 1;
  for (let line = 0; line < recentLines && at > 0; line++) at = data.lastIndexOf(newline, at - 1);
  if (at > 0) return at + 1;
  // Fewer lines than asked for: what comes before the first newline may be the end of a line that began earlier.
  return data.length < recentBytes ? 0 : data.indexOf(newline) + 1;
}

/** How many NULs it begins with. */
function nuls(data: Buffer): number {
  let count = 0;
  while (count < data.length && data[count] === 0) count += 1;
  return count;
}
