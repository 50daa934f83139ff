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
  all<Each extends Of>(of: Each): Keyed<Known[Each]>[];
  /** What fires now, and what is held because its server is silent. */
  alerts(): { readonly firing: Keyed<AlertState>[]; readonly held: Keyed<AlertState>[] };
  readonly bytes: number;
}

export function createPresent(limits: { readonly ticks: number; readonly bytes: number }): Present {
  // Deleting before setting keeps the map in the order of the last word.
  const states = new Map<string, { entry: Entry; of: string; value: unknown }>();
  let bytes = 0;

  const forget = (key: string) => {
    const held = states.get(key);
    if (!held) return;
    bytes -= held.entry.json.length;
    states.delete(key);
  };
  const forgetOldest = () => {
    for (const key of states.keys()) return forget(key);
  };

  const all = <Each extends Of>(of: Each): Keyed<Known[Each]>[] => {
    const found = [...states].filter(([, held]) => held.of === of);
    return found.map(([key, held]) => ({ ...(held.value as Known[Each]), key })).sort((one, other) => (one.key < other.key ? -1 : 1));
  };

  return {
    take(event, entry) {
      const { of, value } = event.data;
      if (value === null) {
        forget(event.key);
        return true;
      }
      const checked = isKnown(of) ? schemas[of].safeParse(value) : { success: true as const, data: value };
      if (!checked.success) return false;
      forget(event.key);
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
    },
    entries: () => [...states.values()].map(({ entry }) => entry),
    all,
    alerts() {
      const isHeld = ({ key }: Keyed<AlertState>): boolean => {
        const holder = holderOf(key);
        const server = holder === undefined ? undefined : states.get(`${holder}.server`);
        return server?.of === 'server' && holds(server.value as ServerState);
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
