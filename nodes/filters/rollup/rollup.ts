/**
 * Sums up every metric by minute, ten minutes and hour, so that weeks can be looked at without their points: count, sum,
 * least, greatest, last, and a sketch from which any quantile of any longer span can be had.
 *
 * metric → stat: one per key and window, with all its series (several where they would not fit into an event). A counter is
 * summed up by its rates (`By/s`), with restarts at 0 seen. Longer windows are merged from shorter ones.
 *
 *     time of the data      12:00        12:01        12:02
 *     points            ··· ├ ·· · · · · ─┤ · · · ·· ·  ┤
 *     stats                 12:00 is told ┘ 15 s later, by the receiving clock
 *
 * A window closes when the receiving clock has passed its end by `allowance`. Until then order does not matter: points are
 * buffered and put in order when it closes. What comes later is told as a further part of the same window, to be merged with the
 * first by whoever reads: nothing is lost, and it is counted. Refused, and counted, is what is over a day from the receiving
 * clock, and what is past the bounds: `series` of them, and a million buffered events. The counts stand in the state `rollup`.
 *
 * Each stat names what it is made of, as ranges of its writers' sequences: `why` leads from an hour to its points.
 *
 * A series at one point a second takes about 7 KB here: 75 s of points, and a summary each of its ten minutes and its hour.
 */
import { type Draft, defineFilter, duration, type Event, table, z } from 'sluice';
import { catalogue, type Known, series } from './catalogue.ts';
import { causesOf, streamOf, widened } from './causes.ts';
import { config, mostSeries } from './config.ts';
import { examples } from './examples.ts';
import { inOrder, merge, type Readings, ratesOf, type Summary, summarize, summary, toSeries } from './summary.ts';
import { hour, lengths, minute, openWindow, type Window, windows } from './windows.ts';

const day = 86_400_000;
const mostBuffered = 1_000_000;
/** Points that are summed up in one tick; what is left waits for the next, so that the pipe is never held up for long. */
const perTick = 250_000;
/** How many numbers of a buffered event stand before its points. */
const head = 3;
/** Bytes of one stat's series. The largest event has four times as much. */
const pageBytes = 262_144;

/** Points since the beginning: `late` ones made further parts, `refused` were too far from now, `leftOut` were past the bounds. */
const counts = z.object({ late: z.number(), refused: z.number(), leftOut: z.number() });
type Counts = z.output<typeof counts>;
const none: Counts = { late: 0, refused: 0, leftOut: 0 };

