/**
 * `graph`: the running graph, with what flows in it.
 *
 *     {"id": "g", "graph": {"servers": ["acme.shop.prod.web-1"]}}  → {"set": {"node cpu": {…}, …}, "all": true}
 *     {"id": "h", "graph": {"of": "cpu"}}                          → each node of that name: {"set": {"host <key>": {…}}, "total": 250}
 *
 * Then, once a second, what changed: {"set": {…}, "gone": ["node cpu"]}. Whoever fell behind gets all of it again.
 */
import {
  conditionOf,
  type Keyed,
  type LedgerState,
  messageOf,
  type NodeState,
  type ProcessState,
  processName,
  type Services,
  serverOf,
  silentOf,
  waysOf,
  z,
} from 'sluice';
import type { Body, Channel, ChannelSort } from '../channel.ts';
import type { Looker } from '../looker.ts';
import { measure } from '../measured.ts';
import { type Meter, rateOf, type Stream } from '../meter.ts';
import type { Present } from '../present.ts';

const name = z.string().min(1).max(255);
const request = z.strictObject({
  /** Only what is about these, by their keys: `company.system.environment.host`. */
  servers: z.array(name).max(100).optional(),
  /** Each node of this name by itself; `sluice`: each process. */
  of: name.optional(),
});

export interface GraphSources {
  readonly present: Present;
  readonly meter: Meter;
  readonly services?: Services | undefined;
}

/** Nodes that are told one by one, the worst first: more than anyone reads. */
const maxHosts = 500;
/** Seconds after which it is worked out anew who could hear whom, and what was lost: both look through much. */
const waysEvery = 10;
const ledgerEvery = 30;

export const createGraph = (sources: GraphSources): ChannelSort<typeof request> => ({
  name: 'graph',
  request,
  open: (asked, looker) => openGraph(sources, asked, looker),
});

function openGraph({ present, meter, services }: GraphSources, { servers, of }: z.output<typeof request>, looker: Looker): Channel {
  const chosen = servers && servers.length > 0 ? new Set(servers) : undefined;
  const wanted = ({ key }: { readonly key: string }) => looker.sees(key) && (chosen === undefined || chosen.has(serverOf(key)));
  let told = new Map<string, string>();
  let changes: { set: [id: string, json: string][]; gone: string[] } = { set: [], gone: [] };
  let ways: ReturnType<typeof waysOf> = [];
  let ledger: LedgerState | undefined;
  let ticks = 0;
  let total: number | undefined;

  const groups = (): Map<string, unknown> => {
    const nodes = present.all('node').filter(wanted);
    if (ticks % waysEvery === 0) ways = waysOf(nodes);
    if (ticks % ledgerEvery === 0) ledger = lossesOf(services, wanted);
    const silent = silentOf(present.all('server'));
    const streams = meter.streams().filter(wanted);
    return measure({ nodes, processes: present.all('process').filter(wanted), silent, streams, seconds: meter.seconds, ways, ledger });
  };
  const hosts = (node: string): Map<string, unknown> => {
    const all = node === processName ? present.all('process').filter(wanted).map(aProcess) : nodesOf(node);
    total = all.length;
    all.sort((one, other) => other.trouble - one.trouble || (one.key < other.key ? -1 : 1));
    return new Map(all.slice(0, maxHosts).map(({ trouble: _, ...host }) => [`host ${host.key}`, host]));
  };
  const nodesOf = (node: string) => {
    const silent = silentOf(present.all('server'));
    const rates = ratesBySource(
      meter.streams().filter((stream) => stream.node === node && wanted(stream)),
      meter.seconds,
    );
    return present
      .all('node')
      .filter((state) => state.name === node && wanted(state))
      .map((state) => aNode(state, silent, rates.get(serverOf(state.key)) ?? 0));
  };
  /** Works out what is so now, and notes what of it is news. */
  const look = () => {
    const items = of === undefined ? groups() : hosts(of);
    const now = new Map([...items].map(([id, item]) => [id, JSON.stringify(item)]));
    const set = [...now].filter(([id, json]) => told.get(id) !== json);
    const gone = [...told.keys()].filter((id) => !now.has(id));
    changes = {
      set: [...new Map([...changes.set.filter(([id]) => now.has(id)), ...set])],
      gone: [...new Set([...changes.gone.filter((id) => !now.has(id)), ...gone])],
    };
    told = now;
    ticks++;
  };
  const frame = (set: readonly (readonly [id: string, json: string])[], rest: string): Body =>
    Buffer.from(
      `"set":{${set.map(([id, json]) => `${JSON.stringify(id)}:${json}`).join(',')}}${total === undefined ? '' : `,"total":${total}`}${rest}`,
    );
  const everything = () => frame([...told], ',"all":true');
  look();
  changes = { set: [], gone: [] };

  return {
    topics: [],
    snapshot: everything,
    tick: look,
    get waiting() {
      return changes.set.length > 0 || changes.gone.length > 0;
    },
    next() {
      const { set, gone } = changes;
      changes = { set: [], gone: [] };
      return frame(set, gone.length > 0 ? `,"gone":${JSON.stringify(gone)}` : '');
    },
    mark: () => ticks,
    catchUp: everything,
  };
}

function lossesOf(services: Services | undefined, wanted: (of: { readonly key: string }) => boolean): LedgerState | undefined {
  try {
    const ledger = services?.ledger();
    return ledger && { ...ledger, lost: ledger.lost.filter(wanted) };
  } catch (thrown) {
    services?.say('warn', `the ledger cannot be read (${messageOf(thrown)}); losses are not shown`);
    return undefined;
  }
}

/** A node on one server, with the events that it writes in a second; what is worse comes first. */
function aNode(state: Keyed<NodeState>, silent: ReadonlySet<string>, rate: number) {
  const { key, host, process, since, events, errors, error, lag, every, partitions } = state;
  const condition = conditionOf(state, silent);
  const trouble = (condition === 'failing' ? 8 : condition === 'silent' ? 4 : condition === 'stopped' ? 2 : 0) + (errors > 0 ? 1 : 0);
  return { key, host, process, condition, since, events, errors, error, lag, every, partitions, rate, trouble };
}

function aProcess({
  key,
  host,
  process,
  status,
  since,
  version,
  bus,
  connected,
  blocked,
  sent,
  dropped,
  expired,
  refused,
  spooled,
}: Keyed<ProcessState>) {
  const isApart = status === 'running' && (!connected || blocked);
  const condition = isApart ? 'failing' : status;
  const waiting = spooled.durable.events + spooled.telemetry.events;
  const trouble = (isApart ? 4 : 0) + (waiting > 1000 ? 2 : 0) + (dropped + refused > 0 ? 1 : 0);
  return { key, host, process, condition, since, version, bus, connected, blocked, sent, dropped, expired, refused, spooled, trouble };
}

/** By the server that the writer runs on. */
function ratesBySource(streams: readonly Stream[], seconds: number): Map<string, number> {
  const sums = new Map<string, { recent: number; minute: number }>();
  for (const { source, recent, minute } of streams) {
    const server = source.split('/').slice(1, 5).join('.');
    const sum = sums.get(server) ?? { recent: 0, minute: 0 };
    sums.set(server, { recent: sum.recent + recent, minute: sum.minute + minute });
  }
  return new Map([...sums].map(([server, sum]) => [server, Number(rateOf(sum, seconds).toPrecision(3))]));
}
