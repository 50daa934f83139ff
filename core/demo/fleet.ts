/**
 * A fleet in one process, that differs from a real one only in its monitors and clock: for tests, benches, and for a newcomer to
 * see many servers within a minute. One state and one way to the bus are shared by all hosts; everything else each has by itself.
 */
import type { Bus } from '../bus/bus.ts';
import { type Clock, systemClock } from '../clock.ts';
import { version } from '../installation.ts';
import { committer } from '../runtime/commit.ts';
import type { Watching } from '../runtime/context.ts';
import { lookMs } from '../runtime/looks.ts';
import type { Outbox } from '../runtime/outbox.ts';
import { openStore, type Transaction } from '../state/store.ts';
import { chance } from './chance.ts';
import { type Host, hostOf } from './host.ts';
import { type Ledger, ledger } from './ledger.ts';
import { lifeOf } from './life.ts';
import { monitorsOf } from './monitors.ts';
import { partOf } from './part.ts';
import { type Role, type Server, serverOf, serversOf } from './server.ts';
import { timeOf } from './time.ts';

export interface FleetOptions {
  /** Stays open: it is the caller's. */
  readonly bus: Bus;
  /** A directory for the spools of all. */
  readonly state: string;
  readonly servers: number;
  /** Points that each tells in a second. */
  readonly points: number;
  /** The same seed gives the same servers with the same lives. */
  readonly seed?: number;
  readonly clock?: Clock;
  /** Milliseconds between heartbeats. */
  readonly heartbeat?: number;
  /** Milliseconds that what a server tells waits for company. Default: as a process's own. */
  readonly linger?: number;
  readonly report?: Watching['report'];
}

export interface Fleet {
  /** By name: all that ever were. */
  readonly hosts: ReadonlyMap<string, Host>;
  /** All that was written: accepted by a spool. */
  readonly ledger: Ledger;
  /** One server more, which starts at once. */
  add(role: Role): Host;
  /** Of the present runs: events that wait in their spools, and those that the bus has confirmed. */
  readonly counts: { readonly waiting: number; readonly sent: number };
  /** All say goodbye, and have so many milliseconds to send what waits. Safe twice. */
  stop(reason: string, ms?: number): Promise<void>;
}

/** In how many groups hosts are spread over each second. */
const phases = 20;
/** How long a commit waits for others, in milliseconds. */
const gatherMs = 20;
const defaultHeartbeat = 5000;

/** Starts all servers of a fleet. */
export function startFleet({
  bus,
  state,
  servers: count,
  points,
  seed = 1,
  clock = systemClock,
  heartbeat = defaultHeartbeat,
  linger = bus.name === 'embedded' ? 0 : 1000,
  report = () => {},
}: FleetOptions): Fleet {
  const store = openStore(state);
  const time = timeOf(clock);
  const written = ledger();
  const hosts = new Map<string, Host>();
  /** Whose outboxes have something in the transaction at hand, and whose have something to take out in the next. */
  const touched = new Set<Outbox>();
  const due = new Set<Host>();
  const settle = (then: (outbox: Outbox) => void): void => {
    const all = [...touched];
    touched.clear();
    for (const outbox of all) then(outbox);
  };
  const commits = committer({
    store,
    clock,
    report,
    outbox: () => ({
      append: () => {},
      sweep(transaction) {
        for (const host of due) {
          host.sweep(transaction);
          if (host.outbox) touched.add(host.outbox);
        }
        due.clear();
      },
      committed: () => settle((outbox) => outbox.committed()),
      failed: () => settle((outbox) => outbox.failed()),
    }),
  });

  // Machines wait for their disks side by side: here all that comes within a few milliseconds waits for one disk once.
  let gathering: { readonly applies: ((transaction: Transaction) => void)[]; readonly done: Promise<void> } | undefined;
  const gathered = (apply: (transaction: Transaction) => void): Promise<void> => {
    if (!gathering) {
      const applies: ((transaction: Transaction) => void)[] = [];
      const done = clock.sleep(gatherMs).then(() => {
        gathering = undefined;
        return commits.commit({
          events: [],
          apply(transaction) {
            for (const each of applies) each(transaction);
          },
        });
      });
      gathering = { applies, done };
    }
    gathering.applies.push(apply);
    return gathering.done;
  };

  const hire = (server: Server): Host => {
    const index = hosts.size;
    const own = time.hostClock(((index % phases) * 1000) / phases);
    const life = lifeOf(server, seed);
    const host: Host = hostOf({
      ...{ life, clock: own, base: clock, heartbeat, linger, report, ledger: written, version: version() },
      part: partOf(store, index),
      luck: chance(seed, server.name, 'runs'),
      monitors: monitorsOf(life, { points, seed, now: own.now }),
      commit: (apply) => gathered(apply),
      touched: (outbox) => touched.add(outbox),
      bus,
      confirmed: () => due.add(host),
    });
    hosts.set(server.name, host);
    host.start();
    return host;
  };
  for (const server of serversOf(count, seed)) hire(server);
  if (linger > 0)
    bus.listen((topics) => {
      for (const { outbox } of hosts.values()) outbox?.look(topics, lookMs);
    });

  let ended: Promise<void> | undefined;
  const end = async (reason: string, ms: number | undefined): Promise<void> => {
    await Promise.all([...hosts.values()].map((host) => host.leave(reason, ms)));
    commits.stop();
    await store.close();
  };
  return {
    hosts,
    ledger: written,
    get counts() {
      let [waiting, sent] = [0, 0];
      for (const { outbox } of hosts.values()) {
        waiting += outbox?.counts.waiting ?? 0;
        sent += outbox?.counts.confirmed ?? 0;
      }
      return { waiting, sent };
    },
    add(role) {
      let number = 1;
      while (hosts.has(`${role}-${number}`)) number += 1;
      return hire(serverOf(role, `${role}-${number}`, hosts.size, seed));
    },
    stop(reason, ms) {
      ended ??= end(reason, ms);
      return ended;
    },
  };
}
