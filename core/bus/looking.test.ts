/** What a look may say: whatever else arrives on its exchange is nothing. */
import { expect, it } from 'vitest';
import { readLook, writeLook } from './looking.ts';

it('comes out as it went in, and no longer than a listener reads', () => {
  const topics = [{ kind: 'metric' as const, pattern: 'acme.#' }];
  expect(readLook(writeLook(topics))).toEqual(topics);
  const many = Array.from({ length: 1000 }, (_, index) => ({ kind: 'log' as const, pattern: `acme.${index}` }));
  expect(readLook(writeLook(many))).toEqual(many.slice(0, 256));
});

it.each([
  ['no JSON', '{'],
  ['nothing of a look', '[]'],
  ['an unknown kind', '{"topics":[{"kind":"mertic","pattern":"#"}]}'],
  ['a pattern that is too long', JSON.stringify({ topics: [{ kind: 'metric', pattern: 'x'.repeat(256) }] })],
  ['too much', JSON.stringify({ topics: [{ kind: 'metric', pattern: '#' }], more: 'x'.repeat(70_000) })],
  ['too many', JSON.stringify({ topics: Array(257).fill({ kind: 'metric', pattern: '#' }) })],
])('that is %s is none', (_, text) => {
  expect(readLook(Buffer.from(text))).toEqual([]);
});
