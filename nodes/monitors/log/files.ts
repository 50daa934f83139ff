/**
 * The log files that are open: found by globs, known by device and inode rather than by name, and let go only when
 * nobody can be writing to them any more.
 *
 * A file that loses its name, by rotation or deletion, is `leaving`: its writer may hold it for a while, so it is read on
 * until it has been quiet for long. What was rotated away between two looks is found beside the log (past.ts).
 */
import { dirname, resolve } from 'node:path';
import { glob } from 'tinyglobby';
import { type LogFile, type Look, lookAt, openFile, readingSpace } from './file.ts';
import { copied, pastOf, renamed, withoutPast } from './past.ts';
import type { Place, Position } from './place.ts';

export interface Followed {
  readonly file: LogFile;
  /** What it is called, or was before it was rotated away. */
  path: string;
  /** The last look at it. */
  look: Look | undefined;
  /** All that was written to this log until then, under whatever name, has been seen. */
  written: number;
  /** It may hold something unread. */
  ready: boolean;
  /** `leaving`: it lost its name. `finishing`: nothing more will come, so its last line may be told without a newline. */
  stage: 'current' | 'leaving' | 'finishing';
  /** Beats since it last changed, while leaving. */
  quiet: number;
}

export interface LogFiles {
  /** Opens what the globs select, going on where an earlier run ended. */
  begin(saved?: Position): Promise<void>;
  /** A beat: looks at every file, and for new ones. */
  beat(): Promise<void>;
  /** Looks at what is called so, where that is followed; anything else is a reason to search at the next beat. */
  look(paths: Iterable<string>): Promise<void>;
  /** Those that may hold something unread; of one log, only what was rotated away before the file that is now called so. */
  ready(): Followed[];
  /** Its content was replaced: finds the old content, if it was copied away, and starts over. */
  replaced(followed: Followed): Promise<void>;
  drop(followed: Followed): Promise<void>;
  /** How far it may be read so that nothing comes before what its past still holds. */
  readable(followed: Followed): number;
  /** Whether a file that is called so is followed. */
  follows(path: string): boolean;
  position(): Position;
  /** Where files may appear or change. */
  folders(): ReadonlySet<string>;
  close(): Promise<void>;
}

export interface Selection {
  readonly globs: readonly string[];
  /** Where reading begins in a file that is there before its glob is first followed. */
  readonly start: 'recent' | 'beginning';
  /** Beats of silence after which a leaving file is let go. */
  readonly patience: number;
}

/** Each is a descriptor, and a line in every position that is committed. */
const mostFiles = 1000;
/** How many files one name may have leaving: whoever rotates faster waits less. */
const mostLeaving = 8;
/** Beats between two searches for new files, when the kernel reports none. */
const beatsPerSearch = 10;

