/**
 * The series that rollup knows, each under a small number, so that a buffered point is a number and a value.
 *
 * a key and a point → its series' number; undefined past the bound. A description is written down once; what is held beside
 * the table is an index of it. A series not heard for three hours is forgotten: by then all its windows have been told.
 */
import { type Point, type Table, z } from 'sluice';

const hour = 3_600_000;
const forgetAfter = 3 * hour;

export const series = z.object({
  /** What its events are about. */
  key: z.string(),
  name: z.string(),
  type: z.enum(['gauge', 'counter', 'updown']).optional(),
  unit: z.string().optional(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** To within an hour, on the receiving clock. */
  heard: z.number(),
});
export type Series = z.output<typeof series>;

export interface Known extends Pick<Series, 'name' | 'type' | 'unit' | 'attributes'> {
  readonly id: number;
  /** How many attributes it has. */
  readonly width: number;
  /** Everything that tells it from the others of its key. */
  readonly identity: string;
}

export interface Catalogue {
  /** The series' number, which it gets if it is new. `place`: the point's among its event's, where it likely stood before. */
  idOf(key: string, point: Point, place: number, at: number): number | undefined;
  get(id: number): Known | undefined;
  heard(id: number, at: number): void;
  /** Drops what was not heard for long. */
  forget(at: number, dropped: (id: number) => void): void;
}

export function catalogue(table: Table<Series>, bound: number): Catalogue {
  /** Of each key: its series by identity, and in the order in which its latest event had them. */
  const keys = new Map<string, { byIdentity: Map<string, Known>; layout: Known[] }>();
  const byId = new Map<number, Known>();
  let next = 0;
  const index = (id: number, row: Series): Known => {
    const { key, name, type, unit, attributes } = row;
    const known: Known = { id, name, type, unit, attributes, width: Object.keys(attributes ?? {}).length, identity: identityOf(row) };
    byId.set(id, known);
    const group = keys.get(key) ?? { byIdentity: new Map(), layout: [] };
    keys.set(key, group);
    group.byIdentity.set(known.identity, known);
    next = Math.max(next, id + 1);
    return known;
  };
  for (const [id, row] of table.entries()) index(Number(id), row);

  return {
    idOf(key, point, place, at) {
      const group = keys.get(key);
      const likely = group?.layout[place];
      if (likely !== undefined && isOf(likely, point)) return likely.id;
      let known = group?.byIdentity.get(identityOf(point));
      if (known === undefined) {
        if (table.size >= bound) return undefined;
        const { name, type, unit, attributes } = point;
        const row = { key, name, ...(type && { type }), ...(unit !== undefined && { unit }), ...(attributes && { attributes }), heard: at };
        table.set(String(next), row);
        known = index(next, row);
      }
      const layout = keys.get(key)?.layout;
      if (layout !== undefined) layout[place] = known;
      return known.id;
    },
    get: (id) => byId.get(id),
    heard(id, at) {
      const row = table.get(String(id));
      if (row !== undefined && Math.abs(at - row.heard) >= hour) table.set(String(id), { ...row, heard: at });
    },
    forget(at, dropped) {
      for (const [id, row] of table.entries()) {
        if (Math.abs(at - row.heard) < forgetAfter) continue;
        table.delete(id);
        const group = keys.get(row.key);
        group?.byIdentity.delete(identityOf(row));
        byId.delete(Number(id));
        // The layout only guesses, but must not guess what is gone.
        if (group !== undefined) group.layout = [];
        if (group?.byIdentity.size === 0) keys.delete(row.key);
        dropped(Number(id));
      }
    },
  };
}

function identityOf({ name, unit, type, attributes = {} }: Pick<Series, 'name' | 'unit' | 'type' | 'attributes'>): string {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, unit, type, sorted]);
}

/** The same without making a text of it: nearly every event has the series of the one before, in the same order. */
function isOf(known: Known, point: Point): boolean {
  if (known.name !== point.name || known.unit !== point.unit || known.type !== point.type) return false;
  const { attributes } = point;
  if (attributes === undefined) return known.attributes === undefined;
  if (known.attributes === undefined) return false;
  let width = 0;
  for (const name in attributes) {
    width += 1;
    if (known.attributes[name] !== attributes[name]) return false;
  }
  return width === known.width;
}
