/**
 * SQL over what was kept: `POST /api/query` with `{"sql", "time"?, "rows"?}` as JSON (milliseconds, and rows of the result) →
 * `{columns, rows, cut}`. What may be asked is the history's own to judge; what it refuses is the asker's mistake (400).
 *
 * JSON only, by its content type: a page elsewhere can then not send it without asking first, which the guard refuses.
 */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { messageOf, Reject, z } from 'sluice';
import type { LiveEnv } from './looker.ts';

const asked = z.strictObject({ sql: z.string().min(1), time: z.number().positive().optional(), rows: z.int().positive().optional() });
const mostBytes = 131_072;
const usage = 'send JSON such as {"sql": "SELECT * FROM points LIMIT 10"}, with content-type: application/json';

export function createQueries(): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  const tooLong = bodyLimit({
    maxSize: mostBytes,
    onError: (context) => context.text(`sluice: live: the query is longer than ${mostBytes} bytes; shorten it\n`, 413),
  });
  app.post('/query', tooLong, async (context) => {
    if (!/^application\/json\s*(;|$)/i.test(context.req.header('content-type') ?? ''))
      return context.text(`sluice: live: a query is JSON; ${usage}\n`, 415);
    const read = asked.safeParse(await context.req.json().catch(() => undefined));
    if (!read.success) return context.text(`sluice: live: that is no query; ${usage}\n`, 400);
    const past = context.get('history');
    if (!past) return context.text('sluice: live: this process keeps no history; run the node store in it\n', 503);
    const { sql, time, rows } = read.data;
    try {
      return context.json(await past.query(sql, { ...(time !== undefined && { time }), ...(rows !== undefined && { rows }) }));
    } catch (thrown) {
      return context.text(`${messageOf(thrown)}\n`, thrown instanceof Reject ? 400 : 500);
    }
  });
  return app;
}
