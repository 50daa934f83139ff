/**
 * Makes a store of a backup. Everything is checked before anything is touched; the store is built beside the place and takes
 * it by a rename, so that a kill leaves the one or the other. What was there is kept under another name.
 *
 * Not while a process holds the store: end that first.
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

/** @param now milliseconds. @throws SluiceError; then nothing was changed. */
export async function restoreStore(from: string, folder: string, { replace, now }: { replace: boolean; now: number }): Promise<Restored> {
  const target = resolve(folder);
  const there = existsSync(target);
  if (there) await refuseHeld(target);
  if (there && !replace)
    throw new SluiceError(
      `restore: ${target} holds a store, last written ${lastWritten(target)}; add --replace to move it aside, or name another --state`,
    );
  const manifest = await verifyBundle(from);
  const building = `${target}.restoring`;
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
  const aside = `${target}.before-${new Date(now).toISOString().replace(/[:.]/g, '-')}`;
  if (there) renameSync(target, aside);
  renameSync(building, target);
  sync(dirname(target));
  return { manifest, ...(there && { aside }) };
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

/** A store that cannot be opened for another reason is damaged: no reason not to replace it. */
async function refuseHeld(folder: string): Promise<void> {
  const file = join(folder, fileName);
  if (!existsSync(file)) return;
  try {
    (await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' })).closeSync();
  } catch (thrown) {
    if (/could not set lock/i.test(messageOf(thrown)))
      throw new SluiceError(`restore: a running sluice holds ${folder}; end it, restore, and start it again`, { cause: thrown });
  }
}

function lastWritten(folder: string): string {
  const times = [folder, join(folder, fileName), join(folder, `${fileName}.wal`)].map(
    (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return new Date(Math.max(...times)).toISOString();
}
