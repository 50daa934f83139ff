/**
 * Log lines over HTTP: back into what was kept, joined with what live remembers.
 *
 *     GET /api/logs?from=&to=&before=|after=&limit=&<filter>   {lines: [… newest first], searched, more}
 *     GET /api/logs/context?id=&line=&lines=50                 {line, before: [… newest first], after: [… oldest first]}: of its source
 *     GET /api/logs/counts?from=&to=&steps=60&<filter>         {from, to, step, counts: [[trace … fatal]…]}
 *
 * `<filter>`: see readWanted in filter.ts. Times are milliseconds since 1970. `before` and `after` are marks of lines, `<at>.<line>.<id>`:
 * the newest before one, the oldest after one. An answer looks for some seconds at most: `searched` is how far it came, and `more`
 * says whether there may be more beyond it.
 */
import { type Context, Hono } from 'hono';
import { type Clock, messageOf, Outside, Reject, UsageError } from 'sluice';
import type { LiveEnv } from '../looker.ts';
import { compileFilter, type LabelsOf, readWanted } from './filter.ts';
import { type Mark, readMark, shown } from './line.ts';
import { counts, eventById, type PastNeeds, page } from './past.ts';

export interface LogNeeds {
  readonly memory: PastNeeds['memory'];
  readonly labelsOf: LabelsOf;
  /** The process's; only a test may do without. */
  readonly clock: Clock | undefined;
}

const mostLines = 1_000;
const mostSteps = 500;
/** A line may be written by a clock that is ahead. */
const ahead = 60_000;
const lastTime = 8.64e15;

export function createLogs({ memory, labelsOf, clock }: LogNeeds): Hono<LiveEnv> {
  const app = new Hono<LiveEnv>();
  const filterOf = (context: Context<LiveEnv>, queries: Record<string, string[]>) =>
    compileFilter(readWanted(queries), context.get('looker'), labelsOf);
  const pastOf = (context: Context<LiveEnv>): PastNeeds => ({
    memory,
    history: context.get('history'),
    monotonic: () => clock?.monotonic() ?? 0,
  });
  const end = () => (clock ? clock.now() + ahead : lastTime);

  app.get('/logs', (context) =>
    answer(context, async () => {
      const { from, to, before, after, limit, ...rest } = context.req.queries();
      const filter = filterOf(context, rest);
      const stretch = {
        from: timeOf('from', from, 0),
        to: timeOf('to', to, end()),
        before: markAt('before', before),
        after: markAt('after', after),
      };
      // What stands before a mark need not be looked for behind it.
      if (stretch.before) stretch.to = Math.min(stretch.to, stretch.before.at + 1);
      if (stretch.after) stretch.from = Math.max(stretch.from, stretch.after.at);
      const which = stretch.after && !stretch.before ? 'oldest' : 'newest';
      const found = await page(pastOf(context), filter, stretch, countOf('limit', limit, 200, mostLines), which);
      return { ...found, lines: found.lines.reverse() };
    }),
  );
  app.get('/logs/counts', (context) =>
    answer(context, async () => {
      const { from, to, steps, ...rest } = context.req.queries();
      const filter = filterOf(context, rest);
      // Whole seconds, as memory counts them.
      const start = Math.floor(timeOf('from', from) / 1000) * 1000;
      const span = Math.max(1000, timeOf('to', to) - start);
      const step = Math.ceil(span / 1000 / countOf('steps', steps, 60, mostSteps)) * 1000;
      const many = Math.ceil(span / step);
      const stretch = { from: start, to: start + many * step };
      return { ...stretch, step, counts: await counts(pastOf(context), filter, stretch, many) };
    }),
  );
  app.get('/logs/context', (context) =>
    answer(context, async () => {
      const { id, line, lines } = context.req.queries();
      const event = await eventById(pastOf(context), id?.at(-1) ?? '');
      const index = countOf('line', line, 0, 10_000);
      const own = event?.data.lines[index];
      const looker = context.get('looker');
      if (!event || !own || !looker.sees(event.key)) return undefined;
      const { file } = event.data;
      const filter = compileFilter({ key: [event.key], ...(file !== undefined && { file: [file] }) }, looker, labelsOf);
      const around = countOf('lines', lines, 50, 500);
      const mark = shown(event, index, own, [], true);
      const before = await page(pastOf(context), filter, { from: 0, to: mark.at + 1, before: mark }, around, 'newest');
      const after = await page(pastOf(context), filter, { from: mark.at, to: end(), after: mark }, around, 'oldest');
      return { line: mark, before: before.lines.reverse(), after: after.lines };
    }),
  );
  return app;
}

/** What is asked wrongly is the asker's mistake. */
async function answer(context: Context<LiveEnv>, find: () => Promise<object | undefined>): Promise<Response> {
  try {
    const found = await find();
    return found ? context.json(found) : context.text('sluice: live: logs: there is no such line, here or in what was kept\n', 404);
  } catch (thrown) {
    if (thrown instanceof Outside) throw thrown;
    return context.text(`${messageOf(thrown)}\n`, thrown instanceof Reject || thrown instanceof UsageError ? 400 : 500);
  }
}

function timeOf(name: string, texts: readonly string[] | undefined, otherwise?: number): number {
  const [text = ''] = texts ?? [];
  const at = text === '' ? (otherwise ?? Number.NaN) : Number(text);
  if (at >= 0 && at <= lastTime) return at;
  throw new Reject(`live: logs: ${name} "${text.slice(0, 64)}" is no time; give milliseconds since 1970`);
}

function countOf(name: string, texts: readonly string[] | undefined, otherwise: number, limit: number): number {
  const [text = ''] = texts ?? [];
  const count = text === '' ? otherwise : Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= limit) return count;
  throw new Reject(`live: logs: ${name} "${text.slice(0, 64)}" is none; give a number up to ${limit}`);
}

function markAt(name: string, texts: readonly string[] | undefined): Mark | undefined {
  const [text = ''] = texts ?? [];
  if (text === '') return undefined;
  const mark = readMark(text);
  if (!mark) throw new Reject(`live: logs: ${name} is no line's mark; it reads <at>.<line>.<id>`);
  return mark;
}
