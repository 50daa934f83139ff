/**
 * How series went, for charts: of each step of time the mean, the lowest and the highest. Points where they are kept, what `rollup`
 * made of them where they are gone.
 *
 * A question → the numbers of its series, of which points are then read and nothing else: they lie by series. Bounded in
 * series, in values and in time; so many at once, and the rest in turn, since a page asks for all its charts together.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Coverage, type KeptSeries, mergeSeries, Reject, type SeriesAnswer, type SeriesRequest, wantsSeries } from 'sluice';
import { rowsOf } from './database.ts';
import { quoted } from './files.ts';
import type { Segment } from './segments.ts';
import { createTurns } from './turns.ts';
import { allOf } from './views.ts';

const mostSeries = 5000;
const mostSteps = 20_000;
/** Values of an answer: 50 MB of them in memory. */
const mostValues = 2_000_000;
const patienceMs = 10_000;
/** How long before the first step a counter's value is looked for, from which it rose. */
const beforeMs = 150_000;
/** A server whose clock is ahead has its points dated after they were received. */
const aheadMs = 3_600_000;

export interface Course {
  readonly folder: string;
  readonly segments: () => readonly Segment[];
  /** Works on a connection of its own; once more where the segments changed meanwhile. */
  readonly ask: <Result>(work: (connection: DuckDBConnection) => Promise<Result>) => Promise<Result>;
  readonly coverage: (from: number, to: number) => Promise<readonly Coverage[]>;
}

export function createCourse({ folder, segments, ask, coverage }: Course): (request: SeriesRequest) => Promise<SeriesAnswer> {
  const inTurn = createTurns();

  return async (request) => {
    check(request);
    return inTurn(async () => {
      const spans = await coverage(request.from, request.to);
      const coarse = (['minute', 'hour'] as const).flatMap((resolution) => around(spans.filter((span) => span.resolution === resolution)));
      return ask(async (connection) => {
        let late = false;
        const timer = setTimeout(() => {
          late = true;
          connection.interrupt();
        }, patienceMs);
        try {
          const { series, of } = await pointsOf(connection, folder, segments(), request);
          const rolled: KeptSeries[] = [];
          for (const span of coarse) rolled.push(...(await rollupsOf(connection, folder, segments(), request, span)));
          // An interruption may end the rows without a word: they would look like all that there are.
          if (late) throw new Error('interrupted');
          const all = mergeSeries(series, rolled);
          return { series: all.slice(0, request.most), of: Math.max(of, all.length), coverage: spans };
        } catch (thrown) {
          if (late)
            throw new Reject(`series: it took longer than ${patienceMs / 1000} s and was ended; ask for a shorter time or fewer series`);
          throw thrown;
        } finally {
          clearTimeout(timer);
        }
      });
    });
  };
}

/** One span that holds all of them: what lies between is known more finely, or not at all. */
function around([first, ...others]: readonly Coverage[]): Coverage[] {
  return first ? [{ ...first, to: others.at(-1)?.to ?? first.to }] : [];
}

function check({ from, to, step, most }: SeriesRequest): void {
  const steps = (to - from) / step;
  if (!(steps > 0 && Number.isInteger(steps) && steps <= mostSteps && step >= 1000 && step % 1000 === 0))
    throw new Reject(`series: from, to and step come to ${steps} steps; ask for whole ones of whole seconds, at most ${mostSteps}`);
  if (!(most >= 1 && most <= mostSeries)) throw new Reject(`series: at most ${mostSeries} can be had at once`);
}

