/**
 * What the door itself answers, and what those may do who are more than viewers.
 *
 *     GET /api/session      {open, name, role, part, ends?}: as whom one looks
 *     POST /api/session     with a token: stays signed in, by a cookie; {"remember": true} until the token ends
 *     DELETE /api/session   signs out
 *     POST /api/ticket      {ticket}: opens one WebSocket, as the subprotocol `ticket.<it>` beside `sluice`; null where none is needed
 *     POST /api/emit        {kind, key, data, ttl?} → {id}: publishes an event, for operators and about their part
 */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type Draft, kindNames, messageOf, Outside, Reject, type Services, SluiceError, unfit, z } from 'sluice';
import { anyone, type LiveEnv } from '../looker.ts';
import type { Door } from './door.ts';

/** What is said by commands, by policy and of who did what is signed, or written by whoever did it. */
const unspoken: ReadonlySet<string> = new Set(['command', 'policy', 'audit', 'outcome', 'dead']);
const spoken = kindNames.filter((kind) => !unspoken.has(kind));
const mostBytes = 1_100_000;

const emitted = z.strictObject({
  kind: z.string(),
  key: z.union([z.string().max(255), z.array(z.string().max(255)).max(32)]).default([]),
  data: z.unknown(),
  ttl: z.number().positive().optional(),
});
const remembered = z.strictObject({ remember: z.boolean().optional() });

export const doorMethods: Readonly<Record<string, readonly string[]>> = {
  '/api/session': ['GET', 'HEAD', 'POST', 'DELETE'],
  '/api/ticket': ['POST'],
  '/api/emit': ['POST'],
};

export function createDoorRoutes(door: Door, services: Services | undefined): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  const whoIs = (context: Context<LiveEnv>) => {
    const looker = context.get('looker');
    const { name, role, part } = looker;
    const ends = door.endOf(looker);
    return { open: door.open, name, role, part, ...(ends !== undefined && { ends: new Date(ends).toISOString() }) };
  };

  app.get('/session', (context) => context.json(whoIs(context)));
  app.post('/session', async (context) => {
    const looker = context.get('looker');
    if (looker === anyone) return context.json(whoIs(context));
    const read = remembered.safeParse(await context.req.json().catch(() => ({})));
    context.header('set-cookie', door.signIn(context.env.incoming, looker, read.data?.remember === true));
    return context.json(whoIs(context));
  });
  app.delete('/session', (context) => {
    context.header('set-cookie', door.signOut(context.env.incoming));
    return context.body(null, 204);
  });
  app.post('/ticket', (context) => {
    try {
      return context.json({ ticket: door.ticket(context.get('looker')) ?? null });
    } catch (thrown) {
      return context.text(`${messageOf(thrown)}\n`, thrown instanceof SluiceError ? 429 : 500);
    }
  });
  const tooLong = bodyLimit({
    maxSize: mostBytes,
    onError: (context) => context.text('sluice: live: an event is at most 1 MB; send it in parts\n', 413),
  });
  app.post('/emit', tooLong, async (context) => {
    const looker = context.get('looker');
    if (looker === anyone) return context.text(notHere, 403);
    if (!/^application\/json\s*(;|$)/i.test(context.req.header('content-type') ?? '')) return context.text(usage, 415);
    const body: unknown = await context.req.json().catch(() => undefined);
    const read = emitted.safeParse(body);
    if (!read.success || body === undefined || unfit(body) !== undefined) return context.text(usage, 400);
    const { kind, key, data, ttl } = read.data;
    const to = `${kind} ${typeof key === 'string' ? key : key.join('.')}`.slice(0, 1000);
    if (looker.role !== 'operator') {
      door.tell(looker, 'was refused: a viewer who emits', { to });
      return context.text("sluice: live: your token is a viewer's; only an operator may emit\n", 403);
    }
    if (!spoken.includes(kind as never)) {
      door.tell(looker, 'was refused: emits a kind that is not for here', { to });
      return context.text(`sluice: live: a ${kind.slice(0, 64)} is not for here; emit ${spoken.join(', ')}\n`, 403);
    }
    if (!services) return context.text('sluice: live: this process cannot publish; ask one that runs as sluice run\n', 503);
    try {
      const may = (about: string): boolean => {
        if (looker.sees(about)) return true;
        throw new Outside(about, looker.part);
      };
      const id = await services.emit({ kind, key, data, ...(ttl !== undefined && { ttl }) } as Draft, may);
      door.tell(looker, 'emitted', { to, detail: { event: id } });
      return context.json({ id });
    } catch (thrown) {
      if (thrown instanceof Outside) throw thrown;
      return context.text(`${messageOf(thrown)}\n`, thrown instanceof Reject ? 400 : 500);
    }
  });
  return app;
}

const usage =
  'sluice: live: that is no event; send JSON such as {"kind": "metric", "key": "acme.shop.prod.web-1.queue", "data": {"points": [{"name": "queue.length", "value": 12}]}}, ' +
  'with content-type: application/json\n';
const notHere =
  "sluice: live: any page on this machine could ask for this without a token; use sluice emit, which goes through the process's own socket, or send an operator's token\n";
