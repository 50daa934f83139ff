/**
 * Where a file's reading stands, so that it goes on there after a restart, and so that the file is known again under
 * another name or as a copy. The committed position of the log monitor is a list of these.
 */
import { hash } from 'node:crypto';
import { z } from 'sluice';

/** How many of the bytes before the offset make its mark. */
export const markBytes = 256;

const place = z.object({
  path: z.string(),
  /** Device and inode. Inodes are used again, so this alone proves nothing. */
  id: z.string(),
  /** The first byte that is not yet told: always the first of a line. */
  offset: z.int().nonnegative(),
  /** A fingerprint of the bytes just before the offset: if they change, the file is another, or was written anew. */
  mark: z.string(),
  /** All that was written to this log until then was seen; in milliseconds of the file system's clock. */
  written: z.number(),
});

export type Place = z.output<typeof place>;

const position = z.object({ globs: z.array(z.string()), files: z.array(place) });

/** What is committed: the globs, so that one which is new can be told, and each file's place. */
export type Position = z.output<typeof position>;

/** An earlier run's position, or undefined when it is none. */
export function savedPosition(saved: unknown): Position | undefined {
  return position.safeParse(saved).data;
}

/** The mark of an offset, from the bytes before it. Only a hash: a log may hold what its state must not. */
export function markOf(before: Buffer): string {
  return before.length === 0 ? '' : hash('sha256', before, 'base64url').slice(0, 22);
}
