/**
 * What is so now, as `state` events say it: servers, nodes, firing alerts, and whatever else has a current value. One value
 * per key; a `null` ends it, and so does not being said again for as long as the memory reaches (writers repeat each minute).
 *
 * state events → the last of each key. A known sort that does not fit its schema is refused, so that no reader has to check again.
 */
import {
  type AlertState,
  alertState,
  type Event,
  holderOf,
  holds,
  type NodeState,
  nodeState,
  type ProcessState,
  processState,
  type ServerState,
  serverState,
} from 'sluice';
import type { Entry } from './memory.ts';

const schemas = { server: serverState, node: nodeState, process: processState, alert: alertState };
type Known = { server: ServerState; node: NodeState; process: ProcessState; alert: AlertState };
type Of = keyof Known;

/** A state with the key of what it is of. */
export type Keyed<State> = State & { readonly key: string };

export interface Present {
  /** Says whether the state was taken; one that breaks its schema is not. */
  take(event: Event<'state'>, entry: Entry): boolean;
  tick(now: number): void;
  /** The last of each key, in the order in which they were said. */
  entries(): Entry[];
  /** What was said after a place in the order of arrival, ends too: one who knew all until then knows all now. */
  changes(after: number): Entry[];
  /** The last place in the order of an end that is forgotten: who knew less than that has to begin anew. -1 while none is. */
  readonly forgotten: number;
  all<Each extends Of>(of: Each): Keyed<Known[Each]>[];
  /** Of a server, by its key as far as its host. */
  server(key: string): ServerState | undefined;
  /** What fires now, and what is held because its server is silent. */
  alerts(): { readonly firing: Keyed<AlertState>[]; readonly held: Keyed<AlertState>[] };
  readonly bytes: number;
}

/** Ends that are remembered at most. */
const maxEnded = 4096;

export function createPresent(limits: { readonly ticks: number; readonly bytes: number }): Present {
  // Deleting before setting keeps the map in the order of the last word.
  const states = new Map<string, { entry: Entry; of: string; value: unknown }>();
  // What ended, for those who were told that it was so; in the order in which it did.
  const ended = new Map<string, Entry>();
  let bytes = 0;
  let forgotten = -1;

  const forget = (key: string) => {
    const held = states.get(key);
    if (!held) return;
    bytes -= held.entry.json.length;
    states.delete(key);
  };
  const forgetOldest = () => {
    for (const key of states.keys()) return forget(key);
  };
  const forgetEnd = (key: string, entry: Entry) => {
    ended.delete(key);
    forgotten = entry.order;
  };

  const all = <Each extends Of>(of: Each): Keyed<Known[Each]>[] => {
    const found = [...states].filter(([, held]) => held.of === of);
    return found.map(([key, held]) => ({ ...(held.value as Known[Each]), key })).sort((one, other) => (one.key < other.key ? -1 : 1));
  };

  const server = (key: string): ServerState | undefined => {
    const held = states.get(`${key}.server`);
    return held?.of === 'server' ? (held.value as ServerState) : undefined;
  };

  return {
    take(event, entry) {
      const { of, value } = event.data;
      if (value === null) {
        forget(event.key);
        ended.delete(event.key);
        ended.set(event.key, entry);
        for (const [key, oldest] of ended) {
          if (ended.size <= maxEnded) break;
          forgetEnd(key, oldest);
        }
        return true;
      }
      const checked = isKnown(of) ? schemas[of].safeParse(value) : { success: true as const, data: value };
      if (!checked.success) return false;
      forget(event.key);
      ended.delete(event.key);
      states.set(event.key, { entry, of, value: checked.data });
      bytes += entry.json.length;
      while (bytes > limits.bytes) forgetOldest();
      return true;
    },
    tick(now) {
      for (const [key, { entry }] of states) {
        if (now - entry.tick <= limits.ticks) break;
        forget(key);
      }
      for (const [key, entry] of ended) {
        if (now - entry.tick <= limits.ticks) break;
        forgetEnd(key, entry);
      }
    },
    entries: () => [...states.values()].map(({ entry }) => entry),
    changes: (after) =>
      [...[...states.values()].map(({ entry }) => entry), ...ended.values()]
        .filter((entry) => entry.order > after)
        .sort((one, other) => one.order - other.order),
    get forgotten() {
      return forgotten;
    },
    all,
    server,
    alerts() {
      const isHeld = ({ key }: Keyed<AlertState>): boolean => {
        const holder = holderOf(key);
        const state = holder === undefined ? undefined : server(holder);
        return state !== undefined && holds(state);
      };
      const alerts = all('alert');
      return { firing: alerts.filter((alert) => !isHeld(alert)), held: alerts.filter(isHeld) };
    },
    get bytes() {
      return bytes;
    },
  };
}

const isKnown = (of: string): of is Of => Object.hasOwn(schemas, of);
