import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Event, Reject } from 'sluice';
import { afterEach, expect, it } from 'vitest';
import { type Archive, openArchive } from './archive.ts';
import { questions, sqlOf } from './questions.ts';
import { type Keep, keepAll } from './tiers.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

/** A store on a folder of the test's own, whose receiving clock the test moves. */
function bench(keep: Keep = keepAll) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-store-'));
  const said: string[] = [];
  const time = { now: start };
  let archive: Archive | undefined;
  undo.push(async () => {
    await archive?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    said,
    time,
    async open() {
      await archive?.close();
      archive = await openArchive({ folder, keep, say: (text) => said.push(text), now: () => time.now });
      return archive;
    },
    parquet: () =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.parquet'))
        .sort(),
  };
}

const metric = (id: string, value: number, more: Partial<Event<'metric'>> = {}): Event<'metric'> => ({
  id,
  kind: 'metric',
  key: 'acme.shop.prod.web%2E1.cpu',
  source: '/acme/shop/prod/web.1/cpu',
  time: start - 500,
  bootid: 'boot',
  sequence: value,
  data: {
    points: [
      { name: 'system.cpu.utilization', value: value / 100, unit: '1', attributes: { 'cpu.mode': 'user' } },
      { name: 'system.cpu.time', value, type: 'counter', unit: 's', attributes: { 'cpu.mode': 'user' } },
    ],
  },
  ...more,
});
const alert = (id: string): Event<'alert'> => ({
  id,
  kind: 'alert',
  key: 'acme.shop.prod.web-1.cpu',
  source: '/acme/shop/prod/hub/threshold',
  time: start,
  causationid: 'm1',
  causes: ['m1', 'm2'],
  nodeversion: '1',
  data: {
    rule: 'hot',
    status: 'firing',
    severity: 'warning',
    summary: 'hot',
    value: 0.95,
    since: '2026-01-01T00:00:00Z',
    evidence: ['m1'],
  },
});

async function all(archive: Archive, kind: Event['kind'], from = 0, to = start * 2, pattern = '#') {
  const found: Event[] = [];
  for await (const { event } of archive.history.read({ kind, pattern }, from, to)) found.push(event);
  return found;
}

