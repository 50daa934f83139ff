/**
 * Lines into VictoriaMetrics, so that what was written is there whatever happens to it. VictoriaMetrics answers before its disk
 * has the lines: for some seconds they are in its memory alone, and a `kill -9` loses them without a word. So they are held
 * here until it has lived on for a while, and are written again where it was started anew meanwhile. The same series at the same
 * time is the same sample to a reader, so what comes twice is seen once.
 *
 * Only where this process and VictoriaMetrics die within the same seconds are those seconds lost.
 */
import { messageOf, SluiceError } from 'sluice';
import type { Client, VictoriaState } from './client.ts';

export interface Feed {
  /** Resolves once VictoriaMetrics took the lines. Throws while it is away or full. */
  write(lines: string): Promise<void>;
  /** Lets go of what is safe, and writes again what a restart of VictoriaMetrics may have lost. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Newer versions put their memory onto the disk every 5 s. */
const settleMs = 10_000;
const mostHeldBytes = 64 * 1024 * 1024;
/** One request; VictoriaMetrics reads it as a stream. */
const mostLines = 8 * 1024 * 1024;

interface Held {
  readonly packed: Buffer;
  /** Which run of VictoriaMetrics had it. */
  started: string;
  /** How many looks have found that run alive since. */
  looks: number;
}

export function openFeed(client: Client, say: (text: string) => void, everyMs = settleMs): Feed {
  let held: Held[] = [];
  let bytes = 0;
  let started: string | undefined;
  let settling: Promise<void> | undefined;
  let closed = false;
  let flaw: string | undefined;
  /** Writes that wait until less is held. */
  const waiting: (() => void)[] = [];

  const look = async (): Promise<void> => {
    const state = await client.state();
    flaw = flawOf(client.url, state);
    if (flaw !== undefined) return;
    const before = started;
    started = state.started;
    for (const one of held) {
      if (one.started === state.started) one.looks += 1;
      else {
        await client.rewrite(one.packed);
        [one.started, one.looks] = [state.started, 0];
      }
    }
    if (before !== undefined && before !== started && held.length > 0)
      say(`VictoriaMetrics was started anew; what it may not have had on its disk was written again (${held.length} batches)`);
    // One look may come right after the writing; between two of them lies all of the time.
    held = held.filter(({ looks }) => looks < 2);
    bytes = held.reduce((sum, { packed }) => sum + packed.length, 0);
  };
  const settle = (): Promise<void> => {
    settling ??= look().finally(() => {
      settling = undefined;
    });
    return settling;
  };
  const goOn = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  // While it is away, the writes say so.
  const timer = setInterval(
    () =>
      void settle()
        .catch(() => {})
        .finally(goOn),
    everyMs,
  );
  timer.unref();

  return {
    settle,
    async write(lines) {
      if (started === undefined || flaw !== undefined) await settle();
      if (flaw !== undefined) throw new SluiceError(flaw);
      // Some seconds of the fastest fleets: the pipes hold what follows.
      while (bytes > mostHeldBytes && !closed) await new Promise<void>((resolve) => waiting.push(resolve));
      for (const part of partsOf(lines)) {
        const packed = await client.write(part);
        held.push({ packed, started: started ?? '', looks: 0 });
        bytes += packed.length;
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      goOn();
      if (held.length === 0) return;
      try {
        await settle();
        await client.flush();
      } catch (thrown) {
        say(`${messageOf(thrown)}; what was written in the last ${(2 * everyMs) / 1000} s may be lost`);
      }
    },
  };
}

/** Whole lines, as many as go in one request. */
function* partsOf(lines: string): Generator<string> {
  for (let from = 0; from < lines.length; ) {
    const near = lines.length - from <= mostLines ? lines.length : lines.lastIndexOf('\n', from + mostLines) + 1;
    const to = near > from ? near : lines.indexOf('\n', from) + 1 || lines.length;
    yield lines.slice(from, to);
    from = to;
  }
}

/** What to change where it was started so that it makes something else of what is written. */
function flawOf(url: string, { flags }: VictoriaState): string | undefined {
  const thinned = flags['dedup.minScrapeInterval'];
  if (thinned !== undefined && !['0s', '0', '', '1ms', '0.001'].includes(thinned))
    return `store: VictoriaMetrics at ${url} keeps one point for each ${thinned}; start it with -dedup.minScrapeInterval=1ms, or without`;
  const renaming = ['influxSkipSingleField', 'usePromCompatibleNaming', 'relabelConfig'].find(
    (name) => !['', 'false', undefined].includes(flags[name]),
  );
  return renaming && `store: VictoriaMetrics at ${url} changes the names that it is given; start it without -${renaming}`;
}
