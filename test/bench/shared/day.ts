/** What a stored day costs to keep, to ask and to let go of. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { systemClock } from '../../../core/clock.ts';
import { openArchive } from '../../../nodes/sinks/store/archive.ts';
import { type Keep, keepAll } from '../../../nodes/sinks/store/tiers.ts';
import { type Figure, quantile } from './figure.ts';
import { fillDay } from './fill.ts';
import { ownMix } from './mix.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const start = Date.UTC(2026, 0, 1);
const patienceMs = 400_000;

export async function dayFigures(folder: string, points: number, servers: number, rounds: number): Promise<Figure[]> {
  const { drafts } = await ownMix(1);
  const mix = [...new Map(drafts.map((draft) => [draft.data, draft])).values()];
  const filled = await fillDay(folder, mix, servers, points, start);
  const count = `${(filled.points / 1e6).toFixed(1)} million points, ${servers} servers, ${filled.series} series, each ${filled.every / 1000} s`;
  const names = mix.flatMap(({ data }) => data.points.map(({ name }) => name));
  const alone = names.findIndex((each) => names.indexOf(each) === names.lastIndexOf(each));
  const question = `SELECT time_bucket(INTERVAL 1 MINUTE, time) AS minute, avg(value) AS value FROM points
    WHERE host = 'web-1' AND name = '${names[alone]}' GROUP BY minute ORDER BY minute`;
  let now = start + day - 1;
  const open = (keep: Keep) => openArchive({ folder, keep, now: () => now, say: () => {} });

  let archive = await open(keepAll);
  const ask = async (): Promise<unknown> => {
    const { rows } = await archive.history.query(question);
    if (rows.length < 1440) throw new Error(`the day has ${rows.length} minutes`);
    return rows;
  };
  const drawn = { metric: names[alone] ?? '', hosts: ['web-1'], from: start, to: start + day, step: minute, most: 10 };
  const draw = async (): Promise<void> => {
    const { series } = await archive.history.series(drawn);
    const known = series[0]?.mean.filter((value) => !Number.isNaN(value)).length ?? 0;
    if (known < 1430) throw new Error(`the chart has ${known} minutes`);
  };
  const today = await timesOf(rounds, ask);
  await archive.close();

  now = start + day + 10 * minute;
  const merging = systemClock.monotonic();
  archive = await open(keepAll);
  try {
    await until(() => files(folder).length === 2);
    const merged = (systemClock.monotonic() - merging) / 1000;
    const bytes = files(folder).reduce((sum, file) => sum + statSync(file).size, 0);
    const times = await timesOf(rounds, ask);
    const charts = await timesOf(rounds, draw);
    const bare = await bareTimes(files(folder).find((file) => file.includes('points-')) ?? '', names.length + alone, rounds);
    const byId = await timesOf(rounds, async () => {
      if (!(await archive.history.byId(filled.someId))) throw new Error('the event is not found');
    });
    const absent = await timesOf(rounds, () => archive.history.byId('0123456789abcdef0123456789abcdef'));
    await archive.close();
    archive = await open({ ...keepAll, raw: hour, minute: hour, hour });
    // No further than a clock is believed at once.
    now += 55 * minute;
    const began = systemClock.monotonic();
    await until(() => files(folder).length === 0);
    const gone = (systemClock.monotonic() - began) / 1000;
    return [
      { what: 'kept', value: bytes / filled.points, unit: 'bytes a point', of: `with its events; ${count}` },
      { what: 'a day made one part', value: merged, unit: 's', of: 'from 24 hours of two files each, beside everything else' },
      {
        what: 'one series, one day by minute',
        ...median(times),
        budget: { most: 20 },
        yardstick: { what: 'DuckDB read_parquet of the same file, by the number of the series', value: quantile(bare, 0.5) },
      },
      { what: 'the same, for a chart', ...median(charts), budget: { most: 20 } },
      { what: 'the same, before its day is over', ...median(today) },
      { what: 'an event by its id', ...median(byId), of: `${spread(byId)}; one of ${filled.events} events, with its points` },
      { what: 'an id that is not there', ...median(absent) },
      {
        what: "a day's deletion by age",
        value: gone,
        unit: 's',
        budget: { most: 60 },
        of: 'from its age being passed to the disk being free',
      },
    ];
  } finally {
    await archive.close();
  }
}

async function timesOf(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = systemClock.monotonic();
    await work();
    times.push(systemClock.monotonic() - began);
  }
  return times.sort((one, other) => one - other);
}

const spread = (times: readonly number[]): string => `median of ${times.length}; p95 ${quantile(times, 0.95).toFixed(0)} ms`;
const median = (times: readonly number[]) => ({ value: quantile(times, 0.5), unit: 'ms', of: spread(times) });

const files = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => join(folder, name));

async function until(what: () => boolean): Promise<void> {
  const end = systemClock.monotonic() + patienceMs;
  while (!what()) {
    if (systemClock.monotonic() > end) throw new Error(`it did not come to ${what}`);
    await pause(50);
  }
}

/** The yardstick: DuckDB alone, with the same threads and memory. */
async function bareTimes(file: string, series: number, rounds: number): Promise<number[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' });
  const connection = await instance.connect();
  await connection.run('SET parquet_metadata_cache = true');
  try {
    return await timesOf(rounds, () =>
      connection.runAndReadAll(
        `SELECT time_bucket(INTERVAL 1 MINUTE, time) AS minute, avg(value) AS value FROM read_parquet('${file}')
          WHERE series = ${series} GROUP BY minute ORDER BY minute`,
      ),
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
