/**
 * What happens to a fleet, and when. Flags as a person types them, or a story that runs by itself → acts in the order of time;
 * each says itself in a line when it comes.
 *
 *     web-3=30s@10s      web-3 for 30 seconds, 10 seconds after the start; without @ at once
 */
import { type Clock, duration, formatDuration } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Fleet } from './fleet.ts';
import type { Host } from './host.ts';

export interface Act {
  /** Milliseconds after the start. */
  readonly at: number;
  /** What a person reads when it happens; nothing for an end that its beginning has told. */
  readonly say?: string;
  run(): void;
}

/** Somebody, what is to happen to them, and when. */
interface Wish {
  readonly who: string;
  readonly what: string;
  readonly at: number;
}

export function readWish(flag: string, text: string, example: string): Wish {
  const [, who, what, when = '0s'] = /^([^=@]+)=([^@]+)(?:@(.+))?$/.exec(text) ?? [];
  const at = duration(when);
  if (!who || !what || at === undefined) throw new UsageError(`--${flag} ${text}: is none; write it as ${example}`);
  return { who, what, at };
}

export function readDuration(flag: string, text: string, example: string): number {
  const ms = duration(text);
  if (ms === undefined) throw new UsageError(`--${flag}: ${text} is no duration; write it as ${example}`);
  return ms;
}

/** The hosts that a word names: one, or several by a `*`. @throws UsageError when there are none. */
export function hostsNamed(fleet: Fleet, flag: string, word: string): Host[] {
  const parts = word.split('*');
  const fits = (name: string): boolean => {
    if (parts.length === 1) return name === word;
    const [first = '', last = ''] = [parts[0], parts.at(-1)];
    return name.length >= first.length + last.length && name.startsWith(first) && name.endsWith(last);
  };
  const found = [...fleet.hosts].filter(([name]) => fits(name)).map(([, host]) => host);
  if (found.length > 0) return found;
  throw new UsageError(`--${flag}: there is no server ${word}; there are ${[...fleet.hosts.keys()].slice(0, 8).join(', ')} …`);
}

export const hostsInRack = (fleet: Fleet, rack: string): Host[] =>
  [...fleet.hosts.values()].filter(({ life }) => life.server.labels.rack === rack);

const nameOf = ({ life }: Host): string => life.server.name;
export const named = (hosts: readonly Host[]): string =>
  hosts.length > 3 ? `${hosts.slice(0, 2).map(nameOf).join(', ')} and ${hosts.length - 2} more` : hosts.map(nameOf).join(', ');

/** Between two moments something is so. */
function during(
  hosts: readonly Host[],
  at: number,
  ms: number,
  begins: string,
  ends: string,
  set: (host: Host) => void,
  undo: (host: Host) => void,
): Act[] {
  return [
    { at, say: begins, run: () => hosts.forEach(set) },
    { at: at + ms, say: ends, run: () => hosts.forEach(undo) },
  ];
}

/** Power is lost: nobody says goodbye. */
export const outage = (hosts: readonly Host[], at: number, ms: number, who = named(hosts)): Act[] =>
  during(
    hosts,
    at,
    ms,
    `${who}: no power for ${formatDuration(ms)}`,
    `${who}: power is back`,
    (host) => host.crash(),
    (host) => host.start(),
  );

/** The network is cut: what is measured meanwhile waits in the spool. */
export const cut = (hosts: readonly Host[], at: number, ms: number): Act[] =>
  during(
    hosts,
    at,
    ms,
    `${named(hosts)}: cut off from the network for ${formatDuration(ms)}; what it measures waits in its spool`,
    `${named(hosts)}: the network is back, and so is what waited`,
    (host) => host.cut(),
    (host) => host.heal(),
  );

export const errors = (hosts: readonly Host[], at: number, ms: number, share: number): Act[] =>
  during(
    hosts,
    at,
    ms,
    `${named(hosts)}: ${Math.round(share * 100)} % of the requests fail`,
    `${named(hosts)}: well again`,
    ({ life }) => {
      life.trouble.errors = share;
    },
    ({ life }) => {
      life.trouble.errors = 0;
    },
  );

/** So many times what it usually says. */
export const burst = (hosts: readonly Host[], at: number, ms: number, times: number): Act[] =>
  during(
    hosts,
    at,
    ms,
    `${named(hosts)}: ${times} times as much to tell for ${formatDuration(ms)}`,
    `${named(hosts)}: as talkative as ever`,
    ({ life }) => {
      life.trouble.repeats = times;
      life.trouble.traffic = Math.min(1.8, times);
    },
    ({ life }) => {
      life.trouble.repeats = 1;
      life.trouble.traffic = 1;
    },
  );

export const scan = (hosts: readonly Host[], at: number, ms: number, intruder: string): Act[] =>
  during(
    hosts,
    at,
    ms,
    `${named(hosts)}: ${intruder} tries its doors`,
    `${named(hosts)}: ${intruder} has gone`,
    ({ life }) => {
      life.trouble.intruder = intruder;
    },
    ({ life }) => {
      life.trouble.intruder = undefined;
    },
  );

/** Fills so much of a mount each second; afterwards somebody makes room. */
export const fill = (host: Host, mount: string, at: number, ms: number, perSecond: number): Act[] => {
  const set = (share: number) => (): void => void host.life.trouble.filling.set(mount, share);
  return [
    { at, say: `${nameOf(host)}: ${mount} fills up`, run: set(perSecond) },
    { at: at + ms, say: `${nameOf(host)}: somebody makes room on ${mount}`, run: set(-perSecond) },
    { at: at + 2 * ms, run: set(0) },
  ];
};

export const skew = (hosts: readonly Host[], at: number, ms: number): Act => ({
  at,
  say:
    ms === 0
      ? `${named(hosts)}: the clock is right again`
      : `${named(hosts)}: the clock goes wrong by ${ms < 0 ? '-' : '+'}${formatDuration(Math.abs(ms))}`,
  run() {
    for (const { clock } of hosts) clock.skew = ms;
  },
});

/** Short-lived servers: each comes, works for `stay` and says goodbye. */
export function churn(fleet: Fleet, at: number, stay: number, say: (text: string) => void, count = 1): Act[] {
  let hired: Host[] = [];
  return [
    {
      at,
      run() {
        hired = Array.from({ length: count }, () => fleet.add('worker'));
        say(`${named(hired)}: hired for ${formatDuration(stay)}`);
      },
    },
    {
      at: at + stay,
      run() {
        say(`${named(hired)}: done, and says goodbye`);
        for (const host of hired) void host.leave('scale-in');
      },
    },
  ];
}

export interface Play {
  stop(): void;
}

/** Lets acts happen. `say` gets what a person should read, with the time since the start. */
export function play(acts: readonly Act[], clock: Clock, say: (text: string) => void): Play {
  const cancels = acts.map((act) =>
    clock.after(act.at, () => {
      act.run();
      if (act.say !== undefined) say(act.say);
    }),
  );
  return {
    stop() {
      for (const cancel of cancels) cancel();
    },
  };
}
