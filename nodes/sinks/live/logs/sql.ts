/**
 * A filter as conditions of SQL over the view `events` and the lines in it. Whatever a stranger wrote becomes a literal; the names of
 * columns are ours. DuckDB's regular expressions are RE2, as those that the filter was checked with.
 */
import { escapeWord, Reject } from 'sluice';
import type { Wanted } from './filter.ts';
import { type Mark, rankOf, readEarly, readLate, severities } from './line.ts';

/** A literal. A NUL ends a text for the database: what holds one is in no line that it keeps. */
export function text(value: string): string {
  if (value.includes('\0')) throw new Reject('live: logs: a NUL cannot be looked for in what was kept; leave it out');
  return `'${value.replaceAll("'", "''")}'`;
}

/** An instant that the database has, whatever was asked for. */
export const at = (ms: number): string => `make_timestamp_ms(${Math.round(Math.min(8.64e15, Math.max(-8.64e15, ms)))})`;

const own = `epoch_ms(try_cast(one->>'$.time' AS TIMESTAMPTZ))`;
/** When a line stands: as `standsAt` has it. */
export const stands = `if(${own} BETWEEN read - ${readLate} AND read + ${readEarly}, ${own}, read)`;

const oneOf = (sql: string, values: readonly string[]): string => `${sql} IN (${values.map(text).join(', ')})`;
const noneOf = (sql: string, values: readonly string[]): string => `NOT coalesce(${oneOf(sql, values)}, false)`;
/** A name as a step of a JSON path; quotes cannot be escaped there, so that names with them are taken whole, by a pointer. */
const field = (name: string): string => `(one->'fields'->>${text(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)})`;
const file = `coalesce(data->>'$.file', resource)`;
/** A file's name as it was given, and what it would be as the resource of a key. */
const namesOf = (values: readonly string[]): string[] =>
  values.flatMap((value) => {
    const resource = value.split(' ').map(escapeWord).join('.');
    return [value, resource, `log.${resource}`];
  });

export function conditionOf(
  { key, server, host, file: files, field: fields, not, severity, text: words, regex }: Wanted,
  of: 'event' | 'line',
): string {
  const all: string[] = [];
  if (of === 'event') {
    if (server) all.push(oneOf(`array_to_string(string_split(key, '.')[:4], '.')`, server));
    if (key) all.push(oneOf('key', key));
    if (host) all.push(oneOf('host', host));
    if (not?.host) all.push(noneOf('host', not.host));
    if (files) all.push(oneOf(file, namesOf(files)));
    if (not?.file) all.push(noneOf(file, namesOf(not.file)));
    return all.join(' AND ') || 'true';
  }
  const least = rankOf(severity ?? 'trace');
  if (least > 0) all.push(oneOf(`coalesce(one->>'$.severity', 'info')`, severities.slice(least)));
  for (const [name, values] of Object.entries(fields ?? {})) all.push(oneOf(field(name), values));
  for (const [name, values] of Object.entries(not?.field ?? {})) all.push(noneOf(field(name), values));
  if (words !== undefined) all.push(`contains(lower(one->>'$.body'), ${text(words.toLowerCase())})`);
  if (regex !== undefined) all.push(`regexp_matches(one->>'$.body', ${text(regex)})`);
  return all.join(' AND ') || 'true';
}

/** What stands before a line, or after it. */
export const besides = (mark: Mark, which: '<' | '>'): string =>
  `(stands ${which} ${mark.at} OR (stands = ${mark.at} AND (id ${which} ${text(mark.id)} OR (id = ${text(mark.id)} AND line ${which} ${mark.line}))))`;
