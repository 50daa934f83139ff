/** What goes with a partition to its next owner, beside its tables: events that may not have left, its time, and its states. */
import { expect, test } from 'vitest';
import type { Changelog } from '../../bus/bus.ts';
import { systemClock } from '../../clock.ts';
import type { Event } from '../../event.ts';
import type { Data } from '../../kinds.ts';
import { author } from '../author.ts';
import type { Context, Placed } from '../context.ts';
import { partitionHome } from './home.ts';
import { own } from './owner.ts';

const records: Buffer[] = [];
const readers = new Set<(place: number, record: Buffer) => void>();

/** A changelog that is quick, and the same for all. */
function quick(): Changelog {
  const mine = new Set<(place: number, record: Buffer) => void>();
  return {
    append(record) {
      const place = records.push(record) - 1;
      setImmediate(() => {
        for (const taken of readers) taken(place, record);
      });
    },
    async read(from, taken) {
      const first = from === 'last' ? Math.max(0, records.length - 1) : typeof from === 'number' ? from : 0;
      const there = records.slice(first);
      setImmediate(() => {
        for (const [index, record] of there.entries()) taken(first + index, record);
        readers.add(taken);
        mine.add(taken);
      });
      return { close: async () => void readers.delete(taken) };
    },
    async close() {
      for (const taken of mine) readers.delete(taken);
    },
  };
}

/** A process, as far as a partition needs one. */
function process(now: number) {
  const sent: Event[] = [];
  const states = new Map<string, Data<'state'>>();
  let away = true;
  const context = {
    clock: systemClock,
    receiving: () => now,
    store: {},
    ledger: { beside: () => () => {} },
    committer: { commit: async ({ events }: { events: Event[] }) => void sent.push(...events) },
    outbox: { passed: () => () => !away },
    announcer: {
      adopt(_node: string, told: Iterable<readonly [string, Data<'state'>]>) {
        for (const [key, data] of told) states.set(key, data);
      },
      disown(keys: Iterable<string>) {
        for (const key of keys) states.delete(key);
      },
    },
  } as unknown as Context;
  return {
    context,
    sent,
    states,
    confirm() {
      away = false;
    },
  };
}

const place = { company: 'acme', system: 'shop', environment: 'prod' };
const placed = { name: 'tally' } as Placed;
const part = { index: 3, count: 8, by: 'source' } as const;
const hub = author({ place, host: 'hub-1', bootid: 'boot-1' }, 'tally');
const state = (value: string) =>
  hub.original({ kind: 'state', key: ['tally'], data: { of: 'tally', value } }, 1) as Event & { data: Data<'state'> };

test('what may not have left is sent again by the next owner as it was; its time never goes back; its states are one’s alone', async () => {
  const one = process(5000);
  const first = await own({ changelog: quick(), clock: systemClock, by: 'one' });
  const home = await partitionHome(one.context, placed, first, part);
  const [a, b, c] = [state('a'), state('b'), state('c')];
  await home.keep({ events: [a], changes: [{ table: 'sums', key: 'x', entry: { value: 1, at: 5000, order: 1 } }] });
  one.confirm();
  await home.keep({ events: [b] });
  await home.keep({ events: [c] });
  expect(one.sent).toEqual([a, b, c]);
  expect([...one.states.values()]).toEqual([c.data]);
  home.leave();
  expect(one.states.size).toBe(0);

  // Another's clock, two seconds behind: time goes on from where it was.
  const other = process(3000);
  const second = await own({ changelog: quick(), clock: systemClock, by: 'other' });
  await first.ended;
  const next = await partitionHome(other.context, placed, second, part);
  expect(next.context.receiving()).toBe(5000);
  // Of the first event, and of the second by the time of the third, a step said that it had left.
  expect(other.sent).toEqual([c]);
  expect([...other.states.values()]).toEqual([c.data]);
  expect([...next.context.store.table('tally', 'sums')]).toEqual([['x', { value: 1, at: 5000, order: 1 }]]);
  await second.close();
});
