/**
 * A log's past: the files that rotation leaves beside it. By their names they are kept out of what a glob selects, and
 * by what they hold, a file that was renamed or copied away while nobody looked is found again and read to its end.
 *
 * Limits: in logs without times whose lines are all alike, a copy cannot be told from another; compressed files are left
 * out.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type LogFile, type Look, lookAt } from './file.ts';
import type { Place } from './place.ts';

/** Endings of files that cannot be read line by line. */
export const compressed = /\.(?:gz|xz|bz2|zst|lz4|lzma|Z|zip)$/;

/** What rotation adds to a name: `x.log.1`, `x.log-20260102`, `x.log.2026-01-02_10`, `x.log.old`. */
const added = /^[._-](?:\d[\d._:T-]*|old|bak|prev)$/;
/** Within a name, before its ending, only a date is so: `app-2.log` may be a second program's. */
const inserted = /^[._-]\d{4}-?\d\d-?\d\d[\d._:T-]*$/;

/** The names of which rotation may have made this one. */
export function originals(name: string): string[] {
  const ending = /\.[A-Za-z]+$/.exec(name)?.[0] ?? '';
  const stem = name.slice(0, name.length - ending.length);
  const found: string[] = [];
  for (let at = 1; at < name.length; at++) {
    if (!/[._-]/.test(name[at] ?? '')) continue;
    if (added.test(name.slice(at))) found.push(name.slice(0, at));
    if (at < stem.length && inserted.test(stem.slice(at))) found.push(stem.slice(0, at) + ending);
  }
  return found;
}

/** The paths without those that are another one's past. */
export function withoutPast(paths: readonly string[], known: ReadonlySet<string> = new Set(paths)): string[] {
  return paths.filter((path) => {
    const folder = dirname(path);
    return !compressed.test(path) && !originals(basename(path)).some((name) => known.has(join(folder, name)));
  });
}

/** A file beside a log. */
export interface Sibling {
  readonly path: string;
  readonly look: Look;
}

type IsOpen = (id: string) => boolean;
type Open = (path: string) => Promise<LogFile | undefined>;

/** How many names of a folder are looked at: one that holds more is no place for logs. */
const mostSiblings = 5000;

/** What lies beside a log, is chosen by its name, and is not open already; what was written earlier first. */
async function siblings(path: string, isOpen: IsOpen, chosen: (name: string) => boolean): Promise<Sibling[]> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  const found: Sibling[] = [];
  for (const name of names.slice(0, mostSiblings)) {
    if (name === basename(path) || compressed.test(name) || !chosen(name)) continue;
    const look = await lookAt(join(folder, name));
    if (look && !isOpen(look.id)) found.push({ path: join(folder, name), look });
  }
  return found.sort((a, b) => a.look.written - b.look.written);
}

/** What rotation left of a log, as far as it is not open already; what was written earlier first. */
export function pastOf(path: string, isOpen: IsOpen): Promise<Sibling[]> {
  return siblings(path, isOpen, (name) => originals(name).includes(basename(path)));
}

/** The file that was read to this place, under its new name, opened there. */
export async function renamed(place: Place, isOpen: IsOpen, open: Open): Promise<LogFile | undefined> {
  const all = await siblings(place.path, isOpen, () => true);
  return goOn(
    place,
    all.filter(({ look }) => look.id === place.id),
    open,
  );
}

/** A copy of what was read to this place, opened there. It holds all that was ever read, so it was written no earlier. */
export async function copied(place: Place, isOpen: IsOpen, open: Open): Promise<LogFile | undefined> {
  if (place.mark === '') return undefined;
  const past = await pastOf(place.path, isOpen);
  return goOn(place, past.filter(({ look }) => look.size >= place.offset && look.written >= place.written).reverse(), open);
}

/** The first that holds what was read. An id proves nothing: inodes are used again. */
async function goOn(place: Place, candidates: readonly Sibling[], open: Open): Promise<LogFile | undefined> {
  for (const { path } of candidates) {
    const file = await open(path);
    if (await file?.goOn(place)) return file;
    await file?.close();
  }
  return undefined;
}
