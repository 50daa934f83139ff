/**
 * Finds the event that kills the process. After a run that died, what the broker delivers again is handled with care: one node at
 * a time, each event written down before it is handled. Should the process die again, the next run knows what it died of, and
 * dead-letters that alone.
 *
 *     died ──▶ run with care: events noted ──▶ died amid several ──▶ those one by one ──▶ died amid one ──▶ dead-lettered
 *
 * A run that ends well leaves nothing behind. A death that somebody else inflicts (kill -9) proves nothing.
 */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Delivery } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { Reject } from '../errors.ts';
import { kinds } from '../kinds.ts';

export interface Suspicion {
  /** Whether a delivery may be what an earlier run died of: it is then to be handled by itself, with `alone`. */
  suspects(delivery: Delivery): boolean;
  /** Why a node must not be given this again, if it must not. */
  verdict(node: string, what: string): Reject | undefined;
  /** Whether an earlier run died amid several of which this is one. */
  parted(node: string, what: string): boolean;
  /** Does this work with nothing else that is suspect beside it, for as long as that takes or a moment. */
  alone(node: string, whats: readonly string[], work: () => Promise<void>): Promise<void>;
  /** Within that: the one event that the node is handling. */
  at(node: string, what: string): void;
  /** The process ends well. */
  stop(): void;
}

export interface SuspicionOptions {
  /** The state directory. */
  readonly state: string;
  readonly clock: Clock;
  /** How the earlier run ended, where whoever started this one saw it: a signal, or an exit code. */
  readonly died: string | undefined;
  /** Whether the bus tells what it delivers again. */
  readonly tells: boolean;
}

interface Noted {
  readonly node: string;
  readonly whats: readonly string[];
}
interface Strike extends Noted {
  readonly at: number;
  readonly count: number;
}

/** In the state directory: what earlier runs died amid, while a run lasts; and what is being handled. */
const record = 'unclean.json';
const handling = 'handling.json';
const rememberMs = 3_600_000;
/** Where nobody tells which deliveries are repeats, all are suspect for this long after the start. */
const freshMs = 60_000;
/** A sink that only waits for its database holds up nobody else's suspects for longer. */
const aloneMs = 2000;
/** How often the process must have died amid one event: once, where it is known that nobody else ended it. */
const proven = 2;

export function suspect({ state, clock, died, tells }: SuspicionOptions): Suspicion {
  const file = join(state, record);
  const now = clock.now();
  const earlier = readJson<Strike[]>(file);
  const careful = earlier !== undefined;
  const strikes = strikesOf(earlier, readJson<Noted>(join(state, handling)), died, now);
  attempt(() => writeFileSync(file, JSON.stringify(strikes), { mode: 0o600 }));
  attempt(() => rmSync(join(state, handling), { force: true }));
  const began = clock.monotonic();
  const noting = careful ? attempt(() => openSync(join(state, handling), 'w', 0o600)) : undefined;
  let line: Promise<unknown> = Promise.resolve();
  let current: object | undefined;
  let currentNode: string | undefined;

  const note = (noted: Noted | undefined): void => {
    currentNode = noted?.node;
    if (noting !== undefined) attempt(() => writeSync(noting, `${noted ? JSON.stringify(noted) : ''}\n`, 0));
  };
  return {
    suspects({ redelivered, message }) {
      if (!careful) return false;
      const told = tells && kinds[message.kind].delivery !== 'state';
      return redelivered || (!told && clock.monotonic() - began < freshMs);
    },
    verdict(node, what) {
      const found = strikes.find((one) => one.node === node && one.count >= proven && one.whats.length === 1 && one.whats[0] === what);
      return found && new Reject(`${node}: the process died of it`);
    },
    parted: (node, what) => strikes.some((one) => one.node === node && one.whats.length > 1 && one.whats.includes(what)),
    async alone(node, whats, work) {
      const before = line;
      let done = (): void => {};
      line = new Promise<void>((resolve) => {
        done = resolve;
      });
      await before;
      const mine = {};
      current = mine;
      note({ node, whats });
      const end = (): void => {
        if (current === mine) note(undefined);
        done();
      };
      const cancel = clock.after(aloneMs, end);
      try {
        await work();
      } finally {
        cancel();
        end();
      }
    },
    at(node, what) {
      if (currentNode === node) note({ node, whats: [what] });
    },
    stop() {
      attempt(() => (noting === undefined ? undefined : closeSync(noting)));
      attempt(() => rmSync(file, { force: true }));
      attempt(() => rmSync(join(state, handling), { force: true }));
    },
  };
}

/** What is held against whom, with what the last run died amid. */
function strikesOf(earlier: readonly Strike[] | undefined, last: Noted | undefined, died: string | undefined, now: number): Strike[] {
  const known = Array.isArray(earlier) ? earlier.filter(({ at }) => now - at < rememberMs).slice(-20) : [];
  // Somebody's kill -9 looks like the kernel's, out of memory: it counts for half, as does a death that nobody saw.
  const weight = died === undefined || died === 'SIGKILL' ? 1 : proven;
  if (!last || !Array.isArray(last.whats) || last.whats.length === 0) return known;
  const same = (one: Noted) => one.node === last.node && JSON.stringify(one.whats) === JSON.stringify(last.whats);
  const before = known.find(same)?.count ?? 0;
  return [...known.filter((one) => !same(one)), { node: last.node, whats: last.whats, at: now, count: before + weight }];
}

/** A disk that is full makes this run less careful, and no worse. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** The first line of a file. */
function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8').split('\n')[0] ?? '') as T;
  } catch {
    return undefined;
  }
}
