/**
 * What queries see: one view per question that people ask, over all segments. They are temporary views of a reader's own
 * connection, made again when the segments change. docs/protocol has no part in them: this file is their documentation.
 *
 *     points   time, received, company, system, environment, host, resource, name, value, unit, type, attributes (JSON),
 *              event (events.number), key
 *     stats    time (the end of its window), received, company … resource, name, unit, attributes (JSON), since (its start), seconds
 *              (its length), count, sum, min, max, mean, last, sketch, event, key: one row per series of a rollup; a counter's are
 *              rates. What came late is in a row of its own, to be added to the first. Of many, ask by `time` too (of hours
 *              `minute(time) = 0`): that is looked at before their JSON is read, all else after it
 *     events   number, time, received, kind, key, company … resource, id, source, bootid, sequence, rest (JSON), data (JSON;
 *              NULL for a metric, whose points are all of it)
 *     logs     time, received, company … resource, severity, body, fields (JSON), event
 *     alerts   time, received, company … resource, rule, status, severity, summary, value, threshold, unit, since, event
 *     audit    time, received, company … resource, who, did, "to", detail (JSON), event
 *     servers  time, received, company … host, status, boot, labels (JSON), event: one row per heartbeat and per verdict
 *
 * Times are TIMESTAMP, in UTC.
 *
 * For one who may see a part of the tree alone, each column of each row is either about that part or NULL, besides that other
 * rows are left out: DuckDB may try conditions in any order, so a condition of the asker's (one that fails with the value in its
 * message) could otherwise be tried on a row before ours has left it out. Times of such views prune no files: that is the price.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoted, sourceOf } from './files.ts';
import type { Segment } from './segments.ts';

export const viewNames = ['points', 'stats', 'events', 'logs', 'alerts', 'audit', 'servers'] as const;

const word = (index: number) => `url_decode(split_part(key, '.', ${index}))`;
const place = `${word(1)} AS company, ${word(2)} AS system, ${word(3)} AS environment, ${word(4)} AS host`;
const about = `${place}, array_to_string(string_split(key, '.')[5:], '.') AS resource`;
const text = (path: string) => `json_extract_string(data, '$.${path}')`;

/** Everything of one sort, from all segments: all files at once, since DuckDB takes its time for each that stands alone. */
export function allOf(folder: string, what: 'events' | 'points', segments: readonly Segment[]): string {
  const columns = what === 'events' ? 'number, received, kind, key, id, source, time, bootid, sequence, rest, data' : '*';
  const closed = segments.filter((one) => one.closed && (what === 'events' || one.tier === 'raw'));
  const open = segments.filter((one) => !one.closed).map((one) => sourceOf(folder, what, one));
  const sources = closed.length === 0 ? open : [sourceOf(folder, what, ...closed), ...open];
  return sources.map((source) => `SELECT ${columns} FROM ${source}`).join(' UNION ALL ');
}

/** What is read of a stat, in one go: each path on its own would read its JSON anew. */
const statShape = JSON.stringify({
  from: 'VARCHAR',
  to: 'VARCHAR',
  series: [
    {
      ...{ name: 'VARCHAR', unit: 'VARCHAR', attributes: 'JSON', count: 'UBIGINT', sum: 'DOUBLE', min: 'DOUBLE', max: 'DOUBLE' },
      ...{ last: 'DOUBLE', sketch: 'VARCHAR' },
    },
  ],
});
const instant = (sql: string): string => `try_cast(${sql} AS TIMESTAMPTZ)::TIMESTAMP`;

const eventWords = ['number', 'received', 'kind', 'key', 'id', 'source', 'time', 'bootid', 'sequence', 'rest', 'data'];
const pointWords = ['time', 'received', 'company', 'system', 'environment', 'host', 'resource', 'name', 'value', 'unit', 'type'];

