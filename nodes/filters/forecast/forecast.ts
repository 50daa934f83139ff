/**
 * Tells hours before that a filesystem will be full, in bytes or in inodes: while there is time to act. It takes both, a
 * level and a robust rate over six hours: neither a fast rise from nothing nor a slow one at the top is an emergency.
 *
 * metric → alert (firing, worse, milder, resolved) with the time that is left and its uncertainty, and the alert's state.
 *
 *     share                 ╱ warning: ≥ 70 % and full within 24 h     ╱│╱│╱│  quiet: it was emptied at this
 *                 ╱╱╱╱╱╱╱╱╱   critical: ≥ 85 % and full within 4 h    ╱ │ │ │  level before, and will be again
 *
 * One look each five minutes, of the data's own time; three in a row change its mind. It ends when there is twice the time,
 * or 5 points less in use. A fall by 5 points from below 90 % within two weeks is taken for a rotation, and a warning
 * waits until the highest such peak is passed by 2 points, and until a day is known, since most rotate daily; a critical
 * forecast waits for nothing. A series that is silent for an
 * hour, heard by a healthy pipe, is over. About 6 KB per filesystem; past 20,000 the one not heard for longest is let go.
 */
import { type Data, type Draft, defineFilter, duration, type Event, formatDuration, type Point, parse, table, z } from 'sluice';
import { alertDrafts, named, tableKey } from '../shared/alert.ts';
import { hearing, hearingTable } from '../shared/hearing.ts';
import { config } from './config.ts';
import { type Course, courseOf, type Look, slotMs, slots } from './course.ts';
import { examples } from './examples.ts';

const hour = 3_600_000;
const tickEvery = 300_000;
/** Looks in a row that change a verdict. */
const steadily = 3;
const peakMemory = 14 * 24 * hour;
const mostPeaks = 8;
/** Falls by less are noise: a saw-tooth as small as that is no reason for a forecast either. */
const notable = 0.05;
const beyondPeak = 0.02;
const dayKnown = 25 * hour;
/** What was emptied above this was emptied by a worried person, not by a timer. */
const habitual = 0.9;

const rules: Readonly<Record<string, { rule: string; of: string; action: string }>> = {
  'system.filesystem.utilization': {
    rule: 'filesystem-space-forecast',
    of: 'full',
    action: 'find what grows before it is full: du -xh --max-depth=2 there, now and in an hour; then free space or grow it',
  },
  'system.filesystem.inodes.utilization': {
    rule: 'filesystem-inodes-forecast',
    of: 'out of inodes',
    action: 'find what makes small files (sessions, caches, mail queues): du --inodes -x --max-depth=2 there, now and in an hour',
  },
};

const severity = z.enum(['warning', 'critical']);
const look = z.tuple([z.number(), z.number()]).readonly();
const series = z.object({
  about: z.string(),
  metric: z.string(),
  mountpoint: z.string(),
  begun: z.number(),
  looks: z.array(look),
  /** When it was emptied, and from which share. */
  peaks: z.array(look),
  /** The highest share since then, from which a fall is measured. */
  top: z.number(),
  firing: severity.optional(),
  /** Looks in a row that said otherwise than `firing`; since which time and event. */
  doubts: z.number(),
  since: z.number(),
  from: z.string(),
});
type Series = z.output<typeof series>;

