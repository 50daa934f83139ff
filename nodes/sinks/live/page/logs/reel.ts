/**
 * What a log shows, as it comes and goes: the tail while it is live, the past where a time was chosen, older lines when the reader goes
 * back to them. It says honestly what it leaves out.
 */
import { type Cell, cell } from '../parts/cell.ts';
import { formatAge } from '../parts/format.ts';
import { now } from '../parts/time.ts';
import type { Frame, Note, Line as Wire } from '../wire/line.ts';
import { askLines, plain } from './past.ts';
import { type Counts, createRoll, type Line, markOf, type Roll } from './roll.ts';

/** How many lines a second came, fit, and were not shown. */
export interface Rates {
  readonly seen: number;
  readonly unread: number;
  readonly matched: number;
  readonly notShown: number;
}

export interface Reel {
  readonly roll: Roll;
  /** Changes with the lines, not oftener than one can read. */
  readonly changed: Cell<number>;
  /** Changes with all the rest but the rates: far less often. */
  readonly status: Cell<string>;
  /** Lines by second since 1970. */
  readonly counts: ReadonlyMap<number, Counts>;
  readonly rates: Rates | undefined;
  /** What is wrong with what was asked. */
  readonly error: string;
  /** `none`: nothing came yet. `older`: lines are being fetched. */
  readonly state: 'none' | 'shown' | 'older';
  /** A time was chosen: what is shown ends there. */
  readonly past: boolean;
  /** There is nothing older than the first row. */
  readonly begins: boolean;
  /** Lines that came while it stands still. */
  readonly behind: number;
  /** Asks anew. `at`: up to when; undefined: live. */
  ask(wanted: Readonly<Record<string, unknown>>, at: number | undefined): void;
  /** Stands still as it is, and goes on. */
  hold(still: boolean): void;
  older(): void;
  newer(): void;
  close(): void;
}

interface TailFrame {
  readonly lines?: readonly Line[];
  readonly counts?: readonly (readonly [second: number, ...Counts])[];
  readonly second?: Rates;
  readonly since?: number;
  readonly matched?: number;
  readonly missed?: number;
}

/** Milliseconds between two pictures, and where lines run past faster than anyone reads: the rest of the page stays smooth. */
const paceMs = { calm: 50, flood: 125 };
const pageLines = 300;
/** Lines that are kept for a reader who stands still. */
const mostHeld = 5_000;
const mostSeconds = 4_000;

