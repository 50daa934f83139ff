/** A series keeps its number, however its points come, and none shares one with what differs in anything. */
import { expect, it } from 'vitest';
import { dictionary } from './dictionary.ts';

const a = { name: 'disk.io', value: 1, unit: 'By', attributes: { device: 'sda', direction: 'read' } };
const b = { name: 'disk.io', value: 2, unit: 'By', attributes: { device: 'sda', direction: 'write' } };

it('gives a series the same number in any order, at any place, and under each key another', () => {
  const { numbersOf } = dictionary([]);
  expect(numbersOf('k', [a, b])).toEqual([0, 1]);
  expect(numbersOf('k', [a, b])).toEqual([0, 1]);
  expect(numbersOf('k', [b, a, a])).toEqual([1, 0, 0]);
  expect(numbersOf('k2', [a])).toEqual([2]);
});

it.each([
  { ...a, name: 'disk.ios' },
  { ...a, unit: '1' },
  { ...a, type: 'counter' as const },
  { name: a.name, value: 1, unit: 'By' },
  { ...a, attributes: {} },
  { ...a, attributes: { device: 'sda' } },
  { ...a, attributes: { ...a.attributes, more: 1 } },
  { ...a, attributes: { device: 'sda', direction: true } },
  { ...a, attributes: { direction: 'read', device: 'sda' } },
])('knows what differs in anything as another: %j', (point) => {
  const { numbersOf } = dictionary([]);
  expect(numbersOf('k', [a])).toEqual([0]);
  expect(numbersOf('k', [point])).toEqual([1]);
  expect(numbersOf('k', [a])).toEqual([0]);
});

it('goes on where an earlier run ended, and says what is new', () => {
  const series = { key: 'k', name: 'disk.io', type: '', unit: 'By', attributes: '{"device":"sda","direction":"read"}' };
  const one = dictionary([[7, series]]);
  expect(one.numbersOf('k', [a, b])).toEqual([7, 8]);
  expect([...one.fresh]).toEqual([[8, { ...series, attributes: '{"device":"sda","direction":"write"}' }]]);
  one.keep();
  expect(one.numbersOf('k', [b])).toEqual([8]);
  expect(one.fresh.size).toBe(0);
});
