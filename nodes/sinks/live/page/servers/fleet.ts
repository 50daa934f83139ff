/**
 * The servers that the page knows: what the channel `fleet` says of them, and the last minute of each one's processor.
 *
 * frames → servers. `facts` changes when one comes, goes or says something new of itself; `figures` with its numbers.
 */
import type { FleetFrame, FleetRow } from '../../channels/fleet.ts';
import { type Cell, cell } from '../parts/cell.ts';

const figureNames = ['cpu', 'memory', 'disk', 'load'] as const;
export type FigureName = (typeof figureNames)[number];

export interface Server extends Omit<FleetRow, 'ago' | 'spark' | FigureName>, Readonly<Partial<Record<FigureName, number | undefined>>> {
  readonly company: string;
  readonly system: string;
  readonly environment: string;
  readonly host: string;
  /** `acme.shop.prod`, as people read it. */
  readonly place: string;
  /** When it was heard last, in milliseconds since 1970. */
  readonly heard: number;
  /** Percents of the last minute, oldest first; null where there was no value. */
  readonly spark: readonly (number | null)[];
  /** What a search looks in, in small letters. */
  readonly words: string;
  /** Grows with whatever changes of it. */
  readonly version: number;
}

type Mutable = { -readonly [Each in keyof Server]: Server[Each] } & { spark: (number | null)[] };

export interface Fleet {
  /** @param now in milliseconds since 1970 */
  take(frame: FleetFrame, now: number): void;
  /** A second has passed: the sparks go on. */
  tick(): void;
  readonly all: ReadonlyMap<number, Server>;
  find(id: string): Server | undefined;
  readonly facts: Cell<number>;
  readonly figures: Cell<number>;
  /** Hosts that sluice has no room for. */
  readonly refused: number;
  /** Whether anything was said yet. */
  readonly known: boolean;
}

const sparkLength = 60;

export function createFleet(): Fleet {
  const all = new Map<number, Mutable>();
  const numbers = new Map<string, number>();
  const facts = cell(0);
  const figures = cell(0);
  let refused = 0;
  let known = false;

  const put = (row: FleetRow, now: number) => {
    const before = all.get(row.n);
    const { ago, spark, ...said } = row;
    const heard = ago === undefined ? Math.max(before?.heard ?? 0, said.seen) : now - ago * 1000;
    const kept = before && Object.fromEntries(figureNames.map((name) => [name, before[name]]));
    const place = placeOf(said.id);
    all.set(row.n, {
      ...kept,
      ...said,
      ...place,
      heard,
      spark: spark ? [...spark] : (before?.spark ?? []),
      words: wordsOf(said, place.place),
      version: (before?.version ?? 0) + 1,
    });
    numbers.set(row.id, row.n);
  };
  const drop = (n: number) => {
    const server = all.get(n);
    if (!server) return;
    all.delete(n);
    if (numbers.get(server.id) === n) numbers.delete(server.id);
  };

  return {
    take(frame, now) {
      known = true;
      if (frame.servers) {
        all.clear();
        numbers.clear();
        refused = frame.refused ?? 0;
        for (const row of frame.servers) put(row, now);
      }
      for (const row of frame.changed ?? []) put(row, now);
      for (const n of frame.gone ?? []) drop(n);
      for (const name of figureNames) {
        const pairs = frame[name] ?? [];
        for (let at = 0; at + 1 < pairs.length; at += 2) {
          const server = all.get(pairs[at] ?? -1);
          if (!server) continue;
          server[name] = pairs[at + 1] ?? undefined;
          server.version++;
        }
      }
      for (const n of frame.heard ?? []) {
        const server = all.get(n);
        if (server) server.heard = now;
      }
      if (frame.servers || frame.changed || frame.gone) facts.set(facts.value + 1);
      figures.set(figures.value + 1);
    },
    tick() {
      for (const server of all.values()) {
        server.spark.push(server.status === 'alive' ? (server.cpu ?? null) : null);
        if (server.spark.length > sparkLength) server.spark.splice(0, server.spark.length - sparkLength);
      }
    },
    all,
    find: (id) => all.get(numbers.get(id) ?? -1),
    facts,
    figures,
    get refused() {
      return refused;
    },
    get known() {
      return known;
    },
  };
}

/** A key's words, as they were before they were escaped. */
export function placeOf(id: string) {
  const [company = '', system = '', environment = '', host = ''] = id.split('.').map(unescapeWord);
  return { company, system, environment, host, place: [company, system, environment].join('.') };
}

function unescapeWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

function wordsOf({ id, status, reason, labels, versions, processes, boot, hub }: Omit<FleetRow, 'ago' | 'spark'>, place: string): string {
  const { host } = placeOf(id);
  const pairs = [...Object.entries(labels), ...Object.entries(versions)].flatMap(([name, value]) => [
    `${name}:${value}`,
    `${name} ${value}`,
  ]);
  const names = (processes ?? []).map(({ name }) => name);
  return [`${place}.${host}`, status, reason ?? '', ...pairs, ...names, boot, hub ? 'hub' : ''].join('\n').toLowerCase();
}
