/**
 * A store filled in bulk: one day of the default agents' own mix, from as many servers and at such a step that it comes to the
 * points that are asked for. The rows are made in DuckDB; they are put into the store's tables and closed hour by hour by its own code.
 */
import type { Draft } from 'sluice';
import { openDatabase } from '../../../nodes/sinks/store/database.ts';
import { openSegments } from '../../../nodes/sinks/store/segments.ts';
import { seriesOf, wordsOf } from '../../../nodes/sinks/store/tables.ts';
import { keyOf } from './mix.ts';

const hours = 24;
const hourMs = 3_600_000;

export interface Filled {
  readonly points: number;
  readonly events: number;
  readonly series: number;
  /** Milliseconds between a server's samples. */
  readonly every: number;
  /** The id of an event in the middle of the day. */
  readonly someId: string;
}

/** @param mix what one server says at once. @param start the beginning of a day. */
export async function fillDay(
  folder: string,
  mix: readonly Draft<'metric'>[],
  servers: number,
  points: number,
  start: number,
): Promise<Filled> {
  const database = await openDatabase(folder);
  try {
    const connection = await database.connect();
    const segments = await openSegments(folder, database, console.error);
    const words = mix.flatMap(({ key, data }, draft) => {
      const resource = String(key).slice(String(key).lastIndexOf('.') + 1);
      return data.points.map((point, place) => ({ draft, place, resource, point }));
    });
    const series = servers * words.length;
    const steps = Math.ceil(points / hours / series);
    const every = Math.floor(hourMs / steps);
    await connection.run('CREATE TEMP TABLE layout (series INTEGER, server INTEGER, draft INTEGER, place SMALLINT)');
    const [layout, dictionary] = [
      await connection.createAppender('layout', 'main', 'temp'),
      await connection.createAppender('series', 'kept'),
    ];
    for (let server = 0; server < servers; server++) {
      for (const [index, { draft, place, resource, point }] of words.entries()) {
        const number = server * words.length + index;
        for (const value of [number, server, draft, place]) layout.appendInteger(value);
        layout.endRow();
        const { key, name, type, unit, attributes } = seriesOf(keyOf(server, resource), point);
        dictionary.appendInteger(number);
        for (const value of [key, ...wordsOf(key), name, type, unit, attributes]) dictionary.appendVarchar(value);
        dictionary.endRow();
      }
    }
    layout.closeSync();
    dictionary.closeSync();
    for (let hour = 0; hour < hours; hour++) {
      await segments.roll(connection);
      const at = `make_timestamp_ms(${start + hour * hourMs} + step * ${every})`;
      const number = `((${hour * steps} + step) * ${servers} + server) * ${mix.length} + draft + 1`;
      await connection.run(
        `INSERT INTO kept.events_${segments.open} (number, received, kind, key, id, source, time, bootid, sequence)
          SELECT ${number}, ${at}, 'metric', any_value(key), md5((${number})::VARCHAR), '/' || replace(any_value(key), '.', '/'), ${at},
            'boot-' || server, ${hour * steps} + step + 1
          FROM layout JOIN kept.series USING (series), range(${steps}) AS each(step) GROUP BY step, server, draft ORDER BY ALL`,
      );
      await connection.run(
        `INSERT INTO kept.points_${segments.open} (series, time, value, event, received, place)
          SELECT series, ${at}, round(50 + 40 * sin((${hour * steps} + step) / 300 + series), 2), ${number}, ${at}, place
          FROM layout, range(${steps}) AS each(step)`,
      );
      await segments.close();
    }
    await segments.roll(connection);
    await segments.close();
    const events = hours * steps * servers * mix.length;
    const [[someId = ''] = []] = (await connection.runAndReadAll(`SELECT md5('${Math.floor(events / 2)}')`)).getRowsJS();
    return { points: hours * steps * series, events, series, every, someId: String(someId) };
  } finally {
    await database.close();
  }
}
