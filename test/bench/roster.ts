/**
 * What a roster costs: 10,000 servers that beat each 5 s. Each beat is read from its bytes and checked, held against its
 * writer's watermark, judged in the runtime's own driver, and committed to a state on disk ten times a second, as a process
 * does it; all but the broker's client. Prints the share of one core, what all falling silent at once costs, and the start
 * over a full book. Its yardstick is reading the same bytes into a bare Map of when each server was heard last.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeAll, type Event, encode } from '../../core/event.ts';
import { filterRun } from '../../core/runtime/filtering.ts';
import { openStore, type Store } from '../../core/state/store.ts';
import { advance, type Watermark } from '../../core/state/watermark.ts';
import roster from '../../nodes/filters/roster/roster.ts';
import { type Bench, cpuOf } from './shared/figure.ts';

const servers = 10_000;
const interval = 5;
const start = Date.UTC(2026, 0, 1);

const host = { name: 'roster', about: { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' } };
/** Groups, expectations and clocks are judged too, as by default. */
const config = roster.config.parse({ expect: [{ of: { role: 'web' }, alive: '>= 9000' }] });
const begin = (store: Store) => filterRun(roster, config, host, (name) => store.table('roster', name));
/** Commits a second. */
const commits = 10;

const beat = (index: number, round: number, at: number): Event<'heartbeat'> => ({
  id: `${index}-${round}`,
  kind: 'heartbeat',
  key: `acme.shop.prod.web-${index}`,
  source: `/acme/shop/prod/web-${index}/heartbeat`,
  bootid: `boot-${index}`,
  sequence: round + 1,
  time: at - 3,
  data: {
    boot: `boot-${index}`,
    interval,
    labels: { zone: 'eu-1a', rack: `r${index % 40}`, role: 'web' },
    versions: { sluice: '0.1.0', node: '20.19.0', kernel: 'Linux 6.1.0 x64' },
  },
});

const read = (bytes: Buffer, at: number): Event<'heartbeat'>[] =>
  decodeAll(bytes, false, { kind: 'heartbeat', at }).flatMap((one) => ('refused' in one ? [] : (one as Event<'heartbeat'>)));

export default {
  doc: `one roster that hears ${servers.toLocaleString('en')} servers, a beat each ${interval} s: from their bytes to the disk`,
  async run(size) {
    const rounds = size === 'short' ? 1 : 12;
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
    const store = openStore(folder);
    const run = begin(store);
    run.pipe({ connected: true, caughtUp: true }, start);
    const reader = 'sluice.roster';
    let heardAll = 0;
    /** A round of beats, evenly over the interval, as bytes; the writers' work is not the roster's. */
    const written = (number: number): Buffer[] =>
      Array.from({ length: servers }, (_, index) =>
        Buffer.from(encode(beat(index, number, start + number * interval * 1000 + ((index % (interval * commits)) * 1000) / commits))),
      );
    const round = (number: number, bytes: readonly Buffer[]): void => {
      const slices = interval * commits;
      for (let slice = 0; slice < slices; slice++) {
        const at = start + number * interval * 1000 + (slice * 1000) / commits;
        run.tick(at);
        const marks = new Map<string, Watermark>();
        for (let index = slice; index < servers; index += slices) {
          for (const event of read(bytes[index] as Buffer, at)) {
            const stream = `${event.source} ${event.bootid} ${event.kind} ${event.key}`;
            const next = advance(store.marked(reader, stream), event.sequence ?? 0);
            if (!next) continue;
            marks.set(stream, next);
            heardAll++;
            run.event(event, at);
          }
        }
        store.write((transaction) => {
          transaction.tables('roster', run.memory.changes());
          for (const [stream, mark] of marks) transaction.mark(reader, stream, mark, at);
        });
        run.memory.committed();
      }
    };
    const measured = async (from: number, to: number): Promise<number> => {
      let seconds = 0;
      for (let number = from; number < to; number++) {
        const bytes = written(number);
        seconds += await cpuOf(() => round(number, bytes));
      }
      return seconds;
    };
    const learning = await measured(0, 1);
    await measured(1, 4);
    const steady = await measured(4, 4 + rounds);
    if (heardAll !== servers * (4 + rounds)) throw new Error(`of ${servers * (4 + rounds)} beats ${heardAll} were heard`);
    const one = written(4);
    const bare = await cpuOf(() => {
      const heard = new Map<string, number>();
      for (let number = 0; number < rounds; number++)
        for (const bytes of one) {
          const event = JSON.parse(bytes.toString()) as { subject: string; time: string };
          heard.set(event.subject, Date.parse(event.time));
        }
    });
    const end = start + (4 + rounds) * interval * 1000;
    const idle = await cpuOf(() => {
      for (let at = end; at < end + 20_000; at += 500) run.tick(at);
    });
    let alerts = 0;
    const silent = await cpuOf(() => {
      for (let at = end + 20_000; at < end + 31_000; at += 500)
        for (const outcome of run.tick(at)) if (!outcome.dead) alerts += outcome.derived.filter(({ kind }) => kind === 'alert').length;
    });
    // All of them are one environment, whose loss is one alert; and fewer than were expected are left.
    if (alerts !== 1) throw new Error(`${servers} servers of one environment fell silent, and ${alerts} alerts tell of it`);
    const begun = await cpuOf(() => void begin(store));
    await store.close();
    rmSync(folder, { recursive: true });
    const percent = (seconds: number): number => (seconds / (rounds * interval)) * 100;
    return [
      {
        what: 'steady',
        value: percent(steady),
        unit: '% of a core',
        budget: { most: 10 },
        yardstick: { what: 'the same bytes parsed, and put into a Map', value: percent(bare) },
        of: `${((steady / rounds / servers) * 1e6).toFixed(1)} us a beat`,
      },
      { what: 'the first beat of all', value: learning * 1000, unit: 'ms CPU' },
      { what: 'a tick while nothing changes', value: (idle / 40) * 1e6, unit: 'us CPU' },
      { what: 'all silent at once', value: silent * 1000, unit: 'ms CPU', of: `${alerts} alert` },
      { what: 'the start over a full book', value: begun * 1000, unit: 'ms CPU' },
    ];
  },
} satisfies Bench;
