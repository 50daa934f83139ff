/** The memory of filters against a naive model: any order of writing, undoing, committing, reverting and restarting. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Reject } from '../errors.ts';
import { table } from '../node.ts';
import { type Entry, type TableMemory, tableMemory } from './tables.ts';

const shapes = { counts: table(z.number(), { bound: 4, ttl: 50 }), names: table(z.strictObject({ name: z.string() }), { bound: 3 }) };
type Memory = TableMemory<typeof shapes>;

const seen = (memory: Memory) => ({ counts: [...memory.tables.counts.entries()], names: [...memory.tables.names.entries()] });

/** A disk that holds what was committed, as text. */
function disk() {
  const rows = new Map<string, string>();
  return {
    commit(memory: Memory) {
      for (const { table, key, entry } of memory.changes()) {
        if (entry) rows.set(`${table}/${key}`, JSON.stringify(entry));
        else rows.delete(`${table}/${key}`);
      }
      memory.committed();
    },
    *saved(name: string): Iterable<readonly [string, Entry]> {
      for (const [row, text] of rows) if (row.startsWith(`${name}/`)) yield [row.slice(name.length + 1), JSON.parse(text)];
    },
  };
}

/** The whole of the contract, on arrays: an entry is [key, value, at], in the order of writing. */
interface Model {
  counts: [string, number, number][];
  names: [string, { name: string }, number][];
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '__proto__');
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      table: fc.constantFrom('counts' as const, 'names' as const),
      key,
      value: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('delete' as const), table: fc.constantFrom('counts' as const, 'names' as const), key }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(40) }) },
  fc.record({ do: fc.constantFrom('keep' as const, 'undo' as const, 'commit' as const, 'revert' as const, 'restart' as const) }),
);

test('any run of commands leaves what the naive model says', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const rows = disk();
      let memory = tableMemory(shapes, rows.saved);
      let now = 0;
      let live: Model = { counts: [], names: [] };
      let kept = structuredClone(live);
      let committed = structuredClone(live);
      for (const each of commands) {
        if (each.do === 'set' && each.table === 'counts') {
          memory.tables.counts.set(each.key, each.value);
          live.counts = [...live.counts.filter(([name]) => name !== each.key), [each.key, each.value, now] as Model['counts'][0]].slice(-4);
        } else if (each.do === 'set') {
          memory.tables.names.set(each.key, { name: String(each.value) });
          const entry: Model['names'][0] = [each.key, { name: String(each.value) }, now];
          live.names = [...live.names.filter(([name]) => name !== each.key), entry].slice(-3);
        } else if (each.do === 'delete') {
          memory.tables[each.table].delete(each.key);
          live = { ...live, [each.table]: live[each.table].filter(([name]) => name !== each.key) };
        } else if (each.do === 'pass') {
          now += each.ms;
          memory.at(now);
          live.counts = live.counts.filter(([, , at]) => at + 50 > now);
          kept = structuredClone(live);
        } else if (each.do === 'keep') {
          memory.keep();
          kept = structuredClone(live);
        } else if (each.do === 'undo') {
          memory.undo();
          live = structuredClone(kept);
        } else if (each.do === 'commit') {
          rows.commit(memory);
          kept = structuredClone(live);
          committed = structuredClone(live);
        } else {
          if (each.do === 'revert') memory.revert();
          else memory = tableMemory(shapes, rows.saved);
          live = structuredClone(committed);
          kept = structuredClone(committed);
          // Time does not go back with the tables.
          memory.at(now);
          live.counts = live.counts.filter(([, , at]) => at + 50 > now);
          kept = structuredClone(live);
        }
        expect(seen(memory)).toEqual({
          counts: live.counts.map(([name, value]) => [name, value]),
          names: live.names.map(([name, value]) => [name, value]),
        });
        expect(memory.tables.counts.size).toBe(live.counts.length);
        for (const name of ['a', 'f', '__proto__']) {
          expect(memory.tables.counts.get(name)).toBe(live.counts.find(([other]) => other === name)?.[1]);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a value that does not fit its schema is refused with the table and key named, and nothing is written', () => {
  const memory = tableMemory(shapes);
  expect(() => memory.tables.counts.set('a', 'one' as unknown as number)).toThrow(Reject);
  expect(() => memory.tables.names.set('a', { name: 'x', more: 1 } as { name: string })).toThrow(/table names: a: /);
  expect(memory.changes()).toEqual([]);
});

test('a loop that writes the entries that it reads ends', () => {
  const memory = tableMemory(shapes);
  for (const name of ['a', 'b', 'c']) memory.tables.counts.set(name, 1);
  let turns = 0;
  for (const [name, count] of memory.tables.counts.entries()) {
    if (++turns > 10) break;
    memory.tables.counts.set(name, count + 1);
  }
  expect(turns).toBe(3);
  expect([...memory.tables.counts.entries()]).toEqual([
    ['a', 2],
    ['b', 2],
    ['c', 2],
  ]);
});

test('what no longer fits the schema, or the bound, is forgotten on disk too', () => {
  const entry = (value: Entry['value'], order: number): Entry => ({ value, at: 0, order });
  const saved = (name: string): (readonly [string, Entry])[] =>
    name === 'counts' ? [['old', entry('text', 0)], ...[1, 2, 3, 4, 5, 6].map((value) => [`k${value}`, entry(value, value)] as const)] : [];
  const memory = tableMemory(shapes, saved);
  expect(memory.tables.counts.get('old')).toBeUndefined();
  memory.tables.counts.set('new', 7);
  expect([...memory.tables.counts.entries()].map(([name]) => name)).toEqual(['k4', 'k5', 'k6', 'new']);
  const gone = memory.changes().filter((change) => change.entry === undefined);
  expect(gone.map((change) => change.key)).toEqual(['old', 'k1', 'k2', 'k3']);
  memory.revert();
  expect(memory.tables.counts.get('old')).toBeUndefined();
});

test('the changes of a batch name each entry once, with what it is now', () => {
  const memory = tableMemory(shapes);
  memory.at(5);
  memory.tables.counts.set('a', 1);
  memory.keep();
  memory.tables.counts.set('a', 2);
  memory.keep();
  memory.tables.counts.set('a', 3);
  memory.undo();
  expect(memory.changes()).toEqual([{ table: 'counts', key: 'a', entry: { value: 2, at: 5, order: 1 } }]);
  memory.committed();
  expect(memory.changes()).toEqual([]);
});
