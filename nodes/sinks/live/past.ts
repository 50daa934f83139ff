/**
 * What `live` answers of the past, where a sink of this process keeps it.
 *
 *     GET /api/history?kind=&pattern=&from=&to=&after=   a page: lines of {received, event}, and a last one {"more": true|false}
 *     GET /api/history/coverage?from=&to=                how finely that time is known
 *     GET /api/events/<id>?led=<id>                      {received, event}; led: of an event that it led to
 *
 * `from` and `to` are milliseconds since 1970; `after` is the id of the last event of the page before, whose time is `from`.
 * A page is written as fast as it is read, and bounded; so is the number of pages at once: a reader that stalls gives way.
 * Where the store fails half-way, the last line is {"error": …}.
 */
import { type Context, Hono } from 'hono';
import {
  type History,
  isKind,
  kindNames,
  matcher,
  messageOf,
  narrowed,
  Outside,
  type Received,
  Reject,
  type Topic,
  toWire,
  UsageError,
} from 'sluice';
import type { LiveEnv } from './looker.ts';

/** What a store reads in one go; a page is never held whole, so its bytes bound only how long one question may take. */
const pageEvents = 20_000;
const pageBytes = 64 * 1024 * 1024;
const chunkBytes = 64 * 1024;
const mostPages = 8;
/** How long a reader may leave a page untouched. */
const stallMs = 30_000;

interface Asked {
  readonly topic: Topic;
  readonly from: number;
  readonly to: number;
  readonly after: string | undefined;
}

export function createPast(): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  const open = new Set<() => void>();

  app.get('/history', (context) =>
    answerFrom(context, async (kept) => {
      const asked = askedOf((name) => context.req.query(name));
      // Said before the page begins: what is wrong half-way stands in its last line.
      narrowed(asked.topic.pattern, context.get('looker').part);
      // The one that was asked first has had its time.
      if (open.size >= mostPages) [...open][0]?.();
      return context.body(pageOf(kept, asked, open), 200, { 'content-type': 'application/x-ndjson' });
    }),
  );
  app.get('/history/coverage', (context) =>
    answerFrom(context, async (kept) =>
      context.json(await kept.coverage(instantOf('from', context.req.query('from')), instantOf('to', context.req.query('to')))),
    ),
  );
  app.get('/events/:id', (context) =>
    answerFrom(context, async (kept) => {
      const led = context.req.query('led');
      const found = await kept.byId(context.req.param('id'), led === undefined ? undefined : (await kept.byId(led))?.event);
      if (!found) return unknown(context);
      return context.body(lineOf(found), 200, { 'content-type': 'application/json' });
    }),
  );
  return app;
}

/**
 * Asks the past as the looker may see it. What is asked wrongly is the asker's mistake (400), what is outside their part is not
 * for them (403); where nothing is kept, another process is to be asked (503).
 */
export async function answerFrom(context: Context<LiveEnv>, answer: (history: History) => Promise<Response>): Promise<Response> {
  const kept = context.get('history');
  if (!kept) return context.text('sluice: live: no history is kept by this process; run the store beside it\n', 503);
  try {
    return await answer(kept);
  } catch (thrown) {
    if (thrown instanceof Outside) throw thrown;
    return context.text(`${messageOf(thrown)}\n`, thrown instanceof Reject || thrown instanceof UsageError ? 400 : 500);
  }
}

export const unknown = (context: Context) => context.text('sluice: live: no event is kept with this id\n', 404);
const lineOf = ({ received, event }: Received): string => `${JSON.stringify({ received, event: toWire(event) })}\n`;

/** @throws Reject with what is wrong with it */
function askedOf(query: (name: string) => string | undefined): Asked {
  const kind = query('kind') ?? '';
  if (!isKind(kind)) throw new Reject(`live: kind "${kind.slice(0, 64)}" is none; the kinds are ${kindNames.join(', ')}`);
  const pattern = query('pattern') ?? '#';
  matcher(pattern);
  return { topic: { kind, pattern }, from: instantOf('from', query('from')), to: instantOf('to', query('to')), after: query('after') };
}

export function instantOf(name: string, text: string | undefined): number {
  const at = text === undefined || text === '' ? Number.NaN : Number(text);
  if (Math.abs(at) <= 8.64e15) return at;
  throw new Reject(`live: ${name} "${text?.slice(0, 64) ?? ''}" is no time; give milliseconds since 1970`);
}

/** The page as it is read: nothing is asked of the store before there is room for it. */
function pageOf(history: History, { topic, from, to, after }: Asked, open: Set<() => void>): ReadableStream<Uint8Array> {
  const events = history.read(topic, from, to)[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let [count, bytes] = [0, 0];
  let passing = after !== undefined;
  let stalled: NodeJS.Timeout | undefined;
  let stop = () => {};
  const close = async (): Promise<void> => {
    clearTimeout(stalled);
    open.delete(stop);
    await events.return?.();
  };
  /** Some lines, and the last one where the page ends with them. */
  const chunk = async (): Promise<{ text: string; last?: { more: boolean } }> => {
    let text = '';
    while (text.length < chunkBytes) {
      // Nothing is asked for that the next page would ask for again: it may be empty.
      if (count >= pageEvents || bytes + text.length >= pageBytes) return { text, last: { more: true } };
      const next = await events.next();
      if (next.done) return { text, last: { more: false } };
      // What was received with the last event of the page before stands in it, up to that event.
      if (passing && next.value.received === from) {
        passing = next.value.event.id !== after;
        continue;
      }
      passing = false;
      text += lineOf(next.value);
      count += 1;
    }
    return { text };
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stop = () => {
          controller.error(new Error('sluice: live: the page was not read in time'));
          void close();
        };
        open.add(stop);
      },
      async pull(controller) {
        clearTimeout(stalled);
        const { text, last } = await chunk().catch((thrown: unknown) => ({ text: '', last: { error: messageOf(thrown) } }));
        const encoded = encoder.encode(last ? `${text}${JSON.stringify(last)}\n` : text);
        bytes += encoded.length;
        controller.enqueue(encoded);
        if (last) {
          controller.close();
          await close();
        } else {
          stalled = setTimeout(stop, stallMs);
          stalled.unref();
        }
      },
      cancel: close,
    },
    { highWaterMark: 1 },
  );
}
