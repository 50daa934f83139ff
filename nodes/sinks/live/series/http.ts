/**
 * `POST /api/series`: how series of a metric went over a stretch of time, as JSON by its content type, so that a page elsewhere cannot
 * send it without asking first; `GET /api/metrics`: which there are; `GET /api/marks`: what happened then. What is asked of them, and
 * what they answer, is in protocol.ts.
 */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { messageOf, Reject, z } from 'sluice';
import { listMetrics } from '../catalog.ts';
import type { LiveEnv } from '../looker.ts';
import { answerMarks, type MarkMemory } from './marks.ts';
import { answerPast, type PastSources } from './past.ts';
import { pastRequest } from './protocol.ts';

const mostBytes = 262_144;
const usage =
  'send JSON such as {"metric": "system.cpu.utilization", "from": 1767225600000, "to": 1767229200000, "step": 10000}, with content-type: application/json';

const marksUsage =
  'from and to are milliseconds since 1970, server is company.system.environment.host; ask /api/marks?from=0&to=1767225600000';
const marksAsked = z.strictObject({
  from: z.coerce.number().min(0).max(8.64e15),
  to: z.coerce.number().min(0).max(8.64e15),
  server: z.string().min(1).max(255).optional(),
});

export interface SeriesSources extends PastSources {
  readonly marks: MarkMemory;
}

export function createSeriesRoutes(sources: SeriesSources): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  app.get('/metrics', (context) =>
    context.json(listMetrics(sources.memory, context.get('looker').sees, { name: context.req.query('name'), q: context.req.query('q') })),
  );
  const tooLong = bodyLimit({
    maxSize: mostBytes,
    onError: (context) => context.text(`sluice: live: the request is longer than ${mostBytes} bytes; ask for fewer at once\n`, 413),
  });
  app.get('/marks', async (context) => {
    const read = marksAsked.safeParse(context.req.query());
    if (!read.success) return context.text(`sluice: live: ${marksUsage}\n`, 400);
    return context.json(await answerMarks(sources.marks, read.data, context.get('history'), context.get('looker')));
  });
  app.post('/series', tooLong, async (context) => {
    if (!/^application\/json\s*(;|$)/i.test(context.req.header('content-type') ?? ''))
      return context.text(`sluice: live: what is asked is JSON; ${usage}\n`, 415);
    const read = pastRequest.safeParse(await context.req.json().catch(() => undefined));
    if (!read.success) {
      const [issue] = read.error.issues;
      return context.text(`sluice: live: ${issue?.path.join('.')} ${issue?.message ?? 'does not fit'}; ${usage}\n`, 400);
    }
    try {
      return context.json(await answerPast(sources, read.data, context.get('history'), context.get('looker')));
    } catch (thrown) {
      return context.text(`${messageOf(thrown)}\n`, thrown instanceof Reject ? 400 : 500);
    }
  });
  return app;
}
