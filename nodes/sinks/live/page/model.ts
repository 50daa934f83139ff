/**
 * What the page knows: made from events alone, held within bounds, shown through cells.
 *
 * events → servers, nodes, alerts, charts, log lines. A state's last word counts; heartbeats keep a server's age true between
 * the roster's words.
 */
import type { AlertState, NodeState, ServerState } from 'sluice';
import { type Cell, cell } from './cell.ts';
import { type Chart, type Charts, createCharts } from './charts.ts';
import { createLines, type Lines } from './lines.ts';
import { keptSeconds } from './series.ts';
import type { Heard } from './wire.ts';

export interface Server extends ServerState {
  readonly id: string;
}

/** From when a condition began until it ended. */
export interface Episode extends AlertState {
  readonly id: string;
  readonly host: string;
  readonly time: number;
  /** Milliseconds since 1970 when it was resolved; undefined while it fires. */
  readonly ended: number | undefined;
}

/** A stretch of time of which this page may have missed something, in milliseconds since 1970. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export interface Model {
  /** The past, on joining, does not count into the rate of events. */
  take(events: readonly Heard[], when: 'past' | 'present'): void;
  /** Something was missed: marked on charts and in the log. */
  miss(gap: Gap): void;
  /** Once a second: forgets what is too old, and counts. */
  tick(now: number): void;
  readonly servers: Cell<ReadonlyMap<string, Server>>;
  /** When each server was heard last. */
  readonly beats: ReadonlyMap<string, number>;
  readonly nodes: Cell<ReadonlyMap<string, NodeState & { readonly time: number }>>;
  readonly firing: Cell<ReadonlyMap<string, Firing>>;
  /** Newest first. */
  readonly history: Cell<readonly Episode[]>;
  /** Changes when a chart or a series comes or goes; not with each value. */
  readonly charts: Cell<Charts>;
  readonly lines: Cell<Lines>;
  readonly gaps: Cell<readonly Gap[]>;
  /** Events in the last second. */
  readonly rate: Cell<number>;
  /** Time of the newest event, in milliseconds since 1970; 0 before the first. */
  readonly newest: number;
}

const maxEpisodes = 500;
const maxGaps = 50;
/** A node whose process says nothing for this long is not shown: states are repeated each minute. */
const forgottenAfter = 600_000;

/** `redraw` is called with each chart that has new values. */
export function createModel(redraw: (chart: Chart) => void): Model {
  const servers = new Map<string, Server>();
  const beats = new Map<string, number>();
  const nodes = new Map<string, NodeState & { time: number }>();
  const firing = new Map<string, Firing>();
  const charts = createCharts();
  const lines = createLines();
  let newest = 0;
  let count = 0;

  const model = {
    servers: cell<ReadonlyMap<string, Server>>(servers),
    nodes: cell<ReadonlyMap<string, NodeState & { time: number }>>(nodes),
    firing: cell<ReadonlyMap<string, Firing>>(firing),
    history: cell<readonly Episode[]>([]),
    charts: cell<Charts>(charts),
    lines: cell<Lines>(lines),
    gaps: cell<readonly Gap[]>([]),
    rate: cell(0),
  };

  const takeState = ({ key, host, time, data }: Extract<Heard, { kind: 'state' }>) => {
    const { of, value } = data;
    if (value === null) {
      if (servers.delete(idOf(key))) model.servers.touch();
      if (nodes.delete(key)) model.nodes.touch();
      if (firing.delete(key)) model.firing.touch();
      return;
    }
    // The server let only states through that fit their schemas.
    if (of === 'server') {
      const id = idOf(key);
      servers.set(id, { ...(value as ServerState), id });
      model.servers.touch();
    } else if (of === 'node') {
      nodes.set(key, { ...(value as NodeState), time });
      model.nodes.touch();
    } else if (of === 'alert') {
      firing.set(key, { ...(value as AlertState), host });
      model.firing.touch();
    }
  };

  const takeAlert = ({ id, key, host, time, data }: Extract<Heard, { kind: 'alert' }>) => {
    const condition = `${key}\n${data.rule}`;
    const known = model.history.value.find((episode) => episode.id.startsWith(`${condition}\n`) && episode.ended === undefined);
    const rest = model.history.value.filter((episode) => episode !== known);
    const since = known?.since ?? data.since;
    const ended = data.status === 'resolved' ? time : undefined;
    const episode = { ...data, id: known?.id ?? `${condition}\n${id}`, host, since, time: known?.time ?? time, ended };
    model.history.set([episode, ...rest].sort((one, other) => other.time - one.time).slice(0, maxEpisodes));
  };

  return {
    ...model,
    beats,
    take(events, when) {
      if (when === 'present') count += events.length;
      for (const event of events) {
        newest = Math.max(newest, event.time);
        if (event.kind === 'metric') {
          const before = charts.seriesCount;
          for (const chart of charts.take(event)) redraw(chart);
          if (charts.seriesCount !== before) model.charts.touch();
        } else if (event.kind === 'log') {
          lines.take(event);
          model.lines.touch();
        } else if (event.kind === 'heartbeat') {
          beats.set(event.key, Math.max(beats.get(event.key) ?? 0, event.time));
          // Ages are drawn each second anyway.
        } else if (event.kind === 'state') takeState(event);
        else if (event.kind === 'alert') takeAlert(event);
      }
    },
    miss(gap) {
      model.gaps.set([...model.gaps.value, gap].slice(-maxGaps));
      lines.mark(gap);
      model.lines.touch();
    },
    tick(now) {
      model.rate.set(count);
      count = 0;
      if (charts.forget(now - (keptSeconds / 2) * 1000)) model.charts.touch();
      for (const [key, { time }] of nodes) {
        if (now - time < forgottenAfter) continue;
        nodes.delete(key);
        model.nodes.touch();
      }
    },
    get newest() {
      return newest;
    },
  };
}

/** What a server's state is of: the key of its heartbeats, `<place>.<host>`, with a word after it where it is one of its processes. */
const idOf = (key: string): string => key.replace(/^((?:[^.]+\.){3}[^.]+)\.server\b/, '$1');

export type Firing = AlertState & { readonly host: string };

/** What fires now, and what is held: what was said of a server before it fell silent is no news until it is heard again. */
export function alertsOf(model: Pick<Model, 'firing' | 'servers'>): { firing: [key: string, alert: Firing][]; held: Firing[] } {
  const isHeld = (key: string): boolean => {
    // As core/states.ts has it: `<place>.<host>.alert.<rule>.<what…>`.
    const words = key.split('.');
    const status = model.servers.value.get(words.slice(0, 4).join('.'))?.status;
    return words[6] !== 'server' && (status === 'silent' || status === 'retired');
  };
  const all = [...model.firing.value];
  return { firing: all.filter(([key]) => !isHeld(key)), held: all.filter(([key]) => isHeld(key)).map(([, alert]) => alert) };
}
