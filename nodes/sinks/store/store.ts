/**
 * Keeps every event of every kind once, so that what happened can be asked, replayed and learned from. Recent events are
 * rows of a DuckDB file, closed hours are Parquet files sorted by series; both are read as one history.
 *
 * any event → rows on disk; `history` reads them. A write that returned survives `kill -9`; what is delivered again after
 * one is known and left out. While the disk is full nothing is taken, and the pipes hold it.
 *
 * One process holds the folder. What is older than `raw` goes, but for alerts, incidents, commands, audit and the stats of a
 * rollup; of these, stats of less than an hour go after `minute`, and the rest after `hour`. The oldest beyond `disk` bytes goes
 * first. All of it by whole files, of a day each; series go with their last point.
 */
import { join } from 'node:path';
import { ConfigError, defineSink, duration, type History, kindNames, type Services, SluiceError, z } from 'sluice';
import type { Archive } from './archive.ts';
import { addressOf } from './victoria/client.ts';

const config = z.strictObject({
  /** Where it keeps its files: its own folder, in a directory that exists. */
  folder: z.string().min(1).optional(),
  /** How long every event is kept; */
  raw: z.string().default('7d'),
  /** then the stats of a minute and of ten; */
  minute: z.string().default('90d'),
  /** then those of an hour, and alerts, incidents, commands, outcomes, policy and audit. */
  hour: z.string().default('2y'),
  /** The most bytes of closed files. */
  disk: z.number().positive().default(10e9),
  /** Metrics go to VictoriaMetrics instead. `identity`: a file with username: and password:, that only its owner can read. */
  victoria: z.strictObject({ url: z.string().min(1), identity: z.string().min(1).optional() }).optional(),
});

export default defineSink({
  name: 'store',
  doc: 'Keeps every event on disk, once, for queries, replays and explanations of the past.',
  config,
  in: kindNames.map((kind) => ({ kind })),
  configure: ({ state, keep }) => ({
    folder: join(state, 'history'),
    ...(keep.raw !== undefined && { raw: `${keep.raw}ms` }),
    ...(keep.minute !== undefined && { minute: `${keep.minute}ms` }),
    ...(keep.hour !== undefined && { hour: `${keep.hour}ms` }),
    ...(keep.disk !== undefined && { disk: keep.disk }),
  }),
  create({ folder, raw, minute, hour, disk, victoria }) {
    const keep = { raw: lasting('raw', raw), minute: lasting('minute', minute), hour: lasting('hour', hour), bytes: disk };
    if (folder === undefined) throw new ConfigError('store: has no folder; name one with folder: beside its other settings');
    if (victoria) addressOf(victoria.url);
    let archive: Promise<Archive> | undefined;
    let stopped = false;
    let services: Services | undefined;
    const open = (): Promise<Archive> => {
      if (!services) return Promise.reject(new SluiceError('store: is not started; ask again once it runs'));
      const { clock, say } = services;
      if (stopped) return Promise.reject(new SluiceError('store: is stopped; ask again once it runs'));
      const surroundings = { now: clock.now, say: (text: string) => say('warn', text) };
      archive ??= import('./archive.ts')
        .then(({ openArchive }) => openArchive({ folder, keep, ...surroundings }))
        .then(async (own) => (victoria ? (await import('./victoria/victoria.ts')).withVictoria(own, victoria, surroundings) : own))
        .catch((thrown: unknown) => {
          archive = undefined;
          throw thrown;
        });
      return archive;
    };
    const history: Required<History> = {
      async *read(topic, from, to) {
        yield* (await open()).history.read(topic, from, to);
      },
      byId: async (id, led) => (await open()).history.byId(id, led),
      query: async (sql, limits) => (await open()).history.query(sql, limits),
      coverage: async (from, to) => (await open()).history.coverage(from, to),
      series: async (request) => (await open()).history.series(request),
    };
    return {
      history,
      backup: async () => (await open()).backup(),
      restore: async () => (await open()).restore(),
      start(given?: Services) {
        services = given;
        stopped = false;
        // Not awaited: until a sink has started nobody reads for it. What keeps it from opening, the first write says.
        open().catch(() => {});
      },
      write: async (events) => (await open()).write(events),
      async stop() {
        stopped = true;
        await (await archive?.catch(() => undefined))?.close();
        archive = undefined;
      },
    };
  },
});

function lasting(name: string, text: string): number {
  const age = duration(text);
  if (!age) throw new ConfigError(`store: ${name} "${text}" is no duration; write 7d`);
  return age;
}
