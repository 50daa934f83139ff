/**
 * One simulated server at work: the runtime's own parts (author, monitors, spool, outbox, heartbeat, health, goodbye), each of the
 * host's own, over a part of one state that all hosts share. Only what the monitors see and the clock are made up.
 *
 *     off ──start──▶ up ──leave──▶ off (said goodbye)
 *                     └──crash──▶ off (said nothing; the spool stays, as on a disk)
 */
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import type { Kind } from '../kinds.ts';
import type { AnyMonitor } from '../node.ts';
import { type Author, author } from '../runtime/author.ts';
import type { Committer } from '../runtime/commit.ts';
import type { Placed, Running, Watching } from '../runtime/context.ts';
import { health } from '../runtime/health.ts';
import { type Heartbeat, startHeartbeat } from '../runtime/heartbeat.ts';
import { phaseOf } from '../runtime/linger.ts';
import { runMonitor } from '../runtime/monitor.ts';
import { type Outbox, outbox } from '../runtime/outbox.ts';
import { type Standing, startStanding } from '../runtime/standing.ts';
import { healthTeller } from '../runtime/telling.ts';
import { noWatchdog } from '../runtime/watchdog.ts';
import type { Transaction } from '../state/store.ts';
import type { Chance } from './chance.ts';
import { gateTo } from './gate.ts';
import type { Ledger } from './ledger.ts';
import type { Life } from './life.ts';
import type { Part } from './part.ts';
import type { HostClock } from './time.ts';

export interface HostOptions {
  readonly life: Life;
  readonly clock: HostClock;
  /** The fleet's own. */
  readonly base: Clock;
  readonly bus: Bus;
  readonly part: Part;
  /** Commits what any host has ready, with all the others' of the same turn. */
  readonly commit: (apply: (transaction: Transaction) => void) => Promise<void>;
  /** Something of this host's outbox is in the transaction at hand. */
  readonly touched: (outbox: Outbox) => void;
  /** The bus has confirmed something, which is to leave the spool with the next transaction. */
  readonly confirmed: () => void;
  readonly ledger: Ledger;
  readonly luck: Chance;
  readonly monitors: readonly AnyMonitor[];
  /** Milliseconds between heartbeats. */
  readonly heartbeat: number;
  /** Milliseconds that metrics, logs and stats wait for company. */
  readonly linger: number;
  readonly version: string;
  readonly report: Watching['report'];
}

export interface Host {
  readonly life: Life;
  readonly clock: HostClock;
  readonly up: boolean;
  /** Of its present run; of the last one while it is off. */
  readonly bootid: string;
  readonly outbox: Outbox | undefined;
  start(): void;
  /** The plug is pulled: not a word. */
  crash(): void;
  /** Ends as a process should: says goodbye, and waits until that is sent, but not for long. */
  leave(reason: string, ms?: number): Promise<void>;
  /** Its network is gone, and comes back. */
  cut(): void;
  heal(): void;
  /** Takes part in a transaction: what the bus has confirmed leaves the spool. */
  sweep(transaction: Transaction): void;
}

/** How often all counts are told anew, in milliseconds, as the runtime does; and what its last words are given. */
const freshenMs = 30_000;
const drainMs = 800;

