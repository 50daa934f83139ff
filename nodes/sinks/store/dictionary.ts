/**
 * The dictionary of series in memory: a point → the number of its series, in nearly all cases without making a text of it, since
 * an event has the series of the one before of its key, in the same order.
 *
 * What a write that failed had given out is void, as the dictionary is then: it is made anew from what is written.
 */
import type { Point } from 'sluice';
import { type Series, seriesId, seriesOf } from './tables.ts';

interface Known {
  readonly number: number;
  readonly name: string;
  readonly type: string | undefined;
  readonly unit: string | undefined;
  /** Names and values in turn, in their order: another order is another series. */
  readonly attributes: readonly unknown[] | undefined;
}

export interface Dictionary {
  /** The numbers of an event's series, one for each of its points. */
  numbersOf(key: string, points: readonly Point[]): readonly number[];
  /** The series that are not written yet, with their numbers. */
  readonly fresh: ReadonlyMap<number, Series>;
  /** They are written now. */
  keep(): void;
  /** They are not written any more. Each comes back under another number. */
  forget(gone: ReadonlySet<number>): void;
}

/** How many keys' order of series is remembered. Keys are a stranger's to choose: past it, all are forgotten. */
const maxLayouts = 100_000;

export function dictionary(written: Iterable<readonly [number: number, series: Series]>): Dictionary {
  const numbers = new Map<string, number>();
  const layouts = new Map<string, Known[]>();
  const fresh = new Map<number, Series>();
  let next = 0;
  for (const [number, series] of written) {
    numbers.set(seriesId(series), number);
    next = Math.max(next, number + 1);
  }

  const look = (key: string, point: Point): Known => {
    const series = seriesOf(key, point);
    const id = seriesId(series);
    let number = numbers.get(id);
    if (number === undefined) {
      number = next++;
      numbers.set(id, number);
      fresh.set(number, series);
    }
    const { name, type, unit, attributes } = point;
    return { number, name, type, unit, attributes: attributes && Object.entries(attributes).flat() };
  };
  const layoutOf = (key: string): Known[] => {
    const known = layouts.get(key);
    if (known !== undefined) return known;
    if (layouts.size >= maxLayouts) layouts.clear();
    const layout: Known[] = [];
    layouts.set(key, layout);
    return layout;
  };

  return {
    fresh,
    numbersOf(key, points) {
      const layout = layoutOf(key);
      return points.map((point, place) => {
        const likely = layout[place];
        if (likely !== undefined && isOf(likely, point)) return likely.number;
        const known = look(key, point);
        layout[place] = known;
        return known.number;
      });
    },
    keep: () => fresh.clear(),
    forget(gone) {
      for (const [id, number] of numbers) if (gone.has(number)) numbers.delete(id);
      layouts.clear();
    },
  };
}

function isOf(known: Known, { name, type, unit, attributes }: Point): boolean {
  if (known.name !== name || known.unit !== unit || known.type !== type) return false;
  if (known.attributes === undefined || attributes === undefined) return known.attributes === attributes;
  let at = 0;
  for (const attribute in attributes) {
    if (known.attributes[at] !== attribute || known.attributes[at + 1] !== attributes[attribute]) return false;
    at += 2;
  }
  return at === known.attributes.length;
}
