/**
 * Why an alert came, and why none did: what `sluice why` and `sluice why-not` say with --json, over HTTP.
 *
 *     GET /api/events/<id>/why                what that event came of
 *     GET /api/why?about=<host/resource>      what the latest alert there came of; 404 where none is kept
 *     GET /api/why-not?about=&at=<time>       which rules looked around then, and how near each came
 *
 * `about` and `at` are as on the command line: `web-3/filesystem`, and `02:12` (UTC), `2026-01-31T12:00:00Z` or `5m` ago. The
 * rules are those of the filters that this process runs. A why-not holds what it looks at, so they come one at a time.
 */
import { type Context, Hono } from 'hono';
import { type History, latestAlert, lookBackMs, Reject, type Services, targetOf, timeOf, why, whyNot } from 'sluice';
import type { LiveEnv } from './looker.ts';
import { answerFrom, unknown } from './past.ts';

export function createReasons(services: Services | undefined): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  const answering = (context: Context<LiveEnv>, answer: (kept: History, of: Services) => Promise<Response>): Promise<Response> =>
    answerFrom(context, async (kept) => (services ? answer(kept, services) : unknown(context)));
  let looking = false;

  app.get('/events/:id/why', (context) =>
    answering(context, async (kept) => {
      const found = await kept.byId(context.req.param('id'));
      return found ? context.json(await why(kept, found.event)) : unknown(context);
    }),
  );
  app.get('/why', (context) =>
    answering(context, async (kept, { clock }) => {
      const target = targetOf(given('about', context.req.query('about')));
      const now = clock.now();
      const alert = await latestAlert(kept, target, now - lookBackMs, now + 1);
      return alert ? context.json(await why(kept, alert)) : context.text(noAlert, 404);
    }),
  );
  app.get('/why-not', (context) =>
    answering(context, async (kept, { clock, filters }) => {
      const target = targetOf(given('about', context.req.query('about')));
      const at = timeOf('at', given('at', context.req.query('at')), clock.now());
      const judges = filters();
      if (judges.length === 0) return context.text(noFilter, 503);
      if (looking) return context.text(busy, 429, { 'retry-after': '1' });
      looking = true;
      try {
        return context.json(await whyNot(kept, judges, target, at));
      } finally {
        looking = false;
      }
    }),
  );
  return app;
}

const noAlert = 'sluice: live: no alert about that is kept from the last 30 days; ask /api/why-not?about=<host/resource>&at=<time>\n';
const noFilter = 'sluice: live: this process runs no filter; ask one that does, or use sluice why-not --config with its config\n';
const busy = 'sluice: live: another why-not is being answered; ask again in a moment\n';

const examples = { about: 'web-3/filesystem', at: '02:12' };

/** @throws Reject where it is left out */
function given(name: keyof typeof examples, text: string | undefined): string {
  if (text) return text;
  throw new Reject(`live: ${name} is missing; add ${name}=${examples[name]}`);
}
