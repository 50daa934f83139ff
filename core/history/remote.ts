/**
 * The past of a sluice that runs on this machine, asked over HTTP: events a page at a time, so that a slow reader holds
 * nothing open in the store. What it answers is checked like any stranger's word.
 *
 *     GET /api/history?kind=&pattern=&from=&to=&after=   lines of {received, event}, and a last one {"more": true|false}
 *     GET /api/history/coverage?from=&to=                JSON
 *     GET /api/events/<id>?led=<id>                      {received, event}; led: of an event that it led to
 *     POST /api/query                                    {sql, time?, rows?} → {columns, rows, cut}
 *     POST /api/series                                   {metric, where?, from, to, step, most} → how they went
 */
import type { ReadableStream } from 'node:stream/web';
import { z } from 'zod';
import { Reject, SluiceError } from '../errors.ts';
import type { Topic } from '../event.ts';
import type { History, Received } from '../history.ts';
import { jsonValue } from '../json.ts';
import { kindNames, scalar } from '../kinds.ts';
import { readLine } from './line.ts';
import { linesOf } from './split.ts';
import { Outside } from './within.ts';

const patienceMs = 120_000;
const coverages = z.array(
  z.object({
    from: z.number(),
    to: z.number(),
    resolution: z.enum(['raw', 'minute', 'hour']),
    only: z.array(z.enum(kindNames)).optional(),
  }),
);
/** As many as are given at once over HTTP. */
const mostSeries = 500;
const values = z.array(z.number().nullable());
const course = z.object({
  from: z.number(),
  to: z.number(),
  step: z.number(),
  of: z.number(),
  unit: z.string().optional(),
  type: z.enum(['gauge', 'counter', 'updown']).optional(),
  coverage: coverages,
  series: z.array(
    z.object({ key: z.string(), attributes: z.record(z.string(), scalar), values, low: values.optional(), high: values.optional() }),
  ),
});
const answer = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(jsonValue)),
  cut: z.boolean(),
});

/** How the server of a page is asked: as `fetch` does, by path. */
export interface Way {
  readonly base: string;
  ask(path: string, init?: { method?: string; headers?: Record<string, string>; body?: string; signal?: AbortSignal }): Promise<Response>;
}

/** @param way or an address on this machine, as in `http://127.0.0.1:7400` */
export function remoteHistory(way: Way | string): History {
  const { base, ask: exchange } = typeof way === 'string' ? plainWay(way) : way;
  async function ask(path: string, init: Parameters<Way['ask']>[1] = {}): Promise<Response> {
    const response = await exchange(path, { signal: AbortSignal.timeout(patienceMs), ...init }).catch((cause: unknown) => {
      if (cause instanceof SluiceError) throw cause;
      throw new SluiceError(`nothing answers at ${base}; start it with "sluice run" (npm start in a checkout), or name its --port`, {
        cause,
      });
    });
    if (response.ok || response.status === 404) return response;
    if (response.status === 403 && path.startsWith('/api/events/')) throw new Outside(path.split(/[/?]/)[3] ?? '', 'it');
    const text = (await response.text()).trim().slice(0, 1000);
    throw response.status < 500 ? new Reject(text) : new SluiceError(text);
  }
  async function askJson<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    init?: Parameters<Way['ask']>[1],
  ): Promise<z.output<Schema>> {
    const checked = schema.safeParse(await (await ask(path, init)).json().catch(() => undefined));
    if (checked.success) return checked.data;
    throw new SluiceError(`${base}${path.split('?')[0]} answers as no sluice of this version does; use the command of its version`);
  }

  /** One page, and whether there is another: a line that says so comes last, or the page was cut off. */
  async function* page(topic: Topic, from: number, to: number, after: string): AsyncGenerator<Received, boolean> {
    const query = new URLSearchParams({ kind: topic.kind, pattern: topic.pattern, from: String(from), to: String(to) });
    if (after !== '') query.set('after', after);
    const { body, ok } = await ask(`/api/history?${query}`);
    if (!body || !ok) throw new SluiceError(`${base} has no history to ask; it is an older sluice, or another program`);
    let before = from;
    for await (const line of wholly(linesOf(body as ReadableStream<Uint8Array>))) {
      if (line.startsWith('{"more"')) return line.includes('true');
      if (line.startsWith('{"error"')) throw new SluiceError(`${base}: ${line.slice(9, 1000)}`);
      const read = readLine(line, before);
      before = read.received;
      yield read;
    }
    throw cutOff();
  }
  const cutOff = (cause?: unknown) => new SluiceError(`${base} ended its answer half-way; look at what it says, and ask again`, { cause });
  async function* wholly(lines: AsyncIterable<string>): AsyncGenerator<string> {
    try {
      yield* lines;
    } catch (thrown) {
      throw thrown instanceof SluiceError ? thrown : cutOff(thrown);
    }
  }

  return {
    async *read(topic, from, to) {
      let [start, after] = [finite(from), ''];
      for (let more = true; more; ) {
        // Its last word is whether there is more, which a plain loop would not hear.
        const each = (async function* () {
          more = yield* page(topic, start, finite(to), after);
        })();
        for await (const one of each) {
          [start, after] = [one.received, one.event.id];
          yield one;
        }
      }
    },
    async byId(id, led) {
      const response = await ask(`/api/events/${encodeURIComponent(id)}${led ? `?led=${encodeURIComponent(led.id)}` : ''}`);
      return response.ok ? readLine(await response.text(), 0) : undefined;
    },
    query: (sql, limits) =>
      askJson(answer, '/api/query', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sql, ...limits }),
      }),
    async series({ metric, servers, hosts, attributes, from, to, step, most }) {
      const where = { server: servers, host: hosts, attributes };
      const body = JSON.stringify({ metric, where, from, to, step, most: Math.min(most, mostSeries) });
      const said = await askJson(course, '/api/series', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (said.from !== from || said.to !== to || said.step !== step)
        throw new Reject(`${base} answers with steps of ${said.step} ms; ask for a shorter time or fewer series`);
      const numbers = (values: readonly (number | null)[]) => Float64Array.from(values, (value) => value ?? Number.NaN);
      return {
        of: said.of,
        coverage: said.coverage,
        series: said.series.map(({ key, attributes: own, values, low, high }) => ({
          key,
          attributes: own,
          ...(said.unit !== undefined && { unit: said.unit }),
          type: said.type ?? ('gauge' as const),
          mean: numbers(values),
          low: numbers(low ?? values),
          high: numbers(high ?? values),
        })),
      };
    },
    coverage: (from, to) => askJson(coverages, `/api/history/coverage?from=${finite(from)}&to=${finite(to)}`),
  };
}

const plainWay = (base: string): Way => ({ base, ask: (path, init) => fetch(`${base}${path}`, init) });

/** JSON and addresses have no infinity: the ends of what a date can say will do. */
const finite = (at: number): number => Math.min(8.64e15, Math.max(-8.64e15, at));
