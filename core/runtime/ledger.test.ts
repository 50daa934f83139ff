/** What a reader is said to have lost and had twice, over a real store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Event, originalId } from '../event.ts';
import { openStore, type Store } from '../state/store.ts';
import { type Ledger, ledger } from './ledger.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 1);
const bootAt = (time: number) => `${time.toString(36)}-0123456789`;
const topics = [{ kind: 'metric', pattern: '#' }] as const;

let folder: string;
let store: Store;
let now: number;
let book: Ledger;
let counts: { holes: number; repeats: number };
let reader: ReturnType<Ledger['open']>;

async function open(wanted: Parameters<Ledger['open']>[2] = topics): Promise<void> {
  await store?.close();
  store = openStore(folder);
  book = ledger({ store, bootid: 'own', receiving: () => now });
  counts = { holes: 0, repeats: 0 };
  reader = book.open('probe', 'sluice.probe', wanted, counts);
  reader.joined(wanted);
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-ledger-'));
  now = start;
  await open();
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const key = 'a.b.c.web-1.cpu';
function event(sequence: number, bootid: string, more: Partial<Event<'metric'>> = {}): Event {
  const source = '/a/b/c/web-1/cpu';
  const id = originalId(source, bootid, 'metric', key, sequence);
  return { id, kind: 'metric', key, source, time: now, bootid, sequence, data: { points: [{ name: 'n', value: 1 }] }, ...more } as Event;
}
/** One committed batch; says which of it were new. */
function take(...events: Event[]): number[] {
  const pass = reader.batch(now);
  const fresh = events.filter((each) => pass.isNew(each)).map(({ sequence }) => sequence ?? 0);
  store.write((transaction) => pass.remember(transaction));
  pass.settled();
  return fresh;
}

it('counts each hole and each repeat, and a hole no longer once it is filled', async () => {
  now += hour;
  const boot = bootAt(now);
  expect(take(event(1, boot), event(2, boot), event(6, boot), event(2, boot))).toEqual([1, 2, 6]);
  expect(counts).toEqual({ holes: 3, repeats: 1 });
  expect(take(event(4, boot), event(6, boot))).toEqual([4]);
  expect(counts).toEqual({ holes: 2, repeats: 2 });
  expect(book.state().lost).toEqual([
    {
      node: 'probe',
      source: '/a/b/c/web-1/cpu',
      boot,
      kind: 'metric',
      key,
      lost: 2,
      repeats: 2,
      gaps: ['3-3', '5-5'],
      moved: new Date(now).toISOString(),
    },
  ]);
  await open();
  expect(counts).toEqual({ holes: 2, repeats: 2 });
  take(event(3, boot), event(5, boot));
  expect(counts).toEqual({ holes: 0, repeats: 2 });
});

it('takes the first that it sees for the beginning where the writer was there before it, and for a loss where it was not', () => {
  now += hour;
  take(event(5000, bootAt(start - hour)), event(5002, bootAt(start - hour)));
  expect(counts.holes).toBe(1);
  take(event(4, bootAt(now)));
  expect(counts.holes).toBe(4);
});

it('tells an old writer whose clock is ahead by the age of what it wrote', () => {
  const skew = 5 * hour;
  const boot = bootAt(start - hour + skew);
  now += 1000;
  take(event(5000, boot, { time: now + skew }));
  expect(counts.holes).toBe(0);
});

it('counts what the own process lost of itself from the first on', () => {
  book.sending();
  take(event(3, 'own'));
  expect(counts.holes).toBe(2);
});

it('asks nothing of what somebody numbers without a boot, or numbers past counting', () => {
  const { bootid: _, ...without } = event(1, '');
  expect(take({ ...without, sequence: 1 } as Event, { ...without, sequence: 900 } as Event)).toEqual([1, 900]);
  const huge = event(Number.MAX_SAFE_INTEGER + 1, bootAt(start));
  expect(take(huge, huge)).toHaveLength(1);
  expect(counts).toEqual({ holes: 0, repeats: 1 });
});

it('leaves no hole where a derived event came under two numbers', () => {
  now += hour;
  const boot = bootAt(now);
  const twin = { causationid: 'x', id: 'same' };
  expect(take(event(1, boot, twin), event(2, boot, twin), event(3, boot, { causationid: 'y', id: 'other' }))).toEqual([1, 3]);
  expect(counts).toEqual({ holes: 0, repeats: 1 });
});

it('misses nothing of a topic that it did not read for a while', async () => {
  now += hour;
  const boot = bootAt(now);
  take(event(1, boot));
  await open([{ kind: 'metric', pattern: 'a.b.c.other.#' }]);
  take(event(1, boot, { key: 'a.b.c.other.cpu' }));
  now += hour;
  await open();
  take(event(50, boot));
  expect(counts.holes).toBe(0);
  take(event(52, boot));
  expect(counts.holes).toBe(1);
});

it('knows in the same turn what it committed in it', () => {
  const derived = event(1, bootAt(start), { causationid: 'x' });
  expect([take(derived), take({ ...derived, sequence: 2 } as Event)]).toEqual([[1], []]);
});

it('forgets a loss with its stream', () => {
  now += hour;
  take(event(3, bootAt(now)));
  expect(counts.holes).toBe(2);
  store.forget(now + 1, 100);
  book.recount();
  expect(counts.holes).toBe(0);
  expect(book.state().lost).toEqual([]);
});
