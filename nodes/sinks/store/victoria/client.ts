/**
 * VictoriaMetrics over HTTP: lines in, series out. What it answers is checked like any stranger's word; redirects are not
 * followed, since they would take credentials along.
 */
import type { ReadableStream } from 'node:stream/web';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ConfigError, linesOf, messageOf, Reject, readIdentity, SluiceError, z } from 'sluice';

export interface Client {
  /** As a person knows it. */
  readonly url: string;
  /** Writes lines of the Influx line protocol. @throws Reject when the lines are refused for good */
  write(lines: string): Promise<Buffer>;
  /** Writes again what an earlier write sent. */
  rewrite(packed: Buffer): Promise<void>;
  /** All samples of the series that match, `from` ≤ time < `to`, some of a series at a time. */
  samples(selector: string, from: number, to: number, signal?: AbortSignal): AsyncGenerator<Samples>;
  /** Values of a MetricsQL expression at each step. */
  range(query: string, from: number, to: number, stepMs: number): Promise<readonly (readonly [time: number, value: number])[]>;
  /** The same of each series that it makes. */
  matrix(query: string, from: number, to: number, stepMs: number): Promise<readonly Course[]>;
  state(): Promise<VictoriaState>;
  /** Has it put what it took onto the disk as far as it does so when asked. */
  flush(): Promise<void>;
}

export interface Course {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: number])[];
}

export interface VictoriaState {
  /** Names this run of the server: another one has forgotten what was in its memory alone. */
  readonly started: string;
  /** Its own time, in milliseconds. */
  readonly now: number;
  /** What it was started with, as far as it says so. */
  readonly flags: Readonly<Record<string, string>>;
}

export type Samples = z.output<typeof samples>;

/** An address as a person wrote it, fit to be printed. @throws ConfigError without repeating the text, which may hold a password */
export function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new ConfigError('store: victoria.url is no address; write http://127.0.0.1:8428');
  if (`${url.username}${url.password}${url.search}${url.hash}` !== '')
    throw new ConfigError('store: victoria.url holds credentials or a query; take them out, and name a file of credentials with identity:');
  return url.href.replace(/\/+$/, '');
}

const samples = z.object({
  metric: z.record(z.string(), z.string()),
  values: z.array(z.number().nullable()),
  timestamps: z.array(z.number()),
});
const courses = z.object({
  data: z.object({
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), values: z.array(z.tuple([z.number(), z.coerce.number()])) })),
  }),
});

const patienceMs = 30_000;
const rowsPerLine = 5000;
const mostWords = 300;
/** What may pass by itself, or once a person has seen to it; all other answers of 4xx are about the lines. */
const mayPass = new Set([401, 403, 404, 407, 408, 425, 429]);
const pack = promisify(gzip);

export function createClient(url: string, identity?: string): Client {
  const base = addressOf(url);
  let authorization: { authorization?: string } | undefined;
  const ask = async (path: string, init: RequestInit = {}, signal?: AbortSignal): Promise<Response> => {
    authorization ??= credentials(identity);
    const ends = [AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])];
    const response = await fetch(`${base}${path}`, {
      ...init,
      headers: { ...authorization, ...init.headers },
      redirect: 'manual',
      signal: AbortSignal.any(ends),
    }).catch((cause: unknown) => {
      throw new SluiceError(`store: VictoriaMetrics at ${base} does not answer (${reasonOf(cause)}); see that it runs there`, { cause });
    });
    if (response.ok) return response;
    const { status } = response;
    const why = (await response.text().catch(() => '')).trim().slice(0, mostWords);
    if (status >= 300 && status < 400) throw new SluiceError(`store: ${base} sends elsewhere (${status}); name the address itself`);
    const said = `store: VictoriaMetrics at ${base} answers ${status}${why === '' ? '' : `: ${why}`}`;
    if (status === 401 || status === 403) throw new SluiceError(`${said}; see its credentials and identity:`);
    if (status >= 400 && status < 500 && !mayPass.has(status)) throw new Reject(said);
    throw new SluiceError(said);
  };
  const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) });
  const rewrite = async (packed: Buffer): Promise<void> => {
    const headers = { 'content-encoding': 'gzip', 'content-type': 'text/plain; charset=utf-8' };
    const response = await ask('/write?precision=ms', { method: 'POST', headers, body: new Uint8Array(packed) });
    await response.arrayBuffer();
  };

  const matrix: Client['matrix'] = async (query, from, to, stepMs) => {
    const fields = { query, start: seconds(from), end: seconds(to), step: `${stepMs}ms`, nocache: '1' };
    const read = courses.safeParse(await (await ask('/api/v1/query_range', form(fields))).json().catch(() => undefined));
    if (!read.success) throw new SluiceError(`store: ${base} answers as no VictoriaMetrics does; see what listens there`);
    return read.data.data.result.map(({ metric, values }) => ({
      metric,
      values: values.map(([at, value]) => [Math.round(at * 1000), value] as const),
    }));
  };

  return {
    url: base,
    rewrite,
    async write(lines) {
      const packed = await pack(lines, { level: 1 });
      await rewrite(packed);
      return packed;
    },
    async *samples(selector, from, to, signal) {
      const fields = {
        'match[]': selector,
        start: seconds(from),
        end: seconds(to - 1),
        max_rows_per_line: String(rowsPerLine),
        reduce_mem_usage: '1',
      };
      const { body } = await ask('/api/v1/export', form(fields), signal);
      if (!body) return;
      for await (const line of linesOf(body as ReadableStream<Uint8Array>)) {
        const read = samples.safeParse(parsed(line));
        if (!read.success || read.data.values.length !== read.data.timestamps.length)
          throw new SluiceError(`store: ${base} answers as no VictoriaMetrics does (${line.slice(0, 80)}); see what listens there`);
        yield read.data;
      }
    },
    matrix,
    async range(query, from, to, stepMs) {
      return (await matrix(query, from, to, stepMs)).flatMap(({ values }) => values);
    },
    async state() {
      const response = await ask('/metrics');
      const text = await response.text();
      const flags = [...text.matchAll(/^flag\{name="([^"]+)", value="([^"]*)"/gm)].map(([, name = '', value = '']) => [name, value]);
      return {
        started: /^process_start_time_seconds (\S+)$/m.exec(text)?.[1] ?? '',
        now: Date.parse(response.headers.get('date') ?? '') || 0,
        flags: Object.fromEntries(flags),
      };
    },
    async flush() {
      await (await ask('/internal/force_flush')).arrayBuffer();
    },
  };
}

function credentials(identity: string | undefined): { authorization?: string } {
  if (identity === undefined) return {};
  const { username, password } = readIdentity(identity);
  if (username.includes(':')) throw new ConfigError(`identity: ${identity}: a username with a colon cannot be sent; take another`);
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** Undici says "fetch failed"; what failed is its cause. */
const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error && thrown.cause instanceof Error ? messageOf(thrown.cause).slice(0, 100) || 'refused' : messageOf(thrown);

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