export function createReel(wire: Wire): Reel {
  const roll = createRoll();
  const changed = cell(0);
  const status = cell('');
  let counts = new Map<number, Counts>();
  let rates: Rates | undefined;
  let error = '';
  let state: Reel['state'] = 'none';
  let begins = false;
  let still = false;
  let held: Line[] = [];
  let missed = 0;
  let behind = 0;
  let wanted: Readonly<Record<string, unknown>> = {};
  let until: number | undefined;
  let searched: number | undefined;
  let end = () => {};
  let asking = new AbortController();
  let pacing = 0;

  const show = () => {
    if (pacing === 0)
      pacing = window.setTimeout(
        () => {
          pacing = 0;
          changed.set(changed.value + 1);
          status.set(JSON.stringify([state, error, begins, until, still, roll.rows.length === 0]));
        },
        rates && rates.notShown > 0 ? paceMs.flood : paceMs.calm,
      );
  };
  const take = (lines: readonly Line[]) => {
    if (!still) return roll.append(lines);
    behind += lines.length;
    held.push(...lines);
    if (held.length <= mostHeld) return;
    missed += held.length - mostHeld;
    held = held.slice(-mostHeld);
  };
  const hear = (frame: TailFrame & Frame, { first, silentSince }: Note) => {
    if (frame.error !== undefined) {
      error = plain(frame.error);
      return show();
    }
    const lines = frame.lines ?? [];
    if (first) {
      if (silentSince === undefined) {
        roll.clear();
        counts = new Map();
      } else if (!goesOn(frame, lines, silentSince)) {
        const until = Math.max(silentSince + 1, lines[0]?.at ?? now());
        roll.mark(`${formatAge(Math.max(1000, until - silentSince))} may be missing: there was no connection to sluice`);
      }
      error = '';
      if (state === 'none') state = 'shown';
    }
    if (frame.missed) roll.mark(`${frame.missed.toLocaleString('en')} lines are not shown: this page read too slowly`);
    take(lines);
    for (const [second, ...of] of frame.counts ?? []) count(second, of as Counts);
    if (frame.second) rates = frame.second;
    show();
  };
  /** Whether a first frame has all that came since: what it begins with is known here, or it has all that is remembered, from before. */
  const goesOn = ({ since, matched }: TailFrame, lines: readonly Line[], silent: number): boolean =>
    lines.some((line) => roll.has(line)) || (since !== undefined && since <= silent && (matched ?? 0) <= lines.length);
  const count = (second: number, told: Counts) => {
    // The tail counts from when it was opened, memory from before: of the second in which they meet the larger is the truer.
    const before = counts.get(second);
    const of = before ? (told.map((many, rank) => Math.max(many, before[rank as 0])) as Counts) : told;
    counts.delete(second);
    counts.set(second, of);
    for (const oldest of counts.keys()) {
      if (counts.size <= mostSeconds) break;
      counts.delete(oldest);
    }
  };
  const fail = (thrown: unknown) => {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') return;
    error = plain(thrown instanceof Error ? thrown.message : String(thrown));
    state = 'shown';
    show();
  };
  /** Another page of the past; one at a time. */
  const fetchPage = (where: Readonly<Record<string, string>>, then: (page: Awaited<ReturnType<typeof askLines>>) => void) => {
    if (state === 'older') return;
    state = 'older';
    show();
    const { signal } = asking;
    askLines(wanted, { limit: String(pageLines), ...where }, signal).then((page) => {
      if (signal.aborted) return;
      state = 'shown';
      error = '';
      then(page);
      show();
    }, fail);
  };
  const older = () => {
    const first = roll.rows.find(({ line }) => line)?.line;
    if (begins || error !== '' || (!first && until === undefined && searched === undefined)) return;
    const where: Record<string, string> =
      searched !== undefined ? { to: String(searched) } : first ? { before: markOf(first) } : { to: String((until ?? 0) + 1) };
    fetchPage(where, (page) => {
      // Where it gave up before it had enough, it goes on from there.
      searched = page.lines.length < pageLines && page.more ? page.searched : undefined;
      begins = !page.more;
      roll.prepend([...page.lines].reverse());
    });
  };

  return {
    roll,
    changed,
    status,
    get counts() {
      return counts;
    },
    get rates() {
      return until === undefined ? rates : undefined;
    },
    get error() {
      return error;
    },
    get state() {
      return state;
    },
    get past() {
      return until !== undefined;
    },
    get begins() {
      return begins;
    },
    get behind() {
      return behind;
    },
    ask(asked, at) {
      end();
      asking.abort();
      asking = new AbortController();
      [wanted, until, begins, still, held, missed, behind, error, searched] = [asked, at, false, false, [], 0, 0, '', undefined];
      rates = undefined;
      state = 'none';
      end = () => {};
      if (at === undefined) {
        end = wire.ask<TailFrame>({ tail: asked }, hear);
        return show();
      }
      roll.clear();
      counts = new Map();
      older();
    },
    hold(hold) {
      if (still === hold || until !== undefined) return;
      still = hold;
      if (hold) return;
      if (missed > 0) roll.mark(`${missed.toLocaleString('en')} lines came while this stood still, and are not shown`);
      roll.append(held);
      [held, missed, behind] = [[], 0, 0];
      show();
    },
    older,
    newer() {
      const last = roll.rows.findLast(({ line }) => line)?.line;
      if (until === undefined || !last || error !== '') return;
      fetchPage({ after: markOf(last) }, (page) => roll.append([...page.lines].reverse()));
    },
    close() {
      end();
      asking.abort();
      clearTimeout(pacing);
    },
  };
}
