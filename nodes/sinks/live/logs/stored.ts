/**
 * Log lines out of what was kept: as SQL, where the history answers it, so that only what fits leaves the database; else read event by
 * event. A question is put for a stretch of time that grows until there are lines enough: most have them near.
 */
import { type History, Reject } from 'sluice';
import type { LineFilter } from './filter.ts';
import {
  type Counts,
  isWithin,
  most,
  noCounts,
  rankOf,
  readEarly,
  readLate,
  type Shown,
  type Stretch,
  severities,
  shown,
  standsAt,
  type Which,
} from './line.ts';
import { spanned } from './recall.ts';
import { at, besides, conditionOf, stands } from './sql.ts';

export interface Stored {
  /** Lines of a stretch, in order: the last that fit (`newest`), or the first. */
  lines(filter: LineFilter, stretch: Stretch, count: number, which: Which): Promise<Shown[]>;
  /** How many fit, in as many steps of time. */
  counts(filter: LineFilter, stretch: Stretch, steps: number): Promise<Counts[]>;
  /** Ids of the log events of a stretch. */
  ids(stretch: Stretch): Promise<ReadonlySet<string>>;
}

/** Milliseconds that one question may take. */
const time = 4_000;
const mostIds = 100_000;
/** Events that are read one by one for one question, where there is no SQL. */
const mostRead = 20_000;

/** Whether each history answers SQL over its log lines. */
const answers = new WeakMap<History, Promise<boolean>>();

export async function storedOf(history: History): Promise<Stored> {
  const known =
    answers.get(history) ??
    history.query('SELECT id FROM events LIMIT 0', { time, rows: 1 }).then(
      () => true,
      () => false,
    );
  answers.set(history, known);
  const asks = await known;
  // It may only have been busy: then it is asked again next time.
  if (!asks) answers.delete(history);
  return asks ? bySql(history) : byReading(history);
}

function bySql(history: History): Stored {
  const ask = async (sql: string, rows: number) => {
    const { rows: found, cut } = await history.query(sql, { time, rows });
    return { found, cut };
  };
  const from = (filter: LineFilter, { from, to, before, after }: Stretch) => `FROM (SELECT *, ${stands} AS stands FROM (
      SELECT id, key, epoch_ms(time) AS read, data->>'$.file' AS file, unnest(json_extract(data, '$.lines[*]')) AS one,
        generate_subscripts(json_extract(data, '$.lines[*]'), 1) - 1 AS line
      FROM events WHERE kind = 'log' AND time >= ${at(from - readEarly)} AND time < ${at(to + readLate)} AND ${conditionOf(filter.wanted, 'event')}))
    WHERE stands >= ${from} AND stands < ${to} AND ${conditionOf(filter.wanted, 'line')}
      ${before ? `AND ${besides(before, '<')}` : ''} ${after ? `AND ${besides(after, '>')}` : ''}`;

  return {
    async lines(filter, stretch, count, which) {
      const order = which === 'newest' ? 'DESC' : 'ASC';
      // What may not be seen, or is not labelled so, is left out below: a question for more lines makes up for it.
      const sql = `SELECT id, key, read, file, one, line ${from(filter, stretch)} ORDER BY stands ${order}, id ${order}, line ${order} LIMIT ${count}`;
      const { found } = await ask(sql, count);
      const lines = found.flatMap(([id, key, read, file, one, line]) => {
        const of = lineOf(one);
        if (!filter.key(String(key))) return [];
        const event = {
          id: String(id),
          key: String(key),
          time: Number(read),
          data: { lines: [], ...(file !== null && { file: String(file) }) },
        };
        return [spanned(shown(event, Number(line), of, []), filter)];
      });
      return most(lines, count, which);
    },
    async counts(filter, stretch, steps) {
      const step = (stretch.to - stretch.from) / steps;
      const sql = `SELECT floor((stands - ${stretch.from}) / ${step})::INTEGER AS step, coalesce(one->>'$.severity', 'info') AS severity, key, count(*)
        ${from(filter, stretch)} GROUP BY ALL`;
      const { found, cut } = await ask(sql, 200_000);
      if (cut) throw new Reject('live: logs: this is of too many servers and steps to count; ask for a shorter time, or fewer servers');
      const counts = Array.from({ length: steps }, noCounts);
      for (const [index, severity, key, many] of found) {
        const of = counts[Math.min(steps - 1, Number(index))];
        const rank = severities.indexOf(String(severity) as 'info');
        if (of && rank >= 0 && filter.key(String(key))) of[rank as 0] += Number(many);
      }
      return counts;
    },
    async ids({ from, to }) {
      const sql = `SELECT id FROM events WHERE kind = 'log' AND time >= ${at(from)} AND time < ${at(to)}`;
      return new Set((await ask(sql, mostIds)).found.map(([id]) => String(id)));
    },
  };
}

function byReading(history: History): Stored {
  const topic = { kind: 'log', pattern: '#' } as const;
  async function* each(filter: LineFilter, stretch: Stretch) {
    let count = 0;
    for await (const { event } of history.read(topic, stretch.from - readEarly, stretch.to + readLate)) {
      if (event.kind !== 'log' || !filter.key(event.key) || !filter.event(event)) continue;
      if (++count > mostRead) throw new Reject('live: logs: this time has too many lines to read without an index; ask for a shorter one');
      for (const [index, line] of event.data.lines.entries()) {
        const at = standsAt(event.time, line);
        if (isWithin(stretch, { at, id: event.id, line: index }) && filter.line(line)) yield { event, index, line, at };
      }
    }
  }
  return {
    async lines(filter, stretch, count, which) {
      const lines: Shown[] = [];
      for await (const { event, index, line } of each(filter, stretch)) {
        lines.push(shown(event, index, line, []));
        if (lines.length > 4 * count) most(lines, count, which);
      }
      return most(lines, count, which).map((line) => spanned(line, filter));
    },
    async counts(filter, stretch, steps) {
      const counts = Array.from({ length: steps }, noCounts);
      const step = (stretch.to - stretch.from) / steps;
      for await (const { line, at } of each(filter, stretch)) {
        const of = counts[Math.min(steps - 1, Math.floor((at - stretch.from) / step))];
        if (of) of[rankOf(line.severity) as 0] += 1;
      }
      return counts;
    },
    async ids({ from, to }) {
      const ids = new Set<string>();
      for await (const { event } of history.read(topic, from - readEarly, to + readLate)) {
        if (ids.size >= mostIds) break;
        ids.add(event.id);
      }
      return ids;
    },
  };
}

/** A line as the store has it; its severity was filled in before it was kept. */
function lineOf(json: unknown) {
  const line = (typeof json === 'string' ? JSON.parse(json) : json) as Parameters<typeof standsAt>[1];
  return { ...line, severity: line.severity ?? 'info' };
}