/** The rows of a question as series: each has its step, and of that its mean, lowest and highest. */
async function pointsOf(
  connection: DuckDBConnection,
  folder: string,
  segments: readonly Segment[],
  request: SeriesRequest,
): Promise<{ series: KeptSeries[]; of: number }> {
  const { metric, from, to, step, most } = request;
  const wants = wantsSeries(request);
  const dictionary = await rowsOf(connection, 'SELECT series, key, type, unit, attributes FROM kept.series WHERE name = $1', [metric]);
  const wanted = dictionary
    .map(([number, key, type, unit, attributes]) => ({
      number: Number(number),
      key: String(key),
      type: typeOf(String(type)),
      unit: String(unit) === '' ? undefined : String(unit),
      attributes: attributesOf(String(attributes)),
    }))
    .filter(({ key, attributes }) => wants(key, attributes));
  const steps = (to - from) / step;
  const room = Math.min(most, Math.max(1, Math.floor(mostValues / steps)));
  // Of one sort: a name whose type changed has the later one's.
  const some = wanted.slice(-room);
  const sources = segments.filter((one) => !one.closed || (one.tier === 'raw' && one.high >= from - beforeMs - aheadMs));
  const found: KeptSeries[] = [];
  for (const isCounter of [false, true]) {
    const group = some.filter(({ type }) => (type === 'counter') === isCounter);
    const numbers = group.map(({ number }) => number);
    if (numbers.length === 0 || sources.length === 0) continue;
    const made = new Map(group.map(({ number, key, type, unit, attributes }) => [number, empty(key, attributes, type, unit, steps)]));
    const where = `series IN (${numbers.join(',')}) AND series BETWEEN ${Math.min(...numbers)} AND ${Math.max(...numbers)}`;
    const points = `SELECT series, time, value FROM (${allOf(folder, 'points', sources)}) WHERE ${where}`;
    const sql = isCounter ? ratesIn(points, from, to, step) : meansIn(points, from, to, step);
    const reader = await connection.runAndReadAll(sql);
    const [series = [], at = [], mean = [], low = [], high = []] = reader.getColumnsJS() as number[][];
    for (const [row, number] of series.entries()) {
      const one = made.get(number);
      const place = at[row] ?? 0;
      if (!one) continue;
      one.mean[place] = mean[row] ?? Number.NaN;
      one.low[place] = low[row] ?? Number.NaN;
      one.high[place] = high[row] ?? Number.NaN;
    }
    const seen = new Set(series);
    for (const [number, one] of made) if (seen.has(number)) found.push(one);
  }
  const series = mergeSeries(found);
  // Of which nothing was in that time is known once all were looked at.
  return { series, of: wanted.length > room ? wanted.length : series.length };
}

const stamp = (at: number) => `make_timestamp_ms(${Math.round(at)})`;
const stepOf = (from: number, step: number) => `((epoch_ms(time) - ${from}) // ${step})::INTEGER`;

function meansIn(points: string, from: number, to: number, step: number): string {
  return `SELECT series, ${stepOf(from, step)} AS slot, avg(value), min(value), max(value)
    FROM (${points} AND time >= ${stamp(from)} AND time < ${stamp(to)}) GROUP BY series, slot`;
}

/** A counter's rates, each from its point before; a fall is a restart at 0. */
function ratesIn(points: string, from: number, to: number, step: number): string {
  return `SELECT series, ${stepOf(from, step)} AS slot, avg(rate), min(rate), max(rate) FROM (
      SELECT series, time, if(value >= before, value - before, value) * 1000 / (epoch_ms(time) - epoch_ms(earlier)) AS rate FROM (
        SELECT series, time, value, lag(value) OVER own AS before, lag(time) OVER own AS earlier
        FROM (${points} AND time >= ${stamp(from - beforeMs)} AND time < ${stamp(to)})
        WINDOW own AS (PARTITION BY series ORDER BY time))
      WHERE epoch_ms(time) > epoch_ms(earlier) AND time >= ${stamp(from)})
    GROUP BY series, slot`;
}

const shape = JSON.stringify({
  from: 'VARCHAR',
  to: 'VARCHAR',
  series: [{ name: 'VARCHAR', unit: 'VARCHAR', attributes: 'JSON', count: 'UBIGINT', sum: 'DOUBLE', min: 'DOUBLE', max: 'DOUBLE' }],
});
const windows = [3600, 600, 60];
const mostRollups = 1_000_000;
const lateMs = 2 * 3_600_000;

