/**
 * A backup on disk: a folder of files and `manifest.json`, which says how long each is and its SHA-256. The manifest is
 * written last, and the folder has its name only when all of it is safe: a backup is whole, or it is not there.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { messageOf, SluiceError, z } from 'sluice';

const manifestFile = 'manifest.json';
/** Of this store's own naming: no path, nothing hidden. */
const fileName = z.string().regex(/^[a-z0-9][a-z0-9.-]*\.parquet$/);
const manifest = z.object({
  format: z.literal(1),
  /** When it was made, in ISO 8601; it has everything that was written before. */
  made: z.iso.datetime(),
  files: z.array(z.object({ name: fileName, bytes: z.int().positive(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});
export type Manifest = z.output<typeof manifest>;

/** Moves a staged backup to its place. @throws SluiceError, having left nothing there. @param made milliseconds. */
export async function writeBundle(stage: string, to: string, made: number): Promise<Manifest> {
  const target = resolve(to);
  const partial = `${target}.partial`;
  refuseExisting(target);
  if (!existsSync(dirname(target))) throw new SluiceError(`backup: ${dirname(target)} does not exist; make it, or name another place`);
  rmSync(partial, { recursive: true, force: true });
  try {
    moveFolder(stage, partial);
    const files: Manifest['files'] = [];
    for (const name of readdirSync(partial).sort()) {
      const file = join(partial, name);
      files.push({ name, bytes: statSync(file).size, sha256: await sha256Of(file) });
      sync(file);
    }
    const written: Manifest = { format: 1, made: new Date(made).toISOString(), files };
    writeFileSync(join(partial, manifestFile), `${JSON.stringify(written, undefined, 2)}\n`, { flush: true });
    sync(partial);
    refuseExisting(target);
    renameSync(partial, target);
    sync(dirname(target));
    return written;
  } catch (thrown) {
    rmSync(partial, { recursive: true, force: true });
    throw thrown instanceof SluiceError ? thrown : new SluiceError(`backup: ${target}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** Reads a backup and compares every file with what the manifest says. @throws SluiceError when anything differs. */
export async function verifyBundle(from: string): Promise<Manifest> {
  const read = readManifest(from);
  for (const { name, bytes, sha256 } of read.files) {
    const file = join(from, name);
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    const flaw =
      size === undefined
        ? 'is missing'
        : size !== bytes
          ? `has ${size} bytes, its manifest says ${bytes}`
          : (await sha256Of(file)) === sha256
            ? undefined
            : 'is not what was backed up: its checksum differs';
    if (flaw) throw new SluiceError(`restore: ${file} ${flaw}; nothing was changed, take another backup`);
  }
  return read;
}

function readManifest(from: string): Manifest {
  const file = join(from, manifestFile);
  try {
    return manifest.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? `${cause.issues[0]?.path.join('.')}: ${cause.issues[0]?.message}` : messageOf(cause);
    throw new SluiceError(
      `restore: ${from} is no backup of this version (${why}); nothing was changed, name a folder that sluice backup made`,
      {
        cause,
      },
    );
  }
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file, { highWaterMark: 1_048_576 })) hash.update(part as Buffer);
  return hash.digest('hex');
}

/** Copies a file so that it is on the disk when this returns; where the filesystem can, the two share their blocks. */
export function copySafely(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  sync(to);
}

/** Has what was written of a file, or which names a folder has, on the disk. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** @throws SluiceError where something is already. */
export function refuseExisting(target: string): void {
  if (existsSync(target)) throw new SluiceError(`backup: ${target} is there already; name a new folder, or move it away`);
}

/** A rename where both are on one filesystem, else a copy. */
function moveFolder(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EXDEV') throw thrown;
    mkdirSync(to, { mode: 0o700 });
    for (const name of readdirSync(from)) copySafely(join(from, name), join(to, name));
  }
}
