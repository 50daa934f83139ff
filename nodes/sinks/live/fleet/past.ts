/**
 * How a server fared: from when to when it was alive, silent, blind or retired, as its roster said then.
 *
 *     GET /api/servers/past?server=acme.shop.prod.web-1&from=&to=   [{status, from, to, open?}…], oldest first
 *
 * Times are milliseconds since 1970. A roster repeats itself each minute: where it was not heard for longer, nobody knows.
 */
import { Hono } from 'hono';
import { type History, parse, Reject, serverState } from 'sluice';
import type { LiveEnv } from '../looker.ts';
import { answerFrom } from '../past.ts';

export interface Stretch {
  readonly status: 'alive' | 'silent' | 'retired' | 'blind';
  readonly from: number;
  readonly to: number;
  /** It was so at the end of what was asked for. */
  readonly open?: true;
}

/** How long what a roster said holds without being said again: as long as a state lives. */
const holdsMs = 180_000;
const mostSpanMs = 8 * 86_400_000;
const mostStretches = 2_000;
/** Questions of this sort that are answered at once; each reads some thousand events. */
const mostAsking = 4;

export function createServerPast(): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  let asking = 0;
  app.get('/servers/past', (context) =>
    answerFrom(context, async (history) => {
      const server = context.req.query('server') ?? '';
      const [from, to] = [Number(context.req.query('from')), Number(context.req.query('to'))];
      if (!(to > from) || to - from > mostSpanMs)
        throw new Reject('live: give from and to, in milliseconds since 1970, at most 8 days apart');
      parse(server);
      if (!context.get('looker').sees(server)) return context.json([]);
      if (asking >= mostAsking)
        return context.text('sluice: live: others are asking too; ask again in a moment\n', 429, { 'retry-after': '1' });
      asking++;
      try {
        return context.json(await pastOf(history, server, from, to));
      } finally {
        asking--;
      }
    }),
  );
  return app;
}

/** @param server is its key, `company.system.environment.host` */
export async function pastOf(history: History, server: string, from: number, to: number): Promise<Stretch[]> {
  const stretches: Stretch[] = [];
  for await (const { event, received } of history.read({ kind: 'state', pattern: `${server}.server` }, from - holdsMs, to)) {
    if (event.kind !== 'state' || event.data.of !== 'server') continue;
    const state = serverState.safeParse(event.data.value);
    const status = state.success ? state.data.status : undefined;
    const last = stretches.at(-1);
    const until = Math.min(to, received + holdsMs);
    // Who is forgotten is nothing from then on.
    if (last && last.to > received) stretches[stretches.length - 1] = { ...last, to: received };
    if (status === undefined) continue;
    if (last && last.status === status && last.to >= received) stretches[stretches.length - 1] = { ...last, to: until };
    else stretches.push({ status, from: Math.max(from, received), to: until });
    if (stretches.length > mostStretches) stretches.shift();
  }
  return stretches.filter((stretch) => stretch.to > from).map((stretch) => (stretch.to >= to ? { ...stretch, open: true } : stretch));
}