/** What is known of a span by rollups alone: of those that fit into a step the longest. */
async function rollupsOf(
  connection: DuckDBConnection,
  folder: string,
  segments: readonly Segment[],
  request: SeriesRequest,
  span: Coverage,
): Promise<KeptSeries[]> {
  const { metric, from, to, step, most, part } = request;
  const thinned = segments.filter(
    ({ closed, tier, low, high }) => closed && tier !== 'raw' && high >= span.from && low < span.to + aheadMs,
  );
  if (thinned.length === 0) return [];
  const seconds = span.resolution === 'hour' ? 3600 : (windows.find((window) => window * 1000 <= step) ?? 60);
  // A span says when they were received: what they are of came before, and some of it late.
  const [low, high] = [Math.max(from, span.from - lateMs), Math.min(to, span.to)];
  const about = part ? `AND starts_with(key, ${quoted(`${part}.`)})` : '';
  const instant = (text: string) => `epoch_ms((${text})::TIMESTAMPTZ)`;
  const rows = await rowsOf(
    connection,
    `SELECT key, since, coalesce(one.unit, ''), coalesce(one.attributes::VARCHAR, ''), one.count::DOUBLE, one.sum, one.min, one.max
      FROM (SELECT key, unnest(stat.series) AS one, ${instant('stat."from"')} AS since, ${instant('stat."to"')} AS until
        FROM (SELECT key, from_json(data, '${shape}') AS stat FROM (${allOf(folder, 'events', thinned)})
          WHERE kind = 'stat' AND time > ${stamp(low)} AND time < ${stamp(high + seconds * 1000)} AND contains(data, $1) ${about}))
      WHERE one.name = $2 AND until - since = ${seconds * 1000} AND one.count > 0 LIMIT ${mostRollups}`,
    [JSON.stringify(metric), metric],
  );
  const wants = wantsSeries(request);
  const steps = (to - from) / step;
  const room = Math.min(most, Math.max(1, Math.floor(mostValues / steps)));
  const known = new Map<string, { series: KeptSeries; counts: Float64Array } | undefined>();
  for (const [keyed, since, united, text, count, sum, min, max] of rows) {
    const [key, unit] = [String(keyed), String(united)];
    const id = `${key}\n${String(text)}\n${unit}`;
    if (!known.has(id)) {
      const attributes = attributesOf(String(text));
      const isRate = unit.endsWith('/s');
      const made = () => ({
        series: empty(key, attributes, isRate ? 'counter' : 'gauge', (isRate ? unit.slice(0, -2) : unit) || undefined, steps),
        counts: new Float64Array(steps),
      });
      known.set(id, wants(key, attributes) && known.size < room ? made() : undefined);
    }
    const one = known.get(id);
    if (!one) continue;
    const first = Math.max(0, Math.floor((Number(since) - from) / step));
    const last = Math.min(steps - 1, Math.ceil((Number(since) + seconds * 1000 - from) / step) - 1);
    for (let at = first; at <= last; at++) {
      const { series, counts } = one;
      const before = counts[at] ?? 0;
      counts[at] = before + Number(count);
      series.mean[at] = ((before === 0 ? 0 : (series.mean[at] ?? 0)) * before + Number(sum)) / (before + Number(count));
      series.low[at] = before === 0 ? Number(min) : Math.min(series.low[at] ?? 0, Number(min));
      series.high[at] = before === 0 ? Number(max) : Math.max(series.high[at] ?? 0, Number(max));
    }
  }
  return [...known.values()].flatMap((one) => one?.series ?? []);
}

function empty(
  key: string,
  attributes: KeptSeries['attributes'],
  type: KeptSeries['type'],
  unit: string | undefined,
  steps: number,
): KeptSeries {
  const nothing = () => new Float64Array(steps).fill(Number.NaN);
  return { key, attributes, type, unit, mean: nothing(), low: nothing(), high: nothing() };
}

const typeOf = (text: string): KeptSeries['type'] => (text === 'counter' || text === 'updown' ? text : 'gauge');

/** As they lie in the dictionary: JSON that was checked when it came, or nothing. */
const attributesOf = (text: string): KeptSeries['attributes'] => (text === '' ? {} : (JSON.parse(text) as KeptSeries['attributes']));
