/** Reads the files as they grow, a chunk of each in turn, and says with each step's drafts how far that brought it. */
import type { Draft } from 'sluice';
import { draftsOf } from './drafts.ts';
import { type Followed, type LogFiles, logFiles, type Selection } from './files.ts';
import type { Line } from './lines.ts';
import type { Position } from './place.ts';
import { waker } from './wake.ts';

export interface Following extends Selection {
  /** Milliseconds between two looks at files of whose change the kernel says nothing. */
  readonly beat: number;
}

export interface Step {
  readonly drafts: readonly Draft<'log'>[];
  readonly position: Position;
}

/** Ends when the signal aborts. `say` tells a person of what cannot be read. */
export async function* follow(
  following: Following,
  saved: Position | undefined,
  signal: AbortSignal,
  say: (text: string) => void,
): AsyncGenerator<Step, void, void> {
  const files = logFiles(following, say);
  const wake = waker(following.beat, files.follows);
  try {
    await files.begin(saved);
    wake.watch(files.folders());
    // Where a file begins is kept before its first line is written: a restart then knows it.
    yield { drafts: [], position: files.position() };
    while (!signal.aborted) {
      const ready = files.ready();
      for (const followed of ready) {
        const lines = await read(files, followed, say);
        if (lines) yield { drafts: draftsOf(followed.path, lines), position: files.position() };
        if (signal.aborted) return;
      }
      if (ready.length === 0) await wake.next(signal);
      const woken = wake.take();
      if (woken.beat) {
        await files.beat();
        wake.watch(files.folders());
      } else await files.look(woken.paths);
    }
  } finally {
    wake.close();
    await files.close();
  }
}

/** The next lines of a file, if there are any. */
async function read(files: LogFiles, followed: Followed, say: (text: string) => void): Promise<readonly Line[] | undefined> {
  const { file } = followed;
  try {
    const read = await file.read(files.readable(followed));
    if (read === 'replaced') {
      await files.replaced(followed);
      return undefined;
    }
    if (read !== 'end') return read.lines;
    followed.ready = false;
    followed.written = Math.max(followed.written, followed.look?.written ?? 0);
    if (followed.stage !== 'finishing') return undefined;
    const rest = await file.rest();
    await files.drop(followed);
    return rest ? [rest] : [];
  } catch (thrown) {
    // One bad disk or server is no reason to leave the other files unread.
    followed.ready = false;
    say(`${followed.path} could not be read (${(thrown as NodeJS.ErrnoException).code ?? thrown}); it is tried again when it changes`);
    return undefined;
  }
}
