import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matcher } from './key.ts';
import { partitionOf, slotFor, slotKeys, slots } from './slot.ts';

test('a slot is what sha256sum says, so that a shell script can tell', () => {
  // printf %s /acme/shop/prod/web-1 | sha256sum
  expect(slotFor({ source: '/acme/shop/prod/web-1/cpu' }, 'source')).toBe(0xb0 % 64);
  expect(slotFor({ source: '/acme/shop/prod/web-1/memory' }, 'source')).toBe(slotFor({ source: '/acme/shop/prod/web-1/cpu' }, 'source'));
});

test('what says a key of its own goes by it, and what says none by its writer', () => {
  const source = '/acme/shop/prod/web-1/cpu';
  expect(slotFor({ source, partitionkey: 'customer-7' }, 'partitionkey')).toBe(
    slotFor({ source: '/x', partitionkey: 'customer-7' }, 'partitionkey'),
  );
  expect(slotFor({ source, partitionkey: 'customer-7' }, 'source')).toBe(slotFor({ source }, 'source'));
  expect(slotFor({ source }, 'partitionkey')).toBe(slotFor({ source }, 'source'));
  expect(slotKeys({ source })).toHaveLength(1);
  expect(slotKeys({ source, partitionkey: 'customer-7' })).toHaveLength(2);
});

test('a partition key that reads like a source has a slot of its own all the same', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (source, partitionkey) => {
      const before = slotFor({ source }, 'source');
      const slot = slotFor({ source, partitionkey }, 'partitionkey');
      expect(slotFor({ source }, 'source')).toBe(before);
      expect(slot).toBeGreaterThanOrEqual(0);
      expect(slot).toBeLessThan(slots);
    }),
  );
});

test('hosts spread over all partitions, and no pattern of a key wants a slot', () => {
  const counts = new Array<number>(8).fill(0);
  for (let host = 0; host < 800; host++) {
    const partition = partitionOf(slotFor({ source: `/acme/shop/prod/web-${host}/cpu` }, 'source'), 8);
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(60);
  for (const pattern of ['acme.#', '*.*.*.web-1.#', '#.cpu', '*.shop.#']) expect(matcher(pattern)('~17')).toBe(false);
});
