/** What one may see by SQL who may see one part of the tree: every way past the views that we could think of, tried. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Event, messageOf, type QueryLimits, Reject } from 'sluice';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Archive, openArchive } from './archive.ts';
import { keepAll } from './tiers.ts';
import { viewNames } from './views.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-within-'));
const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;
let now = start;
let archive: Archive;
let count = 0;

/** All that is about a host, in every view; what nobody else may see is a word that no other host's has. */
function about(host: string, word: string): Event[] {
  const key = `acme.${host}`;
  const event = (kind: string, resource: string, data: unknown): Event =>
    ({
      id: `${word}-${kind}-${count++}`,
      kind,
      key: `${key}.${resource}`,
      source: `/acme/shop/prod/${word}/x`,
      time: now,
      bootid: word,
      sequence: count,
      data,
    }) as unknown as Event;
  return [
    event('metric', word, { points: [{ name: `${word}.level`, value: 1, attributes: { word } }] }),
    event('log', word, { lines: [{ body: `${word} 1`, severity: 'info', fields: { word } }] }),
    event('alert', word, {
      rule: word,
      status: 'firing',
      severity: 'error',
      summary: word,
      since: new Date(now).toISOString(),
      evidence: [],
    }),
    event('audit', word, { who: word, did: word, to: word }),
    event('heartbeat', word, { boot: word, interval: 5, labels: { word }, versions: {} }),
    event('stat', word, {
      from: new Date(now).toISOString(),
      to: new Date(now + 60_000).toISOString(),
      series: [{ name: `${word}.level`, count: 1, sum: 1, min: 1, max: 1 }],
    }),
  ];
}

beforeAll(async () => {
  archive = await openArchive({ folder, keep: keepAll, say: () => {}, now: () => now });
  // A closed stretch as Parquet and an open one as tables, with both parts in each; and a name that only begins like the part.
  for (let each = 0; each < 2; each++) {
    await archive.write([
      ...about('shop.prod.web-1', 'plain'),
      ...about('office.prod.pc-1', 'hidden'),
      ...about('shopping.prod.a', 'hidden'),
    ]);
    now += 2 * hour;
  }
  await archive.write(about('office.prod.pc-1', 'hidden'));
  await archive.write(about('shop.prod.web-1', 'plain'));
}, 60_000);
afterAll(async () => {
  await archive.close();
  rmSync(folder, { recursive: true, force: true });
});

const within: Partial<QueryLimits> = { part: 'acme.shop', time: 10_000 };
const all = async (sql: string, limits = within) => JSON.stringify((await archive.history.query(sql, limits)).rows);

it.each(viewNames)('shows of %s what is about the part, and nothing else', async (view) => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.parquet')).length).toBeGreaterThan(0);
  expect(await all(`SELECT * FROM ${view}`, {})).toContain('hidden');
  const seen = await all(`SELECT * FROM ${view}`);
  expect(seen).toContain('plain');
  expect(seen).not.toContain('hidden');
  expect((await archive.history.query(`SELECT * FROM ${view} WHERE host IS NULL`, within)).rows).toEqual([]);
});

const file = `'${join(folder, 'events-000001.parquet')}'`;

