/**
 * What storing costs: metric events into the store as the runtime hands them over, beside DuckDB's appender with the same
 * rows in the same run; the bytes that a point takes once its hours are closed; and, of a day of 100 million points, how long one
 * series takes to ask by the minute, beside DuckDB alone on the same file, an event to find, and the day to let go of.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../core/clock.ts';
import type { Event } from '../../core/event.ts';
import { type Archive, openArchive } from '../../nodes/sinks/store/archive.ts';
import { keepAll } from '../../nodes/sinks/store/tiers.ts';
import { appendAlone, reading } from './shared/append.ts';
import { dayFigures } from './shared/day.ts';
import type { Bench } from './shared/figure.ts';

const day = 86_400_000;
const start = Date.UTC(2026, 0, 1);
const pointsEach = 20;
const batchEvents = 2000;

const eventOf = (host: number, step: number, at: number): Event<'metric'> => ({
  id: `${host}-${step}`,
  kind: 'metric',
  key: `acme.shop.prod.web-${host}.mix`,
  source: `/acme/shop/prod/web-${host}/mix`,
  time: at,
  bootid: 'boot-1',
  sequence: step + 1,
  data: {
    points: Array.from({ length: pointsEach }, (_, index) => ({
      name: `system.mix.${index}`,
      value: reading(host * pointsEach + index, step),
      unit: '1',
      attributes: { device: `d${index}` },
    })),
  },
});

export default {
  doc: 'storing metric events: points/s, bytes a point, and one series of one day by the minute, by id, deletion; a disk and no bus',
  async run(size) {
    const hosts = size === 'short' ? 20 : 100;
    const every = size === 'short' ? 300_000 : 30_000;
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-store-'));
    let archive: Archive | undefined;
    try {
      let now = start;
      const store = join(folder, 'store');
      archive = await openArchive({ folder: store, keep: keepAll, say: console.error, now: () => now });
      const steps = day / every;
      let waiting: Event[] = [];
      let storing = 0;
      const write = async (archive: Archive): Promise<void> => {
        const began = systemClock.monotonic();
        await archive.write(waiting);
        storing += systemClock.monotonic() - began;
        waiting = [];
      };
      for (let step = 0; step < steps; step++) {
        now = start + step * every;
        for (let host = 0; host < hosts; host++) waiting.push(eventOf(host, step, now - 5));
        const hourEnds = (step + 1) % (3_600_000 / every) === 0;
        if (waiting.length >= batchEvents || hourEnds) await write(archive);
      }
      const points = steps * hosts * pointsEach;
      now += 3_600_000;
      waiting = [eventOf(0, steps, now)];
      await write(archive);
      const files = await closed(store);

      const appending = await appendAlone(folder, Math.min(points, 1_000_000), batchEvents, pointsEach);
      await archive.close();
      archive = undefined;
      const figures =
        size === 'short'
          ? await dayFigures(join(folder, 'day'), 1_000_000, 2, 5)
          : await dayFigures(join(folder, 'day'), 100_000_000, 100, 51);
      const count = `${(points / 1e6).toFixed(1)} million points`;
      return [
        {
          what: 'stored',
          value: points / (storing / 1000),
          unit: 'points/s',
          yardstick: { what: "DuckDB's appender alone", value: appending },
          of: `${count}, ${pointsEach} an event, at most ${batchEvents} events a write, hours closed beside it`,
        },
        { what: 'closed', value: files.bytes / points, unit: 'bytes a point', of: `with its events; ${files.count} files` },
        ...figures,
      ];
    } finally {
      await archive?.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
} satisfies Bench;

/** Waits for the hours that are closed beside the writing, and their day that is made one part: two files that grow no more. */
async function closed(folder: string): Promise<{ bytes: number; count: number }> {
  const measure = () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.parquet'));
    return { count: files.length, bytes: files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0) };
  };
  for (let before = measure(); ; ) {
    await pause(1500);
    const after = measure();
    if (after.count === 2 && after.count === before.count && after.bytes === before.bytes) return after;
    before = after;
  }
}
