/**
 * How an event lies in the tables, and back. A metric's points are rows of their own, under a series that is spelt out once;
 * they are the event's only copy, unless it says more of them than a row holds: then its data are kept whole beside them.
 */
import type { Event, Kind, Point } from 'sluice';
import { escapeWord, type Json, parse } from 'sluice';

/** A series: what its key, name, type, unit and attributes make one line of. `attributes` is JSON, or empty. */
export interface Series {
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly attributes: string;
}

/** A series' name in the dictionary: whatever differs in it is another series. */
export const seriesId = ({ key, name, type, unit, attributes }: Series): string => `${key}\n${name}\n${type}\n${unit}\n${attributes}`;

export const seriesOf = (key: string, { name, type, unit, attributes }: Point): Series => ({
  key,
  name,
  type: type ?? '',
  unit: unit ?? '',
  attributes: attributes ? JSON.stringify(attributes) : '',
});

/** The columns of a key that people ask by. */
export function wordsOf(key: string): readonly [company: string, system: string, environment: string, host: string, resource: string] {
  const { company, system, environment, host, resource } = parse(key);
  return [company, system, environment, host, resource.map(escapeWord).join('.')];
}

/** Whether rows of points say all of the event's data: each series once, and no time, no empty unit of its own. */
export function isRowsAlone(points: readonly Point[], series: readonly number[]): boolean {
  return new Set(series).size === points.length && points.every(({ time, unit }) => time === undefined && unit !== '');
}

export const eventColumns = [
  'number BIGINT',
  'received TIMESTAMP',
  'kind VARCHAR',
  'key VARCHAR',
  'id VARCHAR',
  'source VARCHAR',
  'time TIMESTAMP',
  'bootid VARCHAR',
  'sequence BIGINT',
  'rest VARCHAR',
  'data VARCHAR',
].join(', ');
export const pointColumns = 'series INTEGER, time TIMESTAMP, value DOUBLE, event BIGINT, received TIMESTAMP, place SMALLINT';

/** Whether it has a sequence that a column holds exactly: a stranger's may be longer. */
export const isCounted = ({ sequence }: Event): boolean => Number.isSafeInteger(sequence);

/** What no column has of the envelope, as JSON; null where there is nothing. */
export function restOf(event: Event): string | null {
  const { id: _id, kind: _kind, key: _key, source: _source, time: _time, data: _data, bootid: _bootid, sequence, ...others } = event;
  const rest = sequence === undefined || isCounted(event) ? others : { ...others, sequence };
  return Object.keys(rest).length === 0 ? null : JSON.stringify(rest);
}

/** A row of events as it is read. Times are milliseconds. */
export interface EventRow {
  readonly number: number;
  readonly received: number;
  readonly kind: Kind;
  readonly key: string;
  readonly id: string;
  readonly source: string;
  readonly time: number;
  readonly bootid: string | null;
  readonly sequence: number | null;
  readonly rest: string | null;
  readonly data: string | null;
}

/** The event that a row was made from; `points` for a metric whose data are its points alone. */
export function eventOf(row: EventRow, points: () => Json): Event {
  const { kind, key, id, source, time, bootid, sequence, rest, data } = row;
  return {
    id,
    kind,
    key,
    source,
    time,
    data: data === null ? { points: points() } : JSON.parse(data),
    ...(bootid !== null && { bootid }),
    ...(sequence !== null && { sequence }),
    ...(rest !== null && JSON.parse(rest)),
  } as Event;
}

/** A point as its event had it. */
export function pointOf({ name, type, unit, attributes }: Series, value: number): Json {
  return {
    name,
    value,
    ...(type !== '' && { type }),
    ...(unit !== '' && { unit }),
    ...(attributes !== '' && { attributes: JSON.parse(attributes) as Json }),
  };
}
