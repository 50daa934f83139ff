/**
 * Questions with a name, for people who do not write SQL: `sluice query disk-fill --host web-1`. Each is a SELECT over the
 * views; `{since}` stands for the start of the time asked about, `{where}` for the host that was asked for, `{step}` for an interval
 * by which a course over that time is looked at.
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
    // Points as far back as there are any of a filesystem, what its hours came to before that; each {step} once, so that all
    // of the time counts alike. What does not end on the hour is no hour: `minute(time)` is asked before any JSON is read.
    sql: `WITH near AS (SELECT host, attributes->>'$."system.filesystem.mountpoint"' AS mountpoint, min(time) AS since, max(time) AS time,
          arg_min(value, time) AS first, arg_max(value, time) AS last
        FROM points WHERE name = 'system.filesystem.utilization' AND time >= {since} AND {where}
        GROUP BY host, mountpoint, time_bucket({step}, time)),
      far AS (SELECT host, attributes->>'$."system.filesystem.mountpoint"' AS mountpoint, time, last FROM stats
        WHERE name = 'system.filesystem.utilization' AND seconds = 3600 AND minute(time) = 0 AND last IS NOT NULL
          AND time >= {since} AND {where}),
      known AS (SELECT host, mountpoint, min(since) AS since FROM near GROUP BY ALL),
      course AS (FROM near UNION ALL
        SELECT host, mountpoint, time AS since, time, last AS first, last FROM far LEFT JOIN known USING (host, mountpoint)
        WHERE known.since IS NULL OR time < known.since)
      SELECT host, mountpoint, round(first, 3) AS first, round(last, 3) AS last, round(slope, 4) AS per_day,
        if(slope > 0.0001, round((1 - last) / slope, 1), NULL) AS days_left
      FROM (SELECT host, mountpoint, arg_min(first, since) AS first, arg_max(last, time) AS last,
          if(max(time) > min(time), regr_slope(last, epoch(time)) * 86400, NULL) AS slope
        FROM course GROUP BY ALL)
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
    .replaceAll('{step}', seconds > 86_400 ? "INTERVAL '1 hour'" : "INTERVAL '1 minute'")
    .replaceAll('{where}', () => (host === undefined ? 'true' : `host = ${text(host)}`));
}
