import { expect, test } from 'vitest';
import type { Changelog } from '../../bus/bus.ts';
import { virtualClock } from '../../clock.ts';
import { beatEvery, joinMembers, type Members, silentAfter } from './members.ts';

/** A changelog that hands each record to all who read, unless the bus is away, or one of them is. */
function room() {
  const readers = new Map<string, (place: number, record: Buffer) => void>();
  const absent = new Set<string>();
  let place = 0;
  return {
    absent,
    open: (name: string): Changelog => ({
      append(record) {
        if (absent.has(name) || absent.has('bus')) return;
        place += 1;
        for (const [reader, taken] of readers) if (!absent.has(reader)) taken(place, record);
      },
      async read(_from, taken) {
        readers.set(name, taken);
        return { close: async () => void readers.delete(name) };
      },
      close: async () => void readers.delete(name),
    }),
  };
}

test('all see the same members: those who come, go, say goodbye, and nobody while the bus is away', async () => {
  const clock = virtualClock();
  const { open, absent } = room();
  const held = new Map([['a', [0, 1]]]);
  const join = (me: string): Promise<Members> =>
    joinMembers({ changelog: open(me), clock, me, host: me, holds: () => held.get(me) ?? [], changed: () => {} });
  const names = (members: Members) =>
    members
      .present()
      .map(({ by }) => by)
      .sort();
  const ready = (members: Members) =>
    members
      .present()
      .filter((member) => member.ready)
      .map(({ by }) => by)
      .sort();

  const a = await join('a');
  expect(ready(a)).toEqual([]);
  await clock.advance(3 * beatEvery);
  expect(ready(a)).toEqual(['a']);
  const b = await join('b');
  await clock.advance(beatEvery);
  // It is heard at once, and counts once it has heard all others.
  expect([names(a), ready(a)]).toEqual([['a', 'b'], ['a']]);
  expect(b.present().find(({ by }) => by === 'a')?.holds).toEqual([0, 1]);
  await clock.advance(3 * beatEvery);
  const c = await join('c');
  await clock.advance(3 * beatEvery);
  for (const each of [a, b, c]) expect(ready(each)).toEqual(['a', 'b', 'c']);

  // One dies: the others know after a while, and not before.
  absent.add('c');
  await clock.advance(silentAfter - 2 * beatEvery);
  expect(names(a)).toEqual(['a', 'b', 'c']);
  await clock.advance(3 * beatEvery);
  for (const each of [a, b]) expect(names(each)).toEqual(['a', 'b']);
  expect(names(c)).toEqual([]);

  // The bus is away: nobody knows anything. When it is back, nobody is taken for dead who has not had the time to be heard.
  absent.add('bus');
  await clock.advance(5 * silentAfter);
  expect([names(a), names(b)]).toEqual([[], []]);
  absent.delete('bus');
  absent.add('b');
  await clock.advance(beatEvery);
  expect([names(a), ready(a)]).toEqual([['a', 'b'], ['b']]);
  absent.delete('b');
  await clock.advance(3 * beatEvery);
  for (const each of [a, b]) expect(ready(each)).toEqual(['a', 'b']);

  b.leave();
  expect(names(a)).toEqual(['a']);
});
