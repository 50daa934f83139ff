/**
 * Questions with a name, for people who do not write SQL: `sluice query disk-fill --host web-1`. Each is a SELECT over the
 * views; `{since}` stands for the start of the time asked about, `{where}` for the host that was asked for.
 */
export interface Question {
  /** What it answers, in a few words. */
  readonly doc: string;
  readonly sql: string;
}

export const questions: Readonly<Record<string, Question>> = {
  busiest: {
    doc: 'which servers used their processors most',
    sql: `SELECT host, round(avg(busy), 3) AS average, round(quantile_cont(busy, 0.95), 3) AS p95, round(max(busy), 3) AS highest
      FROM (SELECT host, key, time, sum(value) AS busy FROM points
        WHERE name = 'system.cpu.utilization' AND (attributes->>'$."cpu.mode"') NOT IN ('idle', 'iowait')
          AND (attributes->>'$."cpu.logical_number"') IS NULL AND time >= {since} AND {where} GROUP BY ALL)
      GROUP BY host ORDER BY average DESC`,
  },
  'disk-fill': {
    doc: 'how each filesystem filled: its share at the start, at the end, its growth per day, and days until it is full',
    sql: `SELECT host, mountpoint, round(first, 3) AS first, round(last, 3) AS last, round(slope, 4) AS per_day,
        if(slope > 0.0001, round((1 - last) / slope, 1), NULL) AS days_left
      FROM (SELECT host, attributes->>'$."system.filesystem.mountpoint"' AS mountpoint, arg_min(value, time) AS first,
          arg_max(value, time) AS last,
          if(max(time) > min(time), regr_slope(value, epoch(time)) * 86400, NULL) AS slope
        FROM points WHERE name = 'system.filesystem.utilization' AND time >= {since} AND {where} GROUP BY ALL)
      ORDER BY last DESC`,
  },
  'noisiest-alerts': {
    doc: 'which rules fired most often',
    sql: `SELECT rule, host, resource, count(*) AS fired, max(time) AS latest
      FROM alerts WHERE status = 'firing' AND time >= {since} AND {where} GROUP BY ALL ORDER BY fired DESC`,
  },
  'noisiest-logs': {
    doc: 'who writes most log lines, and how many of them are errors',
    sql: `SELECT host, resource, count(*) AS lines, count(*) FILTER (severity IN ('error', 'fatal')) AS errors
      FROM logs WHERE time >= {since} AND {where} GROUP BY ALL ORDER BY lines DESC`,
  },
  'series-count': {
    doc: 'which metrics have most series and points',
    sql: `SELECT name, count(DISTINCT (key, attributes)) AS series, count(*) AS points
      FROM points WHERE time >= {since} AND {where} GROUP BY name ORDER BY points DESC`,
  },
  'server-changes': {
    doc: 'when servers came, fell silent and came back',
    sql: `SELECT time, host, before, status FROM (
        SELECT time, host, status, lag(status) OVER (PARTITION BY company, system, environment, host ORDER BY received, event) AS before
        FROM servers WHERE time >= {since} AND {where})
      WHERE status IS DISTINCT FROM before ORDER BY time DESC`,
  },
};

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** The SQL of a question. `seconds`: how far back it looks. */
export function sqlOf({ sql }: Question, { host, seconds }: { readonly host?: string | undefined; readonly seconds: number }): string {
  return sql
    .replaceAll('{since}', `(now()::TIMESTAMP - to_seconds(${seconds}))`)
    .replaceAll('{where}', () => (host === undefined ? 'true' : `host = ${text(host)}`));
}