it.each([
  ['tables of the store', 'SELECT * FROM kept.series'],
  ['a table under the name of an expression', 'WITH "kept.series" AS (SELECT 1) SELECT * FROM kept.series'],
  ['a catalogue under the name of an expression elsewhere', 'SELECT * FROM (WITH duckdb_views AS (SELECT 1) SELECT 1), duckdb_views'],
  ['a catalogue within the expression of its name', 'WITH duckdb_views AS (SELECT * FROM duckdb_views) SELECT * FROM duckdb_views'],
  ['a catalogue before the expression of its name', 'WITH a AS (SELECT * FROM sqlite_master), sqlite_master AS (SELECT 1) SELECT * FROM a'],
  ['a file', `SELECT * FROM ${file}`],
  ['a file under the name of an expression', `SELECT * FROM (WITH ${file.replaceAll("'", '"')} AS (SELECT 1) SELECT 1), ${file}`],
  ['a function that reads files', `SELECT * FROM read_parquet(${file})`],
  ['a function that reads text', `SELECT * FROM read_text(${file})`],
  ['a function that takes SQL', "SELECT * FROM query('SELECT * FROM kept.series')"],
  ['a function that takes the name of a table', "SELECT * FROM query_table('kept.series')"],
  ['a function that plans SQL', "SELECT json_serialize_plan('SELECT * FROM kept.series')"],
  ['what is known of a column', 'SELECT stats(name) FROM points'],
  ['a summary of a table', 'SELECT * FROM (SUMMARIZE kept.series)'],
  ['a description', 'SELECT * FROM (DESCRIBE kept.series)'],
  ['how a view is made', 'SELECT sql FROM duckdb_views()'],
  ['the catalogue in another schema', 'SELECT * FROM information_schema.tables'],
  ['settings', "SELECT current_setting('allowed_directories')"],
  ['a second statement', 'SELECT 1; SELECT * FROM kept.series'],
  ['another connection', "ATTACH 'x.duckdb'"],
])('refuses to give %s', async (_, sql) => {
  const thrown = await all(sql).catch((refused: unknown) => refused);
  expect(thrown).toBeInstanceOf(Reject);
  expect(messageOf(thrown)).not.toMatch(/hidden|kept\.points/);
});

/** Each fails, or tells something, on a value: tried on a row that is not ours, its message would have what stands in it. */
const probes: readonly ((column: string) => string)[] = [
  (column) => `error(${column})`,
  (column) => `CAST(${column} AS INTEGER) = 1`,
  (column) => `CAST(${column} AS DATE) IS NULL`,
  (column) => `CAST('{' || ${column} AS JSON) IS NULL`,
  (column) => `strptime(${column}, '%Y') IS NULL`,
  (column) => `CASE WHEN ${column} LIKE '%hid%' THEN error('there is a hidden one') END IS NULL`,
  (column) => `regexp_matches(${column}, 'hid.*') AND error('there is a hidden one') IS NULL`,
];
const columns: readonly (readonly [string, string])[] = [
  ['events', 'id'],
  ['events', 'key'],
  ['events', 'host'],
  ['events', 'data::VARCHAR'],
  ['events', 'source'],
  ['logs', 'body'],
  ['alerts', 'rule'],
  ['audit', 'who'],
  ['servers', 'boot'],
  ['stats', 'name'],
  ['points', 'name'],
  ['points', 'attributes::VARCHAR'],
];

it('lets no condition of the asker be tried on what they may not see', { timeout: 60_000 }, async () => {
  for (const [view, column] of columns) {
    for (const probe of probes) {
      // With a filter of ours that leaves out the rows that the asker may see, none is left on which it could fail.
      const sql = `SELECT count(*) FROM ${view} WHERE ${probe(column)} AND ${column} NOT LIKE '%plain%'`;
      const answer = await all(sql).catch(messageOf);
      expect(answer, sql).not.toMatch(/hidden/);
    }
  }
});

it('keeps parts apart that ask one after the other, and at once', async () => {
  const hosts = async (part: string) => (await archive.history.query('SELECT count(DISTINCT host) FROM events', { part })).rows[0]?.[0];
  expect(await Promise.all(['acme.shop', 'acme.office', ''].map(hosts))).toEqual([1, 1, 3]);
  for (const [part, count] of [
    ['acme.shop', 1],
    ['nobody', 0],
    ['acme', 3],
    ['acme.sho', 0],
    ["ac'me", 0],
  ] as const)
    expect(await hosts(part)).toBe(count);
});

it('lets expressions have names, also recursive ones', async () => {
  expect(await all('WITH a AS (SELECT host FROM events), b AS (SELECT * FROM a) SELECT count(*) > 0 FROM b')).toBe('[[true]]');
  expect(await all('WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT max(x) FROM n')).toBe('[[3]]');
  expect(await all('SELECT (WITH e AS (SELECT 1 AS x) SELECT x FROM e)')).toBe('[[1]]');
});
