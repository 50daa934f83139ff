/**
 * Says when to look again: at once when the kernel reports a change in a folder that is watched, and at a slow beat in
 * any case, since a network's file system reports nothing. Looks are kept a little apart: of a thousand writes in a
 * moment, the first wakes and the others are read together.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';

/** What there is to look at: all files at a beat, else the paths that changed. */
export type Woken = { readonly beat: true } | { readonly beat: false; readonly paths: readonly string[] };

export interface Waker {
  /** Watches these folders from now on, and no others. */
  watch(folders: ReadonlySet<string>): void;
  /** Resolves when there is something to look at, or the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
  /** What there is to look at since it was last asked. */
  take(): Woken;
  close(): void;
}

const apartMs = 25;
/** What is more is left to the beat. */
const mostPaths = 1000;

/** Changes of content are told for the paths that concern someone; names that come and go always. */
export function waker(beatMs: number, concerns: (path: string) => boolean): Waker {
  const watchers = new Map<string, FSWatcher>();
  let paths = new Set<string>();
  let beat = false;
  let resting: NodeJS.Timeout | undefined;
  let wake: (() => void) | undefined;

  const rouse = (): void => {
    if (resting || !wake || (!beat && paths.size === 0)) return;
    wake();
  };
  const timer = setInterval(() => {
    beat = true;
    rouse();
  }, beatMs);

  const drop = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  const add = (folder: string): void => {
    try {
      const watcher = watch(folder, { persistent: false }, (change, name) => {
        const path = name === null ? folder : join(folder, name);
        if (change === 'change' && !concerns(path)) return;
        if (paths.size < mostPaths) paths.add(path);
        rouse();
      });
      watcher.on('error', () => drop(folder));
      watchers.set(folder, watcher);
    } catch {
      // Absent, forbidden, or no watches left: the beat serves it.
    }
  };

  return {
    watch(folders) {
      for (const folder of watchers.keys()) if (!folders.has(folder)) drop(folder);
      for (const folder of folders) if (!watchers.has(folder)) add(folder);
    },
    next(signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        wake = () => {
          wake = undefined;
          signal.removeEventListener('abort', aborted);
          resting = setTimeout(() => {
            resting = undefined;
            rouse();
          }, apartMs);
          resolve();
        };
        const aborted = (): void => wake?.();
        signal.addEventListener('abort', aborted, { once: true });
        rouse();
      });
    },
    take() {
      const woken: Woken = beat ? { beat } : { beat: false, paths: [...paths] };
      beat = false;
      paths = new Set();
      return woken;
    },
    close() {
      clearInterval(timer);
      clearTimeout(resting);
      for (const folder of [...watchers.keys()]) drop(folder);
    },
  };
}