/** Rows of `source` as one may see them who may see `part`: '' is all of it. */
function seenOf(source: string, columns: readonly string[], part: string): string {
  if (part === '') return `SELECT ${columns.join(', ')} FROM ${source}`;
  const isOurs = `(key = ${quoted(part)} OR starts_with(key, ${quoted(`${part}.`)}))`;
  return `SELECT ${columns.map((column) => `CASE WHEN ${isOurs} THEN ${column} END AS ${column}`).join(', ')} FROM ${source} WHERE ${isOurs}`;
}

export async function createViews(connection: DuckDBConnection, folder: string, segments: readonly Segment[], part: string): Promise<void> {
  const points = seenOf(
    `(${allOf(folder, 'points', segments)}) JOIN kept.series USING (series)`,
    [...pointWords, 'attributes', 'event', 'key'],
    part,
  );
  const views = {
    points: `SELECT time, received, company, system, environment, host, resource, name, value, unit,
        CASE type WHEN '' THEN 'gauge' ELSE type END AS type, CASE attributes WHEN '' THEN '{}' ELSE attributes END::JSON AS attributes,
        event, key
      FROM (${points})`,
    events: `SELECT number, time, received, kind, key, ${about}, id, source, bootid, sequence, rest::JSON AS rest, data::JSON AS data
      FROM (${seenOf(`(${allOf(folder, 'events', segments)})`, eventWords, part)})`,
    stats: `SELECT time, received, company, system, environment, host, resource, one.name, coalesce(one.unit, '') AS unit,
        coalesce(one.attributes, '{}'::JSON) AS attributes, since, epoch(${instant('until')} - since) AS seconds, one.count, one.sum,
        one.min, one.max, if(one.count = 0, NULL, one.sum / one.count) AS mean, one.last, one.sketch, event, key
      FROM (SELECT * EXCLUDE (stat), unnest(stat.series) AS one, ${instant('stat."from"')} AS since, stat."to" AS until
        FROM (SELECT time, received, company, system, environment, host, resource, number AS event, key,
            from_json(data, '${statShape}') AS stat
          FROM events WHERE kind = 'stat'))`,
    logs: `SELECT coalesce(${instant("line->>'$.time'")}, time) AS time, received, company, system, environment,
        host, resource, line->>'$.severity' AS severity, line->>'$.body' AS body, line->'$.fields' AS fields, event
      FROM (SELECT *, number AS event, unnest(json_extract(data, '$.lines[*]')) AS line FROM events WHERE kind = 'log')`,
    alerts: `SELECT time, received, company, system, environment, host, resource, ${text('rule')} AS rule, ${text('status')} AS status,
        ${text('severity')} AS severity, ${text('summary')} AS summary, ${text('value')}::DOUBLE AS value,
        ${text('threshold')}::DOUBLE AS threshold, ${text('unit')} AS unit,
        ${instant(text('since'))} AS since, number AS event
      FROM events WHERE kind = 'alert'`,
    audit: `SELECT time, received, company, system, environment, host, resource, ${text('who')} AS who, ${text('did')} AS did,
        ${text('to')} AS "to", data->'$.detail' AS detail, number AS event
      FROM events WHERE kind = 'audit'`,
    servers: `SELECT time, received, company, system, environment, host,
        CASE kind WHEN 'state' THEN ${text('value.status')} ELSE if((data->'$.goodbye') IS NULL, 'alive', 'goodbye') END AS status,
        coalesce(${text('value.boot')}, ${text('boot')}) AS boot, coalesce(data->'$.value.labels', data->'$.labels') AS labels,
        number AS event
      FROM events WHERE kind = 'heartbeat' OR (kind = 'state' AND ${text('of')} = 'server' AND ${text('value.status')} IS NOT NULL)`,
  } satisfies Record<(typeof viewNames)[number], string>;
  for (const [name, sql] of Object.entries(views)) await connection.run(`CREATE TEMP VIEW ${name} AS ${sql}`);
}
