import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Event, encode } from '../event.ts';
import { openStore, type Store } from '../state/store.ts';
import { readLetter, replays } from './replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
let store: Store;
beforeAll(() => {
  store = openStore(folder);
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = Date.UTC(2026, 0, 31);
const event = (kind: 'metric' | 'command'): Event =>
  ({
    ...{ id: 'one', kind, key: 'a.b.c.web-1.cpu', source: '/a/b/c/web-1/cpu', time: at },
    data: kind === 'metric' ? { points: [{ name: 'load', value: 1 }] } : { action: 'ban', to: 'web-1', arguments: {} },
  }) as Event;

it('gives an event to the node that refused it alone, and each letter once', async () => {
  const offered = replays(store, () => at);
  const got: string[] = [];
  const reader = (name: string, mine: boolean) =>
    offered.offer(name, (given, note) => {
      if (!mine) return undefined;
      got.push(`${name} ${given.id}`);
      store.write(note);
      return Promise.resolve(true);
    });
  reader('store', true);
  // Two partitions of one node, of which the second has it.
  reader('threshold', false);
  const leave = reader('threshold', true);
  expect(await offered.replay('threshold', 'letter', event('metric'))).toBe(true);
  expect(got).toEqual(['threshold one']);
  await expect(offered.replay('threshold', 'letter', event('metric'))).rejects.toThrow('was replayed before');
  await expect(offered.replay('notify', 'other', event('metric'))).rejects.toThrow('notify does not run in this process');
  await expect(offered.replay('threshold', 'third', event('command'))).rejects.toThrow('give it anew');
  leave();
  await expect(offered.replay('threshold', 'fourth', event('metric'))).rejects.toThrow('does not read metric');
  expect(got).toHaveLength(1);
});

it('takes only a whole event out of a letter', () => {
  const text = encode(event('metric'));
  expect(readLetter('metric', text, at)).toMatchObject({ id: 'one', key: 'a.b.c.web-1.cpu' });
  for (const [kind, given] of [
    ['metric', text.slice(0, -5)],
    ['nonsense', text],
    ['alert', text],
    ['metric', '{"__proto__":{}}'],
    ['metric', '\u0000\u0001'],
  ] as const)
    expect(() => readLetter(kind, given, at)).toThrow('cannot be replayed');
});
