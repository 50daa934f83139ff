import { expect, it } from 'vitest';
import type { Event } from '../event.ts';
import type { History } from '../history.ts';
import { lineageOf } from './lineage.ts';
import { historyWithin, narrowed, Outside } from './within.ts';

const part = 'acme.shop';

it.each([
  ['#', 'acme.shop.#'],
  ['*.*.prod.web-1.#', 'acme.shop.prod.web-1.#'],
  ['acme.#', 'acme.shop.#'],
  ['acme.shop.prod.web-1.cpu', 'acme.shop.prod.web-1.cpu'],
  // Where it may begin anywhere, what is read is looked at event by event.
  ['#.cpu', '#.cpu'],
])('narrows %s to %s', (pattern, ours) => expect(narrowed(pattern, part)).toBe(ours));

it.each(['acme.office.#', 'other.#', '*.office.#', 'acme.office.prod.web-1.cpu', 'acme', 'acme.shopping.prod.web-1.cpu'])(
  'says that %s is outside, before anything is read',
  (pattern) => expect(() => narrowed(pattern, part)).toThrow(Outside),
);

const event = (id: string, key: string, causes: string[] = []): Event =>
  ({ id, kind: 'incident', key, source: '/acme/shop/prod/hub/x', time: 0, causes, data: { what: 'x' } }) as unknown as Event;
const kept = [
  event('far', 'acme.office.prod.pc-1.door'),
  event('near', 'acme.shop.prod.web-1.door', ['far', '/acme/office/prod/pc-1/cpu/b1/incident/acme.office.prod.pc-1.door/1-2']),
];
const all: History = {
  async *read() {
    for (const one of kept) yield { event: one, received: 0 };
  },
  byId: async (id) => kept.filter((one) => one.id === id).map((one) => ({ event: one, received: 0 }))[0],
  query: async (_, limits) => ({ columns: [], rows: [[limits?.part ?? '']], cut: false }),
  coverage: async () => [],
  series: async ({ part: asked }) => {
    const course = {
      attributes: {},
      type: 'gauge' as const,
      mean: new Float64Array(1),
      low: new Float64Array(1),
      high: new Float64Array(1),
    };
    return { series: kept.map(({ key }) => ({ ...course, key, unit: asked })), of: 2, coverage: [] };
  },
};

it('reads and asks within the part alone', async () => {
  const history = historyWithin(all, part);
  const read: string[] = [];
  // The store may answer with more than it was asked for: none of it passes.
  for await (const one of history.read({ kind: 'incident', pattern: '#' }, 0, 1)) read.push(one.event.id);
  expect(read).toEqual(['near']);
  await expect(history.byId('far')).rejects.toThrow('outside your part of the tree');
  expect(await history.byId('none')).toBeUndefined();
  expect((await history.query('SELECT 1')).rows).toEqual([[part]]);
  const asked = { metric: 'x', from: 0, to: 1000, step: 1000, most: 9 };
  expect((await history.series?.(asked))?.series).toMatchObject([{ key: 'acme.shop.prod.web-1.door', unit: part }]);
});

it('names causes outside the part, and shows nothing of them', async () => {
  const [, near] = kept;
  if (!near) throw new Error('nothing is kept');
  expect(await lineageOf(historyWithin(all, part), near)).toEqual([
    { sort: 'outside', id: 'far' },
    { sort: 'outside', id: near.causes?.[1] },
  ]);
});
