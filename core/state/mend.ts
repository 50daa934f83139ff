/**
 * Mends a damaged state before it is opened: what is whole goes into a new file, which then takes the old one's place, and the
 * damaged one is kept beside it. Killed amid that, the next start begins again: until all is written the old file stays where it is.
 */
import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Database, open } from 'lmdb';
import { openLmdb, type Sane, type Snapshot } from './salvage.ts';

/** The most databases that a state may have. */
export const maxDbs = 32;

/**
 * Looks through the file at `path`, if there is one. @returns what a person should know, or undefined when it is whole.
 * @throws when the disk has no room for what was recovered, or it cannot be read: then nothing is changed.
 */
export function mend(path: string, sane: Sane): string | undefined {
  const fresh = `${path}.mended`;
  for (const left of [fresh, `${fresh}-lock`]) rmSync(left, { force: true });
  if (!existsSync(path) || statSync(path).size === 0) return undefined;
  const file = openLmdb(path);
  try {
    const snapshot = file.best(sane);
    if (snapshot?.whole) return undefined;
    const kept = snapshot ? copy(snapshot, fresh) : [];
    const aside = `${path}.damaged`;
    rmSync(aside, { force: true });
    linkSync(path, aside);
    if (snapshot) renameSync(fresh, path);
    else rmSync(path);
    for (const lock of [`${path}-lock`, `${fresh}-lock`]) rmSync(lock, { force: true });
    return describe(kept, basename(path), basename(aside));
  } catch (thrown) {
    rmSync(fresh, { force: true });
    throw thrown;
  } finally {
    file.close();
  }
}

interface Kept {
  readonly name: string;
  readonly count: number;
  readonly kept: number;
}

function copy({ databases }: Snapshot, path: string): Kept[] {
  // On disk when the transaction is over: its closing is not waited for.
  const environment = open({ path, noSubdir: true, maxDbs, overlappingSync: false });
  try {
    const targets = databases.map(({ name }): Database<Buffer, Buffer> => {
      return environment.openDB({ name, encoding: 'binary', keyEncoding: 'binary' });
    });
    return environment.transactionSync(() =>
      databases.map(({ name, count, entries }, index) => {
        let kept = 0;
        for (const [key, value] of entries()) {
          targets[index]?.putSync(key, value);
          kept += 1;
        }
        return { name, count, kept };
      }),
    );
  } finally {
    void environment.close();
  }
}

function describe(all: readonly Kept[], name: string, aside: string): string {
  const lost = all.flatMap((one) => (one.count > one.kept ? [`${one.count - one.kept} of ${one.count} in ${one.name}`] : []));
  const what =
    all.length === 0
      ? 'nothing of it could be read'
      : lost.length > 0
        ? `lost: ${lost.join(', ')}; the rest is recovered`
        : 'all of it is recovered';
  return `state: ${name} was damaged: ${what}; the damaged file is kept as ${aside}, delete it when you need it no more`;
}
