/**
 * Makes a store of a backup. Everything is checked before anything is touched; the store is built beside the place and takes
 * it by renames. What was there is kept under another name.
 *
 *     check ──▶ build in history.restoring ──▶ history ──▶ history.before-…, then history.restoring ──▶ history
 *
 * Where a process holds the store, it is asked to do the last step itself, and goes on with what was restored.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { messageOf, SluiceError } from 'sluice';
import { fillTables, keptTables, tableFile } from './backup.ts';
import { copySafely, type Manifest, sync, verifyBundle } from './bundle.ts';
import { fileName, openDatabase } from './database.ts';

export interface Restored {
  readonly manifest: Manifest;
  /** Where what was there before is now. */
  readonly aside?: string;
}

export interface RestoreOptions {
  /** Whether a store that is there may be moved aside. */
  readonly replace: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Has the process that holds the store call {@link takePlace}. Resolves with where the old one is. */
  readonly handOver: () => Promise<string>;
}

/** @throws SluiceError; then nothing was changed. */
export async function restoreStore(from: string, folder: string, { replace, now, handOver }: RestoreOptions): Promise<Restored> {
  const target = resolve(folder);
  const there = existsSync(target);
  if (there && !replace)
    throw new SluiceError(
      `restore: ${target} holds a store, last written ${lastWritten(target)}; add --replace to move it aside, or name another --state`,
    );
  const manifest = await verifyBundle(from);
  const building = builtFor(target);
  rmSync(building, { recursive: true, force: true });
  try {
    mkdirSync(building, { recursive: true, mode: 0o700 });
    for (const { name } of manifest.files) copySafely(join(from, name), join(building, name));
    await fill(building);
    sync(building);
  } catch (thrown) {
    rmSync(building, { recursive: true, force: true });
    throw new SluiceError(`restore: ${target} cannot be made (${messageOf(thrown).split('\n')[0]}); nothing was changed`, {
      cause: thrown,
    });
  }
  const aside = (await isHeld(target)) ? await handOver() : takePlace(target, now);
  return { manifest, ...(aside !== undefined && { aside }) };
}

const builtFor = (target: string): string => `${target}.restoring`;

/**
 * Puts the store that was built in its place. Nobody may hold the one that is there.
 * @returns where that one is now
 */
export function takePlace(folder: string, now: number): string | undefined {
  const target = resolve(folder);
  const building = builtFor(target);
  if (!existsSync(building)) throw new SluiceError(`restore: ${building} is not there; this store keeps its files in ${target}`);
  const aside = existsSync(target) ? `${target}.before-${new Date(now).toISOString().replace(/[:.]/g, '-')}` : undefined;
  if (aside !== undefined) renameSync(target, aside);
  renameSync(building, target);
  sync(dirname(target));
  return aside;
}

/** Puts the tables of a backup into a new database, in the folder where they lie as files. */
async function fill(folder: string): Promise<void> {
  const database = await openDatabase(folder);
  try {
    await fillTables(folder, tableFile, await database.connect());
  } finally {
    await database.close();
  }
  for (const table of keptTables) rmSync(join(folder, tableFile(table)));
}

/** Whether a process holds it. One that cannot be opened for another reason is damaged, and held by nobody. */
async function isHeld(folder: string): Promise<boolean> {
  const file = join(folder, fileName);
  if (!existsSync(file)) return false;
  try {
    (await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' })).closeSync();
    return false;
  } catch (thrown) {
    return /could not set lock/i.test(messageOf(thrown));
  }
}

function lastWritten(folder: string): string {
  const times = [folder, join(folder, fileName), join(folder, `${fileName}.wal`)].map(
    (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return new Date(Math.max(...times)).toISOString();
}