export default defineFilter({
  name: 'forecast',
  doc: 'Tells hours before that a filesystem will be full, from its level and its rate over six hours, with what to do.',
  config,
  in: [{ kind: 'metric' }],
  out: ['alert', 'state'],
  tables: {
    series: table(series, { bound: 20_000 }),
    /** When a series that fires was last heard, on the receiving clock. */
    heard: table(z.number(), { bound: 20_000 }),
    watch: table(hearingTable, { bound: 1 }),
  },
  tickEvery,
  examples,
  create({ warning, critical }, tables) {
    const listening = hearing(tables.watch, tickEvery);
    const limits = [
      { severity: 'critical', ...critical, within: duration(critical.within) ?? 0 },
      { severity: 'warning', ...warning, within: duration(warning.within) ?? 0 },
    ] as const;

    /** What the course amounts to. What fires already has a wider limit, so that it does not flap. */
    const verdict = ({ share, full, latest }: Course, { begun, firing, peaks }: Series, time: number): Series['firing'] => {
      const peak = Math.max(0, ...peaks.map(([, height]) => height));
      return limits.find((each) => {
        const stands = firing === 'critical' || firing === each.severity;
        if (stands) return share > each.share - 0.05 && full <= 2 * each.within;
        const mayRotate = each.severity === 'warning' && (share < peak + beyondPeak || time < begun + dayKnown);
        return share >= each.share && full <= each.within && Number.isFinite(latest) && !mayRotate;
      })?.severity;
    };

    const judge = (
      before: Series,
      share: number,
      time: number,
      event: Event<'metric'>,
    ): { after: Series; drafts: Draft<'alert' | 'state'>[] } => {
      const looked = lookAt(before, share, time);
      const course = courseOf(looked.looks);
      const said = course === undefined ? looked.firing : verdict(course, looked, time);
      if (said === looked.firing) return { after: { ...looked, doubts: 0 }, drafts: [] };
      const doubts = looked.doubts + 1;
      const first = doubts === 1 && looked.firing === undefined ? { since: time, from: event.id } : {};
      if (doubts < steadily || course === undefined) return { after: { ...looked, ...first, doubts }, drafts: [] };
      const after = { ...looked, ...first, doubts: 0, firing: said };
      return { after, drafts: speak(after, said, looked.firing, course, event.id) };
    };

    const speak = (told: Series, said: Series['firing'], was: Series['firing'], course: Course, id: string) => {
      const level = limits.find((each) => each.severity === (said ?? was));
      const known = rules[told.metric];
      if (level === undefined || known === undefined) return [];
      const { of, action, rule } = known;
      const numbers = Number.isFinite(course.full) ? { value: course.full / 1000 } : {};
      return alertDrafts(told.about, rule, [told.mountpoint], {
        status: said === undefined ? 'resolved' : 'firing',
        severity: level.severity,
        summary: `${named(told.mountpoint)} ${sentence(course, of)}`,
        ...(said !== undefined && { action }),
        ...numbers,
        threshold: level.within / 1000,
        unit: 's',
        since: new Date(told.since).toISOString(),
        evidence: [...new Set([told.from, id])],
      });
    };

    return {
      event(event, at) {
        let drafts: Draft<'alert' | 'state'>[] = [];
        for (const point of event.data.points) {
          if (!Object.hasOwn(rules, point.name) || !isWanted(point)) continue;
          const time = point.time === undefined ? event.time : Date.parse(point.time);
          // A clock that is far ahead would hide what comes once it is set right.
          if (time > at + hour) continue;
          const mountpoint = String(point.attributes?.['system.filesystem.mountpoint'] ?? '');
          const id = tableKey([event.key, point.name, mountpoint]);
          const known = tables.series.get(id);
          const slot = Math.floor(time / slotMs);
          if (known !== undefined && slot <= (known.looks.at(-1)?.[0] ?? 0)) continue;
          const before = known ?? { ...fresh, begun: time, about: event.key, metric: point.name, mountpoint };
          const { after, drafts: made } = judge(before, point.value, time, event);
          tables.series.set(id, after);
          if (after.firing !== undefined) tables.heard.set(id, at);
          else tables.heard.delete(id);
          drafts = drafts.concat(made);
        }
        return drafts;
      },
      tick(at) {
        if (tables.heard.size === 0) return [];
        const since = listening.since(at);
        if (since === undefined) return [];
        return [...tables.heard.entries()].flatMap(([id, heard]) => {
          const told = tables.series.get(id);
          if (told !== undefined && at - Math.max(heard, since) < hour) return [];
          tables.heard.delete(id);
          if (told === undefined) return [];
          tables.series.delete(id);
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

const fresh = { looks: [], peaks: [], top: 0, doubts: 0, since: 0, from: '' };

/** What cannot be written cannot fill up; images are full from the day that they are made. */
function isWanted({ attributes = {} }: Point): boolean {
  const type = attributes['system.filesystem.type'];
  const state = attributes['system.filesystem.state'] ?? 'used';
  return state === 'used' && attributes['system.filesystem.mode'] !== 'ro' && !['squashfs', 'iso9660', 'erofs'].includes(String(type));
}

function lookAt(before: Series, share: number, time: number): Series {
  const slot = Math.floor(time / slotMs);
  const looks: Look[] = [...before.looks.filter(([then]) => then > slot - slots), [slot, share]];
  const peaks: Look[] = before.peaks.filter(([then]) => then > time - peakMemory);
  const fell = before.top - share >= notable;
  if (fell && before.top < habitual) peaks.push([time, before.top]);
  return { ...before, looks, peaks: peaks.slice(-mostPeaks), top: fell ? share : Math.max(before.top, share) };
}

/** `is 82 % full and grows 1.4 % an hour: full in about 13h (11h to 16h)`. */
function sentence({ share, rate, full, earliest, latest }: Course, of: string): string {
  const level = `is ${percent(share)} % ${of === 'full' ? 'full' : 'used in inodes'}`;
  if (full === 0) return `${level}: there is no time left`;
  if (!Number.isFinite(full)) return `${level} and grows no more`;
  const until = Number.isFinite(latest)
    ? `${formatDuration(earliest)} to ${formatDuration(latest)}`
    : `${formatDuration(earliest)} at the earliest`;
  return `${level} and grows ${percent(rate)} % an hour: ${of} in about ${formatDuration(full)} (${until})`;
}

/** Two figures, and never 100 before it is. */
const percent = (share: number): string =>
  share > 0.99 && share < 1
    ? String(Math.floor(share * 1000) / 10)
    : String(Number((share * 100).toPrecision(share < 0.1 ? 2 : 3)).toFixed(share < 0.1 ? 1 : 0));

function forgotten(told: Series): Draft<'alert' | 'state'>[] {
  const rule = rules[told.metric]?.rule;
  if (rule === undefined || told.firing === undefined) return [];
  const data: Omit<Data<'alert'>, 'rule'> = {
    status: 'resolved',
    severity: told.firing,
    summary: `${named(told.mountpoint)} on ${named(parse(told.about).host)}: no value for an hour, so how it is now is not known`,
    since: new Date(told.since).toISOString(),
    evidence: [told.from],
  };
  return alertDrafts(told.about, rule, [told.mountpoint], data);
}
