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
import { type Data, type Draft, defineFilter, type Event, parse, table, z } from 'sluice';
import { alertDrafts, named, tableKey } from '../shared/alert.ts';
import { hearing, hearingTable } from '../shared/hearing.ts';
import { config } from './config.ts';
import { type Course, courseOf, slotMs } from './course.ts';
import { examples } from './examples.ts';
import { explains } from './near.ts';
import { fresh, isWanted, limitsOf, lookAt, rules, type Series, sentence, series, steadily, verdictOf } from './verdict.ts';

const hour = 3_600_000;
const tickEvery = 300_000;

export default defineFilter({
  name: 'forecast',
  doc: 'Tells hours before that a filesystem will be full, from its level and its rate over six hours, with what to do.',
  config,
  in: [{ kind: 'metric' }],
  out: ['alert', 'state'],
  shard: 'source',
  tables: {
    series: table(series, { bound: 20_000 }),
    /** When a series that fires was last heard, on the receiving clock. */
    heard: table(z.number(), { bound: 20_000 }),
    watch: table(hearingTable, { bound: 1 }),
  },
  tickEvery,
  examples,
  explains,
  create(given, tables) {
    const limits = limitsOf(given);
    const listening = hearing(tables.watch, tickEvery);

    const judge = (
      before: Series,
      share: number,
      time: number,
      event: Event<'metric'>,
    ): { after: Series; drafts: Draft<'alert' | 'state'>[] } => {
      const looked = lookAt(before, share, time);
      const course = courseOf(looked.looks);
      const said = course === undefined ? looked.firing : verdictOf(limits, course, looked, time);
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
