/** A state that was damaged: whatever was done to its file, what is whole comes back, the rest is counted, and nothing ends the process. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore, type Spooled } from './store.ts';

const pageSize = 4096;
const folder = mkdtempSync(join(tmpdir(), 'sluice-mend-'));
const original = join(folder, 'original');
const file = (state: string): string => join(state, 'state.mdb');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Entries of all sizes, plain and compressed, some already gone; a table, positions. */
const entries: Spooled[] = Array.from({ length: 120 }, (_, index) => {
  const text = `{"n":${index},"text":"${`${index} `.repeat((index * index) % 2900)}"}`;
  const body =
    index % 10 === 9 ? gzipSync(`[${text}${Array.from({ length: 500 }, (_, each) => `,{"n":${each * index}}`).join('')}]`) : text;
  return { order: index + 1, kind: index % 4 === 0 ? 'alert' : 'metric', keys: ['a.b.c.d', '~1'], expires: undefined, count: 1, body };
});
const laneOf = ({ kind }: Spooled) => (kind === 'alert' ? 'durable' : 'telemetry');
const store = openStore(original);
for (let from = 0; from < entries.length; from += 10)
  store.write((transaction) => {
    for (const entry of entries.slice(from, from + 10)) transaction.spool(laneOf(entry), entry);
    const changes = Array.from({ length: 20 }, (_, index) => {
      const value = `${index} `.repeat((from + index) * 3);
      return { table: 'table', key: `${from + index}`, entry: { value, at: 1, order: from + index } };
    });
    transaction.tables('node', changes);
    transaction.position('monitor', { at: from });
  });
store.write((transaction) => transaction.unspool('telemetry', 'metric', [2, 3, 4]));
await store.close();
const pristine = readFileSync(file(original));
const left = entries.filter(({ order }) => order > 4 || order === 1);

let copies = 0;
/** A state with a file of these bytes. */
function stateOf(bytes: Buffer): string {
  const at = join(folder, `${++copies}`);
  mkdirSync(at);
  writeFileSync(file(at), bytes);
  return at;
}
const withPage = (page: number, content: (length: number) => Buffer): Buffer => {
  const bytes = Buffer.from(pristine);
  content(pageSize).copy(bytes, page * pageSize);
  return bytes;
};
/** The same garbage each time. */
const garbage = (length: number): Buffer => {
  let seed = 7;
  return Buffer.from(
    Array.from({ length }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % 251;
    }),
  );
};

/** Opens it, and holds what it finds to what was there: less may be found, nothing else. */
async function salvaged(state: string): Promise<{ spooled: number; rows: number; damage: string | undefined }> {
  const opened = openStore(state);
  try {
    const { kinds, next } = opened.extent();
    const all = (['alert', 'metric'] as const).flatMap((kind) =>
      opened.waiting(kind === 'alert' ? 'durable' : 'telemetry', kind, 0, Number.POSITIVE_INFINITY),
    );
    // What an earlier opening of this test wrote comes after.
    const found = all.filter(({ order }) => order <= entries.length);
    for (const one of found) {
      const before = entries[one.order - 1];
      expect([one.order, Buffer.from(one.body).equals(Buffer.from(before?.body ?? ''))]).toEqual([one.order, true]);
    }
    expect([...kinds.values()].reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
    const rows = [...opened.table('node', 'table')];
    for (const [key, { value }] of rows)
      expect(String(value).startsWith(`${Number(key) % 10} `) || String(value) === '' || Number(key) >= 10).toBe(true);
    // It can be written, and what is written stays.
    opened.write((transaction) => transaction.spool('durable', { ...(entries[0] as Spooled), order: Math.max(next, 1000) }));
    return { spooled: found.length, rows: rows.length, damage: opened.damage };
  } finally {
    await opened.close();
  }
}
const pages = pristine.length / pageSize;
/** In its long form (test/faults) each page is damaged. */
const step = process.env.SLUICE_EVERY_PAGE ? 1 : 28;
const some = Array.from({ length: Math.ceil(pages / step) }, (_, index) => index * step);

describe('a state', () => {
  it('that is whole is opened as it is', async () => {
    const found = await salvaged(stateOf(pristine));
    expect(found).toMatchObject({ spooled: left.length, damage: undefined });
    expect(found.rows).toBeGreaterThan(100);
  });

  it.each([
    ['zeros', (length: number) => Buffer.alloc(length)],
    ['garbage', garbage],
    ['another page', () => pristine.subarray(9 * pageSize, 10 * pageSize)],
  ])(`gives back what is whole with ${some.length} times one page of %s`, { timeout: 300_000 }, async (what, content) => {
    let damaged = 0;
    let lost = 0;
    for (const page of some) {
      const state = stateOf(withPage(page, content));
      const { spooled, damage } = await salvaged(state);
      if (damage !== undefined) {
        damaged += 1;
        expect(damage).toMatch(/^state: state\.mdb was damaged: .*; the damaged file is kept as state\.mdb\.damaged, delete it/);
        expect(existsSync(`${file(state)}.damaged`)).toBe(true);
        // Once mended, it is whole.
        expect((await salvaged(state)).damage).toBeUndefined();
      } else expect(spooled, `page ${page} of ${what}`).toBe(left.length);
      lost += left.length - spooled;
      rmSync(state, { recursive: true });
    }
    expect(damaged).toBeGreaterThan(some.length / 4);
    // One page costs one leaf of entries at most, or an earlier state of the whole.
    expect(lost / damaged).toBeLessThan(left.length / 4);
  });

  it('that is cut short anywhere gives back what was before', { timeout: 300_000 }, async () => {
    let shortened = 0;
    for (let length = 0; length <= pristine.length; length += step * (pageSize + 300)) {
      const state = stateOf(pristine);
      truncateSync(file(state), length);
      const { spooled, damage } = await salvaged(state);
      // What lies at the end may be free.
      if (length > 0 && damage === undefined) expect(spooled).toBe(left.length);
      shortened += damage === undefined ? 0 : 1;
      rmSync(state, { recursive: true });
    }
    expect(shortened).toBeGreaterThan(2);
  });

  it('that is no state at all is set aside', async () => {
    const state = stateOf(garbage(100_000));
    expect(await salvaged(state)).toEqual({
      spooled: 0,
      rows: 0,
      damage: expect.stringContaining('nothing of it could be read; the damaged file is kept'),
    });
    expect(readFileSync(`${file(state)}.damaged`).equals(garbage(100_000))).toBe(true);
  });

  it('is mended again where that was interrupted', async () => {
    const state = stateOf(withPage(9, garbage));
    copyFileSync(file(original), `${file(state)}.mended`);
    truncateSync(`${file(state)}.mended`, 20_000);
    const { damage } = await salvaged(state);
    expect(damage).toBeDefined();
    expect(existsSync(`${file(state)}.mended`)).toBe(false);
  });
});