export default defineFilter({
  name: 'rollup',
  doc: 'Sums up every metric by minute, ten minutes and hour, with mergeable sketches; counters by their rates.',
  config,
  in: [{ kind: 'metric' }],
  out: ['stat', 'state'],
  shard: 'source',
  tables: {
    series: table(series, { bound: mostSeries }),
    /** A counter's latest reading in a window that is closed. */
    readings: table(z.tuple([z.number(), z.number()]), { bound: mostSeries }),
    /** Points of open minutes: a time, the place of their writer among the window's ranges (or -1) and its sequence, then each series and value. */
    buffered: table(z.custom<readonly number[]>(Array.isArray), { bound: mostBuffered }),
    windows: table(openWindow, { bound: mostBuffered }),
    /** What has come together of a longer window, by the window and the series. */
    summaries: table(summary, { bound: 4 * mostSeries }),
    counts: table(counts, { bound: 2 }),
    closed: table(z.number(), { bound: 1 }),
  },
  tickEvery: 1000,
  examples,
  create(given, tables) {
    const allowance = duration(given.allowance) ?? 0;
    const known = catalogue(tables.series, given.series);
    const open = windows(tables.windows, allowance);
    let nextPoints = 0;
    const windowOf = (length: number, time: number, id: number | undefined): Window | undefined =>
      open.find(length, time, tables.series.get(String(id))?.key ?? '');
    for (const [name, [time = 0, , , id]] of tables.buffered.entries()) {
      windowOf(minute, time, id)?.holds.push(name);
      nextPoints = Math.max(nextPoints, Number(name) + 1);
    }
    for (const [name] of tables.summaries.entries()) {
      const [length = 0, from = 0, id] = name.split(' ').map(Number);
      windowOf(length, from, id)?.holds.push(name);
    }
    const closed = (): number => tables.closed.get('until') ?? 0;
    const count = (what: keyof Counts, by: number): void => {
      const before = tables.counts.get('now') ?? none;
      tables.counts.set('now', { ...before, [what]: before[what] + by });
    };

    const buffer = (points: number[], { key, sequence = 0 }: Event<'metric'>, stream: string | undefined, at: number): void => {
      const window = open.at(minute, points[0] ?? 0, key, at, closed());
      if (window.part !== undefined) count('late', (points.length - head) / 2);
      if (stream !== undefined) {
        let place = window.ranges.findIndex(([known]) => known === stream);
        if (place < 0) {
          open.made(window, [[stream, sequence, sequence]]);
          place = window.ranges.findIndex(([known]) => known === stream);
        }
        [points[1], points[2]] = [place, sequence];
      }
      const name = String(nextPoints++);
      tables.buffered.set(name, points);
      window.holds.push(name);
    };

    /** The buffered readings of a minute, by series; what they are of is added to its ranges. */
    const take = (window: Window): Map<number, Readings> => {
      const bySeries = new Map<number, Readings>();
      for (const name of window.holds) {
        const points = tables.buffered.get(name) ?? [];
        tables.buffered.delete(name);
        const [time = 0, place = -1, sequence = 0] = points;
        const known = window.ranges[place];
        if (known !== undefined && (sequence < known[1] || sequence > known[2]))
          window.ranges = widened(window.ranges, [[known[0], sequence, sequence]]);
        for (let at = head; at < points.length; at += 2) {
          const id = points[at] ?? 0;
          const readings = bySeries.get(id) ?? { times: [], values: [] };
          if (readings.times.length === 0) bySeries.set(id, readings);
          readings.times.push(time);
          readings.values.push(points[at + 1] ?? 0);
        }
      }
      return bySeries;
    };
    const sumUp = (id: number, taken: Readings): Summary | undefined => {
      const readings = inOrder(taken);
      if (known.get(id)?.type !== 'counter') return summarize(readings);
      const before = tables.readings.get(String(id));
      const [time, value] = [readings.times.at(-1) ?? 0, readings.values.at(-1) ?? 0];
      if (before === undefined || time >= before[0]) tables.readings.set(String(id), [time, value]);
      return summarize(ratesOf(readings, before));
    };
    /** What a window comes to, by series; and how much work that was. */
    const contents = (window: Window): { work: number; bySeries: [id: number, whole: Summary][] } => {
      if (window.length === minute) {
        const taken = [...take(window)];
        return {
          work: taken.reduce((sum, [, readings]) => sum + readings.times.length, 0),
          bySeries: taken.flatMap(([id, readings]): [number, Summary][] => {
            known.heard(id, window.due);
            const whole = sumUp(id, readings);
            return whole === undefined ? [] : [[id, whole]];
          }),
        };
      }
      const bySeries = [...window.holds].flatMap((name): [number, Summary][] => {
        const whole = tables.summaries.get(name);
        tables.summaries.delete(name);
        return whole === undefined ? [] : [[Number(name.split(' ')[2]), whole]];
      });
      return { work: bySeries.length, bySeries };
    };
    const passOn = (window: Window, id: number, whole: Summary): void => {
      const longer = lengths[lengths.indexOf(window.length) + 1];
      if (longer === undefined) return;
      const into = open.at(longer, window.from, window.key, window.due, closed());
      const name = `${into.length} ${into.from} ${id}`;
      const before = tables.summaries.get(name);
      tables.summaries.set(name, merge(before, whole));
      if (before === undefined) into.holds.push(name);
    };
    /** What it is made of, the longer window is made of too. */
    const passOnRanges = ({ length, from, key, due, ranges }: Window): void => {
      const longer = lengths[lengths.indexOf(length) + 1];
      if (longer !== undefined) open.made(open.at(longer, from, key, due, closed()), ranges);
    };
    const close = (window: Window, drafts: Draft<'stat' | 'state'>[]): number => {
      const { work, bySeries } = contents(window);
      open.close(window);
      const described = bySeries.flatMap(([id, whole]): Described[] => {
        const what = known.get(id);
        return what === undefined ? [] : [{ what, whole }];
      });
      described.sort(({ what: a }, { what: b }) => (a.identity < b.identity ? -1 : 1));
      for (const { what, whole } of described) passOn(window, what.id, whole);
      if (described.length > 0) passOnRanges(window);
      for (const draft of statsOf(window, described)) drafts.push(draft);
      return work;
    };

    return {
      event(event, at) {
        const {
          key,
          time: eventTime,
          data: { points },
        } = event;
        const stream = streamOf(event);
        let chunk: number[] = [];
        let [leftOut, refused] = [0, 0];
        const isFull = tables.buffered.size >= mostBuffered - points.length;
        for (let place = 0; place < points.length; place++) {
          const point = points[place];
          if (point === undefined) continue;
          const time = point.time === undefined ? eventTime : Date.parse(point.time);
          if (Math.abs(time - at) > day) {
            refused += 1;
            continue;
          }
          const id = isFull ? undefined : known.idOf(key, point, place, at);
          if (id === undefined) {
            leftOut += 1;
            continue;
          }
          if (chunk[0] !== time) {
            if (chunk.length > 0) buffer(chunk, event, stream, at);
            chunk = [time, -1, 0];
          }
          chunk.push(id, point.value);
        }
        if (chunk.length > 0) buffer(chunk, event, stream, at);
        if (leftOut > 0) count('leftOut', leftOut);
        if (refused > 0) count('refused', refused);
        return [];
      },
      tick(at) {
        const drafts: Draft<'stat' | 'state'>[] = [];
        let left = perTick;
        // What closes may open a longer window that is due too.
        for (let due = open.due(at); due.length > 0 && left > 0; due = open.due(at)) {
          for (const window of due) {
            if (left <= 0) break;
            left -= close(window, drafts);
            if (window.due > closed()) tables.closed.set('until', window.due);
          }
        }
        if (at % hour === 0 && left === perTick) known.forget(at, (id) => tables.readings.delete(String(id)));
        const now = tables.counts.get('now');
        if (at % minute === 0 && now !== undefined && !sameCounts(now, tables.counts.get('told'))) {
          tables.counts.set('told', now);
          drafts.push({ kind: 'state', key: ['rollup'], data: { of: 'rollup', value: now } });
        }
        return drafts;
      },
    };
  },
});