/** Waits, within a bound, for what is done beside the writing. */
async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries === 500) throw new Error(`it did not come to ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('gives back what it was given, in the order received, before and after its hour is closed', async () => {
  const { open, time, parquet } = bench();
  const archive = await open();
  const odd: Event[] = [
    metric('explicit', 3, { data: { points: [{ name: 'late', value: 1, time: '2025-12-31T23:00:00+01:00' }] } }),
    metric('twice', 4, {
      data: {
        points: [
          { name: 'x', value: 1 },
          { name: 'x', value: 2 },
        ],
      },
    }),
    metric('long', 5, { sequence: 2 ** 63 }),
    { ...alert('log'), kind: 'log', data: { lines: [{ body: 'null \0, half \ud83d\ude00', severity: 'error' }] } },
  ];
  const given = [metric('m1', 1), metric('m2', 2), alert('a1'), ...odd];
  await archive.write(given.slice(0, 3));
  await archive.write(given.slice(3));
  const check = async (): Promise<void> => {
    for (const kind of ['metric', 'alert', 'log'] as const)
      expect(await all(archive, kind)).toEqual(given.filter((event) => event.kind === kind));
    expect(await all(archive, 'metric', start + 1, start + hour)).toEqual([]);
    expect(await all(archive, 'metric', 0, start * 2, 'acme.#.memory')).toEqual([]);
    expect((await all(archive, 'metric', 0, start + 1, '*.*.*.*.cpu')).length).toBe(5);
    expect(await archive.history.byId('a1')).toEqual({ event: given[2], received: start });
    expect(await archive.history.byId('none')).toBeUndefined();
  };
  await check();
  time.now += hour;
  await archive.write([metric('next', 6)]);
  await until(() => parquet().length === 2);
  given.push(metric('next', 6));
  await check();
  expect(await archive.history.coverage(0, start * 2)).toEqual([
    { from: start, to: start + 1, resolution: 'raw' },
    { from: start + hour, to: start + hour + 1, resolution: 'raw' },
  ]);
});

it('knows after a restart what is delivered again, in whichever pieces and after several restarts', async () => {
  const { open } = bench();
  let archive = await open();
  await archive.write([metric('old', 1)]);
  await archive.write([metric('m1', 2), metric('m2', 3), metric('m3', 4)]);
  archive = await open();
  await archive.write([metric('m2', 3), metric('m4', 5)]);
  archive = await open();
  await archive.write([metric('m1', 2)]);
  await archive.write([metric('m4', 5), metric('m3', 4), metric('m5', 6)]);
  expect((await all(archive, 'metric')).map(({ id }) => id)).toEqual(['old', 'm1', 'm2', 'm3', 'm4', 'm5']);
});

it('answers in SQL over its views, numbers as numbers and instants in ISO 8601', async () => {
  const { open } = bench();
  const archive = await open();
  const beat = { boot: 'b1', interval: 5, labels: { rack: 'r1' }, versions: {} };
  await archive.write([
    metric('m1', 50),
    alert('a1'),
    {
      ...alert('l1'),
      kind: 'log',
      data: {
        lines: [
          { body: 'one', severity: 'info' },
          { body: 'two', severity: 'error', fields: { pid: 7 } },
        ],
      },
    },
    { ...alert('h1'), kind: 'heartbeat', key: 'acme.shop.prod.web-1', data: beat },
    { ...alert('u1'), kind: 'audit', data: { who: 'ann', did: 'silence' } },
  ]);
  const rows = async (sql: string) => (await archive.history.query(sql)).rows;
  expect(
    await rows('SELECT time, host, resource, name, value, unit, type, attributes->>\'$."cpu.mode"\', event FROM points ORDER BY name'),
  ).toEqual([
    ['2025-12-31T23:59:59.500Z', 'web.1', 'cpu', 'system.cpu.time', 50, 's', 'counter', 'user', 1],
    ['2025-12-31T23:59:59.500Z', 'web.1', 'cpu', 'system.cpu.utilization', 0.5, '1', 'gauge', 'user', 1],
  ]);
  expect(await rows('SELECT kind, count(*) FROM events GROUP BY ALL ORDER BY kind')).toEqual([
    ['alert', 1],
    ['audit', 1],
    ['heartbeat', 1],
    ['log', 1],
    ['metric', 1],
  ]);
  expect(await rows("SELECT severity, body, fields->>'pid' FROM logs ORDER BY body")).toEqual([
    ['info', 'one', null],
    ['error', 'two', '7'],
  ]);
  expect(await rows('SELECT rule, status, value, since FROM alerts')).toEqual([['hot', 'firing', 0.95, '2026-01-01T00:00:00.000Z']]);
  expect(await rows('SELECT who, did FROM audit')).toEqual([['ann', 'silence']]);
  expect(await rows('SELECT host, status, boot FROM servers')).toEqual([['web-1', 'alive', 'b1']]);
  expect((await rows('DESCRIBE points')).length).toBe(14);
  expect(await rows("PIVOT (SELECT host, name, value FROM points) ON host IN ('web.1') USING max(value)")).toHaveLength(2);
  expect(await archive.history.query('SELECT * FROM range(5)', { rows: 3 })).toMatchObject({ rows: [[0], [1], [2]], cut: true });
  for (const question of Object.values(questions)) await rows(sqlOf(question, { host: "o'brien", seconds: 60 }));
  // Over what there is, so that each expression meets a value.
  for (const question of Object.values(questions)) await rows(sqlOf(question, { seconds: 1e9 }));
});

it.each([
  ['DROP TABLE kept.series', /does more than read/],
  ['INSERT INTO points SELECT * FROM points', /does more than read/],
  ["COPY (SELECT 1) TO '/tmp/sluice-escape'", /does more than read/],
  ["ATTACH '/tmp/sluice-escape.db'", /does more than read/],
  ['INSTALL httpfs', /does more than read/],
  ['LOAD httpfs', /does more than read/],
  ['PRAGMA database_list', /does more than read/],
  ["SET memory_limit = '100GB'", /does more than read/],
  ['CALL force_checkpoint()', /does more than read/],
  ['SELECT 1; DROP TABLE kept.series', /does more than read|cannot be understood/],
  ['SELECT 1; SELECT 2', /2 statements/],
  ["SELECT * FROM read_csv('/etc/passwd')", /read_csv is not for here/],
  ["SELECT * FROM read_text('/etc/passwd')", /read_text is not for here/],
  ["SELECT (SELECT max(content) FROM read_text('/etc/passwd')) FROM points", /read_text is not for here/],
  ["WITH x AS (SELECT * FROM glob('/etc/*')) SELECT * FROM x", /glob is not for here/],
  ["SELECT * FROM '/etc/passwd'", /there is no \/etc\/passwd/],
  ['WITH "/etc/passwd" AS (SELECT 1) SELECT * FROM (SELECT * FROM "/etc/passwd"), x', /there is no x/],
  ["SELECT * FROM query('SELECT 1')", /query is not for here/],
  ['SELECT * FROM kept.series', /there is no kept.series/],
  ['SELECT * FROM duckdb_settings()', /duckdb_settings is not for here/],
  ['SELECT * FROM force_checkpoint()', /force_checkpoint is not for here/],
  ["SELECT repeat('x', 4000000000)", /repeat is not for here/],
  ["SELECT * FROM read_blob('/etc/passwd')", /read_blob is not for here/],
  ["FROM '/etc/passwd.parquet'", /there is no \/etc\/passwd.parquet/],
  ["EXPORT DATABASE '/tmp/sluice-escape'", /does more than read/],
  ["COPY points FROM '/etc/passwd'", /does more than read/],
  ['CREATE TEMP TABLE x AS SELECT 1', /does more than read/],
  ['SET VARIABLE x = 1', /does more than read/],
  ['USE kept', /does more than read/],
  ['DETACH recent', /does more than read/],
  ['EXPLAIN ANALYZE SELECT 1', /does more than read/],
  ['SELECT * FROM duckdb_secrets()', /duckdb_secrets is not for here/],
  ["SELECT * FROM query_table('points')", /query_table is not for here/],
  ["SELECT * FROM json_execute_serialized_sql('{}')", /json_execute_serialized_sql is not for here/],
  ['SELECT * FROM information_schema.tables', /there is no information_schema.tables/],
  ["SELECT current_setting('allowed_directories')", /current_setting is not for here/],
  ["SELECT getenv('HOME')", /getenv is not for here/],
  ['SELECT len(range(3000000000))', /range is not for here/],
  ['SELECT len(generate_series(1, 3000000000))', /generate_series is not for here/],
  ['SELECT len(LIST_RESIZE([1], 1000000000))', /list_resize is not for here/],
  ['SELECT list_transform([1], x -> [x])', /list_transform is not for here/],
  ['SELECT [x + 1 FOR x IN [1, 2]]', /is not for here/],
  ["SELECT bitstring('0', 2000000000)", /bitstring is not for here/],
  ["SELECT replace(replace('aaaa', 'a', 'bbbb'), 'b', 'cccc')", /not for what another replacement made/],
  [`SELECT regexp_replace('aaaa', 'a', '${'b'.repeat(2000)}', 'g')`, /at most 16 characters/],
  ['SELECT replace(host, host, key) FROM points', /at most 16 characters/],
  ['WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t', /took longer/],
  ['SELECT count(*) FROM range(100000000) a, range(100000000) b', /took longer|needs more memory/],
  ['SELECT a.range, b.range FROM range(1000000) a, range(1000000) b ORDER BY 1 DESC, 2', /took longer|needs more memory/],
  ['SELECT count(*) FROM range(1000000000000)', /took longer than 0.3 s/],
  ['SELECT list(range) FROM range(2000000000)', /needs more memory|took longer/],
  ['SELEKT 1', /cannot be understood/],
  ['SELECT nothing FROM points', /nothing/],
])('refuses, and stays whole: %s', async (sql, why) => {
  const { open, folder } = bench();
  const archive = await open();
  await archive.write([metric('m1', 1)]);
  const refused = await archive.history.query(sql, { time: 300 }).catch((thrown: unknown) => thrown);
  expect(refused).toBeInstanceOf(Reject);
  expect((refused as Reject).message).toMatch(why);
  expect((refused as Reject).message).toMatch(/^sluice: query: .+; /);
  expect(existsSync('/tmp/sluice-escape') || existsSync('/tmp/sluice-escape.db')).toBe(false);
  expect(readdirSync(folder).filter((name) => !/^(recent\.duckdb|catalogue\.)/.test(name))).toEqual([]);
  await archive.write([metric('m2', 2)]);
  expect((await archive.history.query('SELECT count(*) FROM points')).rows).toEqual([[4]]);
});

it('answers what looks dangerous and is not: replacements, series of numbers, and patterns that hang others', async () => {
  const { open } = bench();
  const archive = await open();
  const rows = async (sql: string) => (await archive.history.query(sql)).rows;
  expect(await rows("SELECT replace('a-b', '-', '+'), regexp_replace('port 4711', '[0-9]+', '<n>', 'g')")).toEqual([['a+b', 'port <n>']]);
  expect(await rows('SELECT sum(range) FROM range(10)')).toEqual([[45]]);
  expect(await rows(`SELECT regexp_matches('${'a'.repeat(30_000)}!', '^(a+)+$')`)).toEqual([[false]]);
});

it('cuts an answer at its limit of bytes', async () => {
  const { open } = bench();
  const archive = await open();
  const answer = await archive.history.query(`SELECT '${'y'.repeat(50_000)}' AS y, range FROM range(100000)`, {
    rows: 100_000,
    time: 60_000,
  });
  expect(answer.cut).toBe(true);
  expect(answer.rows.length * 50_000).toBeLessThan(70e6);
});

it('deletes the files of what is too old, and the oldest of what is too much', async () => {
  const { open, time, parquet, folder } = bench({ raw: 3 * hour, minute: 3 * hour, hour: 3 * hour, bytes: 1e9 });
  const archive = await open();
  for (let index = 0; index < 6; index++) {
    if (index > 0) time.now += hour;
    await archive.write([metric(`m${index}`, index)]);
  }
  await until(() => parquet()[0] === 'events-000003.parquet' && parquet().length === 6);
  expect((await all(archive, 'metric')).map(({ id }) => id)).toEqual(['m2', 'm3', 'm4', 'm5']);
  await archive.close();

  const bytes = parquet().reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  const less = await openArchive({ folder, keep: { ...keepAll, bytes: bytes + 500 }, say: () => {}, now: () => time.now });
  undo.push(() => less.close());
  // What was open at the end is closed at the start, and is one too much.
  await until(() => parquet()[0] === 'events-000004.parquet');
  expect((await less.history.query('SELECT min(id) FROM events')).rows).toEqual([['m3']]);
});

it('says and leaves out what is damaged or gone, leaves alone what is foreign, and goes on', async () => {
  const { open, time, parquet, folder, said } = bench();
  let archive = await open();
  for (let index = 0; index < 5; index++) {
    await archive.write([metric(`m${index}`, index)]);
    time.now += hour;
  }
  await until(() => parquet().length === 8);
  const [first = '', second = ''] = parquet().filter((name) => name.startsWith('events'));
  const third = join(folder, 'points-000003.parquet');
  // One is overwritten while it is in use, at its old length.
  const size = statSync(third).size;
  writeFileSync(third, Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(size - 8, 7), Buffer.from('PAR1')]));
  expect((await archive.history.query('SELECT count(DISTINCT value) FROM points')).rows[0]?.[0]).toBeGreaterThan(0);
  expect(said.join('\n')).toMatch(/000003.*left out/);

  await archive.close();
  truncateSync(join(folder, first), 100);
  rmSync(join(folder, second));
  writeFileSync(join(folder, 'notes.txt'), 'mine');
  archive = await open();
  expect(said.join('\n')).toMatch(/events-000001.parquet is damaged.*left out/);
  expect(said.join('\n')).toMatch(/events-000002.parquet cannot be read.*left out/);
  expect(said.join('\n')).toMatch(/notes\.txt; it is left alone/);
  await archive.write([metric('m9', 9)]);
  expect((await archive.history.query("SELECT id FROM events WHERE id IN ('m0', 'm1', 'm3', 'm4', 'm9') ORDER BY 1")).rows).toEqual([
    ['m3'],
    ['m4'],
    ['m9'],
  ]);
  expect((await all(archive, 'metric')).map(({ id }) => id)).toEqual(expect.arrayContaining(['m3', 'm4', 'm9']));
  expect(existsSync(join(folder, 'notes.txt')) && existsSync(join(folder, first))).toBe(true);
});

it('keeps order and loses nothing when the clock jumps', async () => {
  const { open, time } = bench();
  const archive = await open();
  for (const jump of [0, 30 * 24 * hour, -30 * 24 * hour, -hour, 2 * hour]) {
    time.now += jump;
    await archive.write([metric(`m${jump}`, 1)]);
  }
  expect((await all(archive, 'metric')).map(({ id }) => id)).toEqual([
    'm0',
    `m${30 * 24 * hour}`,
    `m${-30 * 24 * hour}`,
    `m${-hour}`,
    `m${2 * hour}`,
  ]);
});