export function logFiles({ globs, start, patience }: Selection, say: (text: string) => void): LogFiles {
  const space = readingSpace();
  const byId = new Map<string, Followed>();
  const current = new Map<string, Followed>();
  let selected: string[] = [];
  let beats = 0;
  let searchDue = false;

  const open = async (path: string): Promise<LogFile | undefined> => {
    try {
      return await openFile(path, space);
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT') say(`${path} cannot be read (${code}); let this user read it, as a member of the group adm for instance`);
      return undefined;
    }
  };
  const follow = (file: LogFile, path: string, stage: Followed['stage'], written: number, look?: Look): void => {
    const followed: Followed = { file, path, look, written, ready: true, stage, quiet: 0 };
    byId.set(file.id, followed);
    if (stage === 'current') current.set(path, followed);
  };
  const placeOf = ({ file, path, written }: Followed): Place => ({ path, id: file.id, ...file.reached(), written });

  const isOpen = (id: string): boolean => byId.has(id);
  /** Reads on, in another file, the content whose reading stood at `place`; false when there is no such file. */
  const inherit = async (place: Place, find: typeof copied): Promise<boolean> => {
    const found = await find(place, isOpen, open);
    if (found) follow(found, place.path, 'leaving', place.written);
    return found !== undefined;
  };
  /** Reads what was made and rotated away since then, without ever having been seen. */
  const catchUp = async (path: string, since: number): Promise<void> => {
    for (const past of await pastOf(path, isOpen)) {
      if (past.look.written <= since) continue;
      const file = await open(past.path);
      if (file && !isOpen(file.id)) follow(file, path, 'leaving', past.look.written);
      else await file?.close();
    }
  };
  const leave = async (followed: Followed): Promise<void> => {
    if (current.get(followed.path) === followed) current.delete(followed.path);
    followed.stage = 'leaving';
    followed.ready = true;
    const others = [...byId.values()].filter(({ path, stage }) => path === followed.path && stage === 'leaving');
    for (const oldest of others.slice(0, Math.max(0, others.length - mostLeaving))) oldest.stage = 'finishing';
    await catchUp(followed.path, followed.written);
  };
  const adopt = async (path: string, first?: Selection['start']): Promise<void> => {
    if (byId.size >= mostFiles) return say(`more than ${mostFiles} files; narrow the globs in logs:`);
    const file = await open(path);
    if (!file) return;
    const known = byId.get(file.id);
    if (!known) {
      const look = await file.look();
      // At first sight, what was rotated away before is no concern of ours.
      const past = first ? await pastOf(path, isOpen) : [];
      if (first === 'recent') await file.toRecent();
      follow(file, path, 'current', Math.max(look.written, ...past.map((one) => one.look.written)), look);
      return;
    }
    await file.close();
    // Under its own name, it is a link or a second glob's find: one file is read once.
    if (known.stage === 'current') return;
    Object.assign(known, { path, stage: 'current', quiet: 0 });
    current.set(path, known);
  };
  /** `first`: where to begin in a file that is seen for the first time, and may be as old as it likes. */
  const lookOne = async (path: string, first?: Selection['start']): Promise<void> => {
    const followed = current.get(path);
    const look = await lookAt(path);
    if (followed && look?.id === followed.file.id) {
      if (look.version === followed.look?.version) return;
      Object.assign(followed, { look, ready: true });
      // Its writer may have written to the old file until now: that comes first.
      for (const past of byId.values()) if (past.path === path && past.stage !== 'current') past.ready = true;
      return;
    }
    if (followed) await leave(followed);
    if (look) await adopt(path, first);
  };
  const lookLeaving = async (followed: Followed): Promise<void> => {
    const look = await followed.file.look();
    if (look.version !== followed.look?.version) Object.assign(followed, { look, ready: true, quiet: 0 });
    else if (++followed.quiet >= patience) Object.assign(followed, { stage: 'finishing', ready: true });
  };

  const drop = async (followed: Followed): Promise<void> => {
    byId.delete(followed.file.id);
    const now = current.get(followed.path);
    if (now === followed) current.delete(followed.path);
    // What was written late to the old file is seen as well, and must not be taken for a file that was missed.
    else if (now) now.written = Math.max(now.written, followed.written);
    await followed.file.close();
  };

  const select = async (patterns: readonly string[]): Promise<string[]> => {
    const found = new Set<string>();
    // One by one: several would be searched from the folder that they have in common.
    for (const pattern of patterns) for (const path of await glob(pattern, { absolute: true, onlyFiles: true })) found.add(path);
    return withoutPast([...found], new Set([...found, ...current.keys()]));
  };
  const restore = async ({ files }: Position): Promise<void> => {
    let lost: Place[] = [];
    for (const place of files) {
      const file = await open(place.path);
      if (file && file.id === place.id && !isOpen(file.id) && (await file.goOn(place))) {
        follow(file, place.path, 'current', place.written);
        continue;
      }
      await file?.close();
      lost.push(place);
    }
    // All that only has another name is found before any copy is looked for.
    for (const find of [renamed, copied]) {
      const still: Place[] = [];
      for (const place of lost) if (!(await inherit(place, find))) still.push(place);
      lost = still;
    }
    for (const path of new Set(files.map((place) => place.path))) {
      const now = current.get(path);
      // A log that was read into and is still there cannot have been rotated.
      if (now && now.file.reached().offset > 0) continue;
      await catchUp(path, Math.max(...files.filter((place) => place.path === path).map(({ written }) => written)));
    }
  };

  return {
    async begin(saved) {
      if (saved) await restore(saved);
      selected = await select(globs);
      const known = new Set(saved ? await select(globs.filter((pattern) => saved.globs.includes(pattern))) : []);
      for (const followed of current.values()) if (!selected.includes(followed.path)) await drop(followed);
      for (const path of selected) await lookOne(path, known.has(path) ? undefined : start);
    },
    async beat() {
      beats += 1;
      if (searchDue || beats % beatsPerSearch === 0) {
        searchDue = false;
        selected = await select(globs);
      }
      for (const path of new Set([...current.keys(), ...selected])) await lookOne(path);
      for (const followed of byId.values()) if (followed.stage === 'leaving') await lookLeaving(followed);
    },
    async look(paths) {
      for (const path of paths) {
        if (current.has(path)) await lookOne(path);
        else searchDue = true;
      }
    },
    ready() {
      const all = [...byId.values()].filter(({ ready }) => ready);
      const leaving = all.filter(({ stage }) => stage !== 'current');
      // What was written before is told before, so a log waits for its own past.
      const past = new Set(leaving.map(({ path }) => path));
      return [...leaving, ...all.filter(({ path, stage }) => stage === 'current' && !past.has(path))];
    },
    async replaced(followed) {
      const place = placeOf(followed);
      followed.file.startOver();
      await inherit(place, copied);
      await catchUp(place.path, place.written);
      followed.written = Math.max(place.written, followed.look?.written ?? 0);
    },
    drop,
    readable({ path, look, stage }) {
      if (stage !== 'current' || ![...byId.values()].some((other) => other.path === path && other.stage !== 'current')) return Infinity;
      return look?.size ?? 0;
    },
    follows: (path) => current.has(path),
    position: () => ({ globs: [...globs], files: [...byId.values()].map(placeOf) }),
    folders: () => new Set([...globs.map(baseOf), ...[...current.keys()].map(dirname)]),
    async close() {
      for (const { file } of byId.values()) await file.close();
      byId.clear();
      current.clear();
    },
  };
}

/** The folder in which a glob begins to choose. */
function baseOf(pattern: string): string {
  const words = resolve(pattern).split('/');
  const chosen = words.findIndex((word) => /[*?[\]{}()!+@]/.test(word));
  return words.slice(0, chosen < 0 ? -1 : chosen).join('/') || '/';
}
