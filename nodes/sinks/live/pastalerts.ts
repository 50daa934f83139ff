/**
 * The alerts, over HTTP: what fires now, and what once did.
 *
 *     GET /api/alerts                          {firing, held, recent}: what fires now, what is held while its server is silent, and the
 *                                              changes that are remembered
 *     GET /api/alerts?from=&to=&key=&rule=     {alerts, next?}: what was kept as episodes, newest first. `next` is the `to` of the
 *                                              page before it; without one there is no more since `from`
 *
 * Times are milliseconds since 1970. A history is read forwards only, and people look backwards: so it is asked for spans that
 * double, the latest first, until a page is full.
 */
import { Hono } from 'hono';
import { type Event, type History, matcher, type Services } from 'sluice';
import { createEpisodes, type Episode } from './episodes.ts';
import type { LiveEnv, Looker } from './looker.ts';
import type { Memory } from './memory.ts';
import { answerFrom, instantOf } from './past.ts';
import type { Present } from './present.ts';

const pageEvents = 400;
const firstSpan = 6 * 3_600_000;
/** What is asked for where nothing says since when. */
const usualSpan = 30 * 86_400_000;
const mostSpans = 14;

export interface AlertsPage {
  readonly alerts: readonly Episode[];
  readonly next?: number;
}

export function createAlertRoutes(services: Services | undefined, memory: Memory, present: Present): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  app.get('/alerts', async (context): Promise<Response> => {
    const looker = context.get('looker');
    const asked = context.req.query();
    if (Object.keys(asked).length > 0)
      return answerFrom(context, async (kept) => context.json(await pageOf(kept, looker, asked, services?.clock.now() ?? 0)));
    const seen = ({ key }: { key: string }): boolean => looker.sees(key);
    const { firing, held } = present.alerts();
    const recent = memory.entries(new Set(['alert'])).filter(seen);
    return context.json({
      firing: firing.filter(seen),
      held: held.filter(seen),
      recent: recent.map((entry) => JSON.parse(entry.json.toString()) as unknown),
    });
  });
  return app;
}

/** @throws Reject with what is wrong with what was asked */
async function pageOf(kept: History, looker: Looker, asked: Record<string, string>, now: number): Promise<AlertsPage> {
  const { key: pattern = '#', rule } = asked;
  // Refuses what is none.
  matcher(pattern);
  const to = asked.to === undefined ? now + 1 : instantOf('to', asked.to);
  const from = asked.from === undefined ? to - usualSpan : instantOf('from', asked.from);
  let found: { event: Event<'alert'>; received: number }[] = [];
  let end = Math.min(to, now + 1);
  let cut = false;
  for (let span = firstSpan, spans = 1; end > from && found.length < pageEvents && !cut; span *= 2, spans++) {
    const begin = spans < mostSpans ? Math.max(from, end - span) : from;
    let some: typeof found = [];
    for await (const { event, received } of kept.read({ kind: 'alert', pattern }, begin, end)) {
      if (event.kind !== 'alert' || !looker.sees(event.key) || (rule !== undefined && event.data.rule !== rule)) continue;
      some.push({ event, received });
      if (some.length < 2 * pageEvents) continue;
      some = some.slice(-pageEvents);
      cut = true;
    }
    cut ||= some.length > pageEvents;
    found = [...some.slice(-pageEvents), ...found];
    end = begin;
  }
  // What was received together with the first of this page may be on the one before it: it is told again, and known by its id.
  const next = cut ? (found[0]?.received ?? from) + 1 : end;
  return { alerts: episodesOf(found.map(({ event }) => event)), ...(next > from && next < to && { next }) };
}

/** Newest first. What is not over by then may be so still: the page that asks knows what fires. */
function episodesOf(events: readonly Event<'alert'>[]): Episode[] {
  const episodes = createEpisodes();
  for (const event of events) episodes.take(event, 0);
  return episodes
    .since(0)
    .map((episode): Episode => (episode.state === 'firing' ? { ...episode, state: 'unknown' } : episode))
    .reverse();
}
