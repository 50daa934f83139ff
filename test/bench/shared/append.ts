/** The yardstick of storing: what DuckDB's appender does with nothing around it. */
import { join } from 'node:path';
import { DuckDBDataChunk, DuckDBInstance, DuckDBTimestampValue } from '@duckdb/node-api';
import { systemClock } from '../../../core/clock.ts';

const start = Date.UTC(2026, 0, 1);

/** A reading that moves as readings do: slowly, and to a few digits. */
export const reading = (series: number, step: number): number => Math.round((50 + 40 * Math.sin(step / 300 + series)) * 100) / 100;

/** As many rows of points into a bare table, in transactions of so many events; points per second. */
export async function appendAlone(folder: string, points: number, batchEvents: number, pointsEach: number): Promise<number> {
  const instance = await DuckDBInstance.create(join(folder, 'bare.duckdb'), { threads: '2' });
  const connection = await instance.connect();
  await connection.run(
    'CREATE TABLE points (series INTEGER, time TIMESTAMP, value DOUBLE, event BIGINT, received TIMESTAMP, place SMALLINT)',
  );
  const began = systemClock.monotonic();
  for (let from = 0; from < points; from += batchEvents * pointsEach) {
    await connection.run('BEGIN');
    const appender = await connection.createAppender('points');
    const types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
    for (let chunk = 0; chunk < batchEvents * pointsEach; chunk += 2000) {
      const rows = Array.from({ length: 2000 }, (_, row) => from + chunk + row);
      const instants = rows.map((row) => new DuckDBTimestampValue(BigInt(start + row) * 1000n));
      const data = DuckDBDataChunk.create(types, rows.length);
      data.setColumns([
        rows.map((row) => row % 2000),
        instants,
        rows.map((row) => reading(row % 2000, row)),
        rows.map((row) => BigInt(Math.floor(row / pointsEach))),
        instants,
        rows.map((row) => row % pointsEach),
      ]);
      appender.appendDataChunk(data);
    }
    appender.closeSync();
    await connection.run('COMMIT');
  }
  const seconds = (systemClock.monotonic() - began) / 1000;
  connection.closeSync();
  instance.closeSync();
  return points / seconds;
}