export function hostOf(options: HostOptions): Host {
  const { life, clock, base, bus, part, commit, touched, ledger, luck, monitors, heartbeat: every, linger, version, report } = options;
  const { name, place, labels } = life.server;
  const gate = gateTo(bus, base, options.confirmed);
  let out: Outbox | undefined;
  let bootid = '';
  let running: Running[] = [];
  let beats: Heartbeat | undefined;
  let standing: Standing | undefined;
  let ends: (() => void)[] = [];
  /** Of the run: false from the moment at which it can say no more. */
  let alive = { speaks: false };

  const placedOf = (node: AnyMonitor, changed: (placed: Placed) => void): Placed<AnyMonitor> => {
    const identity = {
      ...{ name: node.name, use: node.name, sort: node.sort, doc: node.doc, host: name, process: bootid },
      ...{ in: [], out: [...node.out], every: node.every },
    };
    const placed: Placed<AnyMonitor> = {
      ...{ name: node.name, use: node.name, node, config: {}, confighash: '', reads: [], every: node.every },
      health: health(identity, clock, () => changed(placed)),
    };
    return placed;
  };

  const start = (): void => {
    if (alive.speaks) return;
    const now = { speaks: true };
    alive = now;
    // Runs sort by their beginning, and two of one beginning are told apart.
    bootid = `${clock.now().toString(36)}-${bootWord(luck)}`;
    const origin = { place, host: name, bootid };
    life.boot(clock.now());
    const own = outbox({
      ...{ store: part, bus: gate.bus, clock: { ...base, now: clock.now } },
      report: (level, text) => level !== 'info' && report(level, `${name}: ${text}`),
      ...{ linger, phase: phaseOf(origin) },
      dead: (reason, { kind }) => report('error', `${name}: a ${kind} cannot be sent: ${reason.message}`),
    });
    out = own;
    const committer: Committer = {
      async commit({ events, apply }) {
        if (!now.speaks) throw new Error(`${name} is off`);
        let kept = false;
        await commit((transaction) => {
          // What the power cut came before was never kept.
          if (!now.speaks) return;
          kept = true;
          const within = part.within(transaction);
          apply?.(within);
          own.append(within, events);
          touched(own);
        });
        if (!kept) throw new Error(`${name} is off`);
        ledger.note(events);
      },
      stop() {},
    };
    const authors = new Map<string, Author>();
    const written = new Map<Kind, number>();
    const authorOf = (node: string): Author => {
      const known = authors.get(node) ?? author(origin, node, written);
      authors.set(node, known);
      return known;
    };
    const context: Watching = {
      ...{ origin, clock, store: part, bus: gate.bus, committer, outbox: own, authorOf },
      ...{ watchdog: noWatchdog, filters: [], keeping: {} },
      isolation: { clock, limitMs: Number.POSITIVE_INFINITY, report },
      report: (level, text) => level === 'error' && now.speaks && report(level, `${name}: ${text}`),
    };
    const tell = healthTeller({ clock, committer: () => committer, author: () => authorOf('sluice') });
    const placed = monitors.map((monitor) => placedOf(monitor, (changed) => tell([changed])));
    own.start();
    standing = startStanding(context, { version, linger, written });
    beats = startHeartbeat(context, { every, about: [], labels, version });
    running = placed.map((one) => runMonitor(context, one));
    ends = [clock.every(freshenMs, () => tell(placed))];
  };
  /** Nothing more is measured; resolves when the last sample is done with. */
  const halt = async (): Promise<void> => {
    for (const end of ends.splice(0)) end();
    await Promise.all(running.splice(0).map((one) => one.stop()));
  };

  return {
    life,
    clock,
    get up() {
      return alive.speaks;
    },
    get bootid() {
      return bootid;
    },
    get outbox() {
      return out;
    },
    start,
    crash() {
      if (!alive.speaks) return;
      alive.speaks = false;
      beats?.cease();
      void standing?.stop();
      void halt();
      out?.stop();
      out = undefined;
    },
    async leave(reason, ms = drainMs) {
      if (!alive.speaks) return;
      const [own, leaving] = [out, alive];
      await halt();
      await standing?.stop();
      await beats?.goodbye(reason);
      await own?.drained(ms);
      leaving.speaks = false;
      own?.stop();
      if (out === own) out = undefined;
    },
    cut: gate.cut,
    heal: gate.heal,
    sweep: (transaction) => out?.sweep(part.within(transaction)),
  };
}

/** Chance alone names runs, so that a seed names them too. */
const bootWord = (luck: Chance): string => Array.from({ length: 10 }, () => luck.below(16).toString(16)).join('');
