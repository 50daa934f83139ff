/**
 * What storing costs: metric events into the store as the runtime hands them over, beside DuckDB's appender with the same
 * rows in the same run; the bytes that a point takes once its hours are closed; and how long one series' day, by minute,
 * takes to ask out of all of them. Its yardstick for the day is the same question on a bare DuckDB table.
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
import { type Bench, quantile } from './shared/figure.ts';

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

const question = `SELECT time_bucket(INTERVAL 1 MINUTE, time) AS minute, avg(value) AS value FROM points
  WHERE host = 'web-7' AND name = 'system.mix.3' GROUP BY minute ORDER BY minute`;

export default {
  doc: 'storing metric events: points/s, bytes a point, and one series of one day by the minute; a disk and no bus',
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
      const times: number[] = [];
      for (let round = 0; round < (size === 'short' ? 5 : 25); round++) {
        const began = systemClock.monotonic();
        const { rows } = await archive.history.query(question);
        times.push(systemClock.monotonic() - began);
        if (rows.length < Math.min(1440, steps)) throw new Error(`the day has ${rows.length} minutes`);
      }
      times.sort((one, other) => one - other);
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
        {
          what: 'one series, one day by minute',
          value: quantile(times, 0.5),
          unit: 'ms',
          budget: { most: 20 },
          of: `median of ${times.length}; p95 ${quantile(times, 0.95).toFixed(0)} ms; ${count}, ${hosts * pointsEach} series`,
        },
      ];
    } finally {
      await archive?.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
} satisfies Bench;

/** Waits for the hours that are closed beside the writing: there is nothing left to do when their files grow no more. */
async function closed(folder: string): Promise<{ bytes: number; count: number }> {
  const measure = () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.parquet'));
    return { count: files.length, bytes: files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0) };
  };
  for (let before = measure(); ; ) {
    await pause(1500);
    const after = measure();
    if (after.count === 2 * 24 && after.count === before.count && after.bytes === before.bytes) return after;
    before = after;
  }
}
