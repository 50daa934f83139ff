/**
 * What a roster costs: 10,000 servers that beat each 5 s, in the runtime's own driver, without a bus and a disk. Prints the
 * share of one core, what all falling silent at once costs, and the start over a full book. Its yardstick is a bare Map of
 * when each server was heard last.
 */
import type { Event } from '../../core/event.ts';
import { filterRun } from '../../core/runtime/filtering.ts';
import type { Change, Entry } from '../../core/state/tables.ts';
import roster from '../../nodes/filters/roster/roster.ts';
import { type Bench, cpuOf } from './shared/figure.ts';

const servers = 10_000;
const interval = 5;
const start = Date.UTC(2026, 0, 1);

const host = { name: 'roster', about: { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' } };
const rows = new Map<string, Map<string, Entry>>();
const commit = (changes: readonly Change[]) => {
  for (const { table, key, entry } of changes) {
    const store = rows.get(table) ?? new Map<string, Entry>();
    rows.set(table, store);
    if (entry) store.set(key, entry);
    else store.delete(key);
  }
};
const begin = () => filterRun(roster, roster.config.parse({}), host, (name) => rows.get(name) ?? []);

const beat = (index: number, round: number, at: number): Event<'heartbeat'> => ({
  id: `${index}-${round}`,
  kind: 'heartbeat',
  key: `acme.shop.prod.web-${index}`,
  source: `/acme/shop/prod/web-${index}/heartbeat`,
  time: at - 3,
  data: {
    boot: `boot-${index}`,
    interval,
    labels: { zone: 'eu-1a', rack: `r${index % 40}`, role: 'web' },
    versions: { sluice: '0.1.0', node: '20.19.0', kernel: 'Linux 6.1.0 x64' },
  },
});

export default {
  doc: `one roster that hears ${servers.toLocaleString('en')} servers, a beat each ${interval} s; no bus and no disk`,
  async run(size) {
    const rounds = size === 'short' ? 2 : 24;
    const run = begin();
    run.pipe({ connected: true, caughtUp: true }, start);
    /** A round of beats, evenly over the interval, with a tick each half second and a commit with it. */
    const round = (number: number): void => {
      const slices = interval * 2;
      for (let slice = 0; slice < slices; slice++) {
        const at = start + number * interval * 1000 + slice * 500;
        run.tick(at);
        for (let index = slice; index < servers; index += slices) run.event(beat(index, number, at), at);
        commit(run.memory.changes());
        run.memory.committed();
      }
    };
    const learning = await cpuOf(() => round(0));
    for (let number = 1; number < 4; number++) round(number);
    const steady = await cpuOf(() => {
      for (let number = 4; number < 4 + rounds; number++) round(number);
    });
    const bare = await cpuOf(() => {
      const heard = new Map<string, number>();
      for (let number = 4; number < 4 + rounds; number++)
        for (let index = 0; index < servers; index++) heard.set(beat(index, number, number).key, number);
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
    if (alerts !== servers) throw new Error(`${servers} servers fell silent, and ${alerts} alerts tell of it`);
    const begun = await cpuOf(begin);
    const percent = (seconds: number): number => (seconds / (rounds * interval)) * 100;
    return [
      {
        what: 'steady',
        value: percent(steady),
        unit: '% of a core',
        budget: { most: 10 },
        yardstick: { what: 'beats made and put into a Map', value: percent(bare) },
        of: `${((steady / rounds / servers) * 1e6).toFixed(1)} us a beat`,
      },
      { what: 'the first beat of all', value: learning * 1000, unit: 'ms CPU' },
      { what: 'a tick while nothing changes', value: (idle / 40) * 1e6, unit: 'us CPU' },
      { what: 'all silent at once', value: silent * 1000, unit: 'ms CPU', of: `${alerts} alerts` },
      { what: 'the start over a full book', value: begun * 1000, unit: 'ms CPU' },
    ];
  },
} satisfies Bench;
