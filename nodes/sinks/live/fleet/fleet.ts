/**
 * The servers as the page lists them: for each one compact row, made of what the roster says, its processes and nodes say, and
 * what fires there. A process that beats beside its server's agent belongs to that server; where there is no agent, what beats
 * is a hub: shown, and not counted as a server.
 *
 * state, metric and heartbeat events → rows, each with the period of a second in which it changed last, so that whoever looks
 * asks for what is newer than what he has. Bounded in hosts and in what each may say.
 */
import type { Event } from 'sluice';
import { factsOf, gistOf, type Heard, type Said } from './facts.ts';
import { createValues, type ShareName, shareNames, type Values } from './values.ts';

/** A row with its number in frames. What is stamped with a period changed in it. */
export interface Row {
  readonly n: number;
  readonly id: string;
  /** JSON of its facts, without the braces. */
  readonly text: string;
  readonly textAt: number;
  readonly shares: Readonly<Partial<Record<ShareName, number>>>;
  readonly sharesAt: Readonly<Partial<Record<ShareName, number>>>;
  readonly spark: () => readonly (number | null)[];
  /** When it beat last. Undefined: never since this process began. */
  readonly heardAt: number | undefined;
}

export interface Fleet {
  /** Takes states only of which it is known that they fit their schemas. */
  take(event: Event): void;
  /** A second has passed: its period ends. */
  tick(): void;
  /** Periods that ended. */
  readonly period: number;
  /** The last period in which anything changed. */
  readonly changed: number;
  /** Each server that is known, up to now. */
  rows(): Row[];
  /** Those that went after that period; undefined where that is no longer known. */
  goneSince(period: number): { readonly n: number; readonly id: string }[] | undefined;
  /** Hosts past the bound, of which nothing is kept. */
  readonly refused: number;
}

const mostGone = 1000;
const mostSaid = 256;
const sweepTicks = 30;

type Known = { -readonly [Each in keyof Row]: Row[Each] } & {
  shares: Partial<Record<ShareName, number>>;
  sharesAt: Partial<Record<ShareName, number>>;
};
interface Host extends Heard {
  values: Values | undefined;
  beat: number | undefined;
  row: Known | undefined;
}

export function createFleet(limits: { readonly ticks: number; readonly hosts: number }): Fleet {
  const hosts = new Map<string, Host>();
  const dirty = new Set<Host>();
  let gone: { n: number; id: string; at: number }[] = [];
  let forgotten = -1;
  let [count, period, changed, refused] = [0, 0, 0, 0];

  const hostOf = (id: string): Host | undefined => {
    const known = hosts.get(id);
    if (known) return known;
    if (hosts.size >= limits.hosts) {
      refused++;
      return undefined;
    }
    const host: Host = {
      id,
      servers: new Map(),
      nodes: new Map(),
      alerts: new Map(),
      values: undefined,
      beat: undefined,
      row: undefined,
    };
    hosts.set(id, host);
    return host;
  };

  const takeState = ({ key, data: { of, value } }: Event<'state'>) => {
    if (of !== 'server' && of !== 'node' && of !== 'alert') return;
    const [id, rest] = splitKey(key);
    const host = value === null ? hosts.get(id) : hostOf(id);
    if (!host) return;
    // `server` and what of it, so that the agent's is ''.
    const name = of === 'server' ? rest.replace(/^server\.?/, '') : key;
    const said: Map<string, Said<unknown>> = of === 'server' ? host.servers : of === 'node' ? host.nodes : host.alerts;
    said.delete(name);
    if (value !== null && said.size < mostSaid) said.set(name, { value: gistOf(of, value), tick: period });
    dirty.add(host);
  };

  /** What was said of a host is written anew; who has nothing left has no row. */
  const settle = () => {
    for (const host of dirty) {
      const facts = factsOf(host);
      if (!facts) {
        if (host.row) {
          gone.push({ n: host.row.n, id: host.id, at: period + 1 });
          changed = period + 1;
        }
        host.row = undefined;
        continue;
      }
      host.row ??= newRow(host, count++);
      const { row } = host;
      const text = JSON.stringify(facts).slice(1, -1);
      if (!sameButSeen(text, row.text)) row.textAt = changed = period + 1;
      row.text = text;
    }
    dirty.clear();
    const lost = gone.length - mostGone;
    if (lost > 0) {
      forgotten = gone[lost - 1]?.at ?? forgotten;
      gone = gone.slice(lost);
    }
  };
  const noteShares = () => {
    for (const { row, values } of hosts.values()) {
      if (!row || !values) continue;
      for (const name of shareNames) {
        const share = values.share(name, period);
        if (row.shares[name] === share) continue;
        if (share === undefined) delete row.shares[name];
        else row.shares[name] = share;
        row.sharesAt[name] = changed = period + 1;
      }
    }
  };
  const sweep = () => {
    for (const [id, host] of hosts) {
      let old = 0;
      for (const said of [host.servers, host.nodes, host.alerts] as Map<string, Said<unknown>>[]) {
        for (const [name, { tick }] of said) {
          if (period - tick <= limits.ticks) continue;
          said.delete(name);
          old++;
        }
      }
      if (old > 0) dirty.add(host);
      if (host.values && period - host.values.tick > limits.ticks) host.values = undefined;
      if (host.servers.size + host.nodes.size + host.alerts.size === 0 && !host.values && !host.row) hosts.delete(id);
    }
  };

  return {
    take(event) {
      if (event.kind === 'state') takeState(event);
      else if (event.kind === 'heartbeat') {
        const host = hosts.get(splitKey(event.key)[0]);
        if (!host || !speaksFor(host, event.key)) return;
        host.beat = period + 1;
        if (host.row) host.row.heardAt = changed = period + 1;
      } else if (event.kind === 'metric') {
        // Who is no server may tell what it likes: figures are kept of servers alone.
        const host = hosts.get(splitKey(event.key)[0]);
        if (!host) return;
        host.values ??= createValues();
        host.values.take(event.data.points, event.time, period);
      }
    },
    tick() {
      if (period % sweepTicks === 0) sweep();
      settle();
      noteShares();
      period++;
    },
    get period() {
      return period;
    },
    get changed() {
      return changed;
    },
    rows() {
      settle();
      const rows: Row[] = [];
      for (const { row } of hosts.values()) if (row) rows.push(row);
      return rows;
    },
    goneSince: (since) => (since < forgotten ? undefined : gone.filter(({ at }) => at > since)),
    get refused() {
      return refused;
    },
  };
}

function newRow(host: Host, n: number): Known {
  return {
    n,
    id: host.id,
    text: '',
    textAt: 0,
    shares: {},
    sharesAt: {},
    spark: () => host.values?.spark() ?? [],
    heardAt: host.beat,
  };
}

/** Whether that heartbeat is the one that the row's state is about. */
const speaksFor = ({ servers }: Host, key: string): boolean => (servers.has('') ? splitKey(key)[1] === '' : servers.size > 0);

/** The roster says each minute when a server was heard last; heartbeats say it sooner, so that alone is no news. */
const sameButSeen = (one: string, other: string): boolean => one.replace(seen, '') === other.replace(seen, '');
const seen = /"seen":\d+/;

/** A key → `company.system.environment.host`, and the words after it. */
function splitKey(key: string): readonly [host: string, rest: string] {
  let at = -1;
  for (let dots = 0; dots < 4; dots++) {
    at = key.indexOf('.', at + 1);
    if (at < 0) return [key, ''];
  }
  return [key.slice(0, at), key.slice(at + 1)];
}
