/**
 * Tells what is unlike the same hour of earlier weeks: what no limit can say, since Monday at nine is not Sunday at three.
 * It informs and never pages: unusual is not broken.
 *
 * stat (rollup's hours) → alert of severity info (firing, resolved), and its state.
 *
 *     ╭╮   ╭╮   ╭╮   ╭╮ ╭╮  unusual: more than six deviations of the weeks, half as much again, and by what matters
 *     ╯╰───╯╰───╯╰───╯╰─╯╰  from this hour of the week and from both beside it
 *
 * It says nothing before it knows an hour from three weeks. Each series has 168 hours of up to eight weeks: about 50 KB once it is
 * learned. Hours are UTC's; the hours beside forgive the change to summer time. Series past `series` are left out, and how
 * many stands in the state `anomaly`; one that is silent for two weeks is forgotten. An alert ends at half of that distance, or after
 * three hours without a stat on a healthy pipe.
 */
import { type Draft, defineFilter, type Event, parse, table, z } from 'sluice';
import { alertDrafts, named, tableKey } from '../shared/alert.ts';
import { hearing, hearingTable } from '../shared/hearing.ts';
import { config, mostSeries } from './config.ts';
import { examples } from './examples.ts';
import { habit, hour, hourOf, hoursOfWeek, judged, learn, type Usual, weekOf } from './habit.ts';
import { explains } from './near.ts';
import { format, type StatSeries, wordsOf } from './words.ts';

const tickEvery = 600_000;
const silentFor = 3 * hour;
const days = 24 * hour;

const firing = z.object({
  about: z.string(),
  words: z.array(z.string()),
  since: z.number(),
  from: z.string(),
  /** On the receiving clock. */
  heard: z.number(),
});

export default defineFilter({
  name: 'anomaly',
  doc: 'Tells, for the record, what is unlike the same hour of earlier weeks, once it knows three of them.',
  config,
  in: [{ kind: 'stat' }],
  out: ['alert', 'state'],
  tables: {
    /** The series that are learned. */
    known: table(z.literal(true), { bound: mostSeries, ttl: 14 * days }),
    /** By series and hour of the week. */
    habits: table(habit, { bound: mostSeries * hoursOfWeek, ttl: 63 * days }),
    firing: table(firing, { bound: mostSeries }),
    /** Series left out in the hour that is counted, and in the one that was told. */
    leftOut: table(z.object({ hour: z.number(), count: z.number(), told: z.number() }), { bound: 1 }),
    watch: table(hearingTable, { bound: 1 }),
  },
  tickEvery,
  examples,
  explains,
  create(given, tables) {
    const matters = new Map(Object.entries(given.metrics));
    const listening = hearing(tables.watch, tickEvery);

    const handle = (event: Event<'stat'>, series: StatSeries, from: number, room: number, at: number): Draft<'alert' | 'state'>[] => {
      const words = wordsOf(series);
      const id = tableKey([event.key, series.unit ?? '', ...words]);
      if (tables.known.get(id) === undefined && tables.known.size >= given.series) return leaveOut(at);
      tables.known.set(id, true);
      const slot = `${id}\n${hourOf(from)}`;
      const before = tables.habits.get(slot) ?? [];
      tables.habits.set(slot, learn(before, weekOf(from), series.count, series.sum));
      // A further part of an hour is learned; the hour was judged by its first.
      if (before.some(([week]) => week >= weekOf(from))) return [];
      const found = judged((hourOfWeek) => tables.habits.get(`${id}\n${hourOfWeek}`) ?? [], from, series.sum / series.count, room);
      const stands = tables.firing.get(id);
      if (found === undefined) return [];
      if (found.beyond <= (stands === undefined ? 1 : 0.5)) {
        tables.firing.delete(id);
        return stands === undefined ? [] : speak(event, series, stands, found, 'resolved');
      }
      const told = { ...(stands ?? { about: event.key, words, since: from, from: event.id }), heard: at };
      tables.firing.set(id, told);
      return stands === undefined ? speak(event, series, told, found, 'firing') : [];
    };

    const leaveOut = (at: number): Draft<'state'>[] => {
      const now = Math.floor(at / hour);
      const before = tables.leftOut.get('series') ?? { hour: now, count: 0, told: 0 };
      if (before.hour === now) {
        tables.leftOut.set('series', { ...before, count: before.count + 1 });
        return [];
      }
      tables.leftOut.set('series', { hour: now, count: 1, told: before.count });
      if (before.count === before.told) return [];
      return [{ kind: 'state', key: ['anomaly'], data: { of: 'anomaly', value: { leftOut: before.count } } }];
    };

    return {
      event(event, at) {
        const from = Date.parse(event.data.from);
        if (Date.parse(event.data.to) - from !== hour) return [];
        return event.data.series.flatMap((series) => {
          const room = matters.get(series.name);
          return room === undefined || series.count === 0 ? [] : handle(event, series, from, room, at);
        });
      },
      tick(at) {
        if (tables.firing.size === 0) return [];
        const since = listening.since(at);
        if (since === undefined) return [];
        return [...tables.firing.entries()].flatMap(([id, told]) => {
          if (at - Math.max(told.heard, since) < silentFor) return [];
          tables.firing.delete(id);
          return forgotten(told);
        });
      },
      pipe(pipe, at) {
        listening.pipe(pipe, at);
        return [];
      },
    };
  },
});

function speak(
  event: Event<'stat'>,
  { name, unit }: StatSeries,
  { about, words, since, from }: z.output<typeof firing>,
  { mean, nearest }: { mean: number; nearest: Usual },
  status: 'firing' | 'resolved',
): Draft<'alert' | 'state'>[] {
  const { least, greatest, middle, room, weeks } = nearest;
  const where = words.slice(1).map(named).join(' ');
  const range = `${format(least, unit)} to ${format(greatest, unit)}`;
  return alertDrafts(about, 'anomaly', words, {
    status,
    severity: 'info',
    summary: `${name}${where && ` of ${where}`} was ${format(mean, unit)} over an hour; at this hour of ${weeks} earlier weeks, ${range}`,
    ...(status === 'firing' && { action: 'see what is different: a deployment, a job, more visitors or fewer; nothing need be broken' }),
    value: finite(mean),
    threshold: finite(mean > middle ? middle + room : middle - room),
    ...(unit !== undefined && { unit }),
    since: new Date(since).toISOString(),
    evidence: [...new Set([from, event.id])],
  });
}

function forgotten({ about, words, since, from }: z.output<typeof firing>): Draft<'alert' | 'state'>[] {
  return alertDrafts(about, 'anomaly', words, {
    status: 'resolved',
    severity: 'info',
    summary: `${words.map(named).join(' ')} on ${named(parse(about).host)}: no value for three hours, so how it is now is not known`,
    since: new Date(since).toISOString(),
    evidence: [from],
  });
}

const finite = (value: number): number => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