const sameCounts = (one: Counts, other: Counts | undefined): boolean =>
  one.late === other?.late && one.refused === other.refused && one.leftOut === other.leftOut;

interface Described {
  readonly what: Known;
  readonly whole: Summary;
}

/** The stats of a window: one, or as many as its series need. */
function statsOf(window: Window, described: readonly Described[]): Draft<'stat'>[] {
  const { id, from, length, key, part } = window;
  const pages: Described[][] = [];
  let room = 0;
  for (const one of described) {
    const bytes = one.what.identity.length + one.whole.sketch.length + 200;
    room -= bytes;
    if (room < 0 || pages.length === 0) {
      pages.push([]);
      room = pageBytes - bytes;
    }
    pages.at(-1)?.push(one);
  }
  return pages.map((page, index) => ({
    kind: 'stat',
    key,
    time: from + length,
    causes: causesOf(window.ranges),
    identity: [id, ...(part === undefined ? [] : [`part ${part}`]), ...(index === 0 ? [] : [`page ${index}`])].join(' '),
    data: {
      from: new Date(from).toISOString(),
      to: new Date(from + length).toISOString(),
      series: page.map(({ what: { name, type, unit, attributes }, whole }) => {
        const shown = type === 'counter' ? `${unit ?? '1'}/s`.slice(0, 63) : unit;
        return toSeries({ name, ...(shown !== undefined && { unit: shown }), ...(attributes && { attributes }) }, whole);
      }),
    },
  }));
}
