/**
 * Keys against patterns: cases that people wrote, a reference that is too plain to be wrong, and generators of odd ones.
 */
import fc from 'fast-check';

/** [pattern, key, whether it matches], as RabbitMQ's topic exchange has it. */
export const cases: readonly (readonly [pattern: string, key: string, matches: boolean])[] = [
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'A', false],
  ['a', 'a.b', false],
  ['a.b', 'a', false],
  ['a.b.c', 'a.b.c', true],
  ['*', 'a', true],
  ['*', '', false],
  ['*', 'a.b', false],
  ['a.*', 'a.b', true],
  ['a.*', 'a', false],
  ['a.*', 'a.', true],
  ['a.*', 'a.b.c', false],
  ['*.b', 'a.b', true],
  ['*.b', '.b', true],
  ['*.b', 'b', false],
  ['a.*.c', 'a.b.c', true],
  ['a.*.c', 'a..c', true],
  ['a.*.c', 'a.c', false],
  ['*.*', 'a.b', true],
  ['*.*', '.', true],
  ['#', '', true],
  ['#', 'a', true],
  ['#', 'a.b.c', true],
  ['#', '..', true],
  ['a.#', 'a', true],
  ['a.#', 'a.b', true],
  ['a.#', 'a.b.c.d', true],
  ['a.#', 'a.', true],
  ['a.#', 'ab', false],
  ['a.#', '', false],
  ['#.c', 'c', true],
  ['#.c', 'a.b.c', true],
  ['#.c', 'a.c.b', false],
  ['#.c', '.c', true],
  ['a.#.c', 'a.c', true],
  ['a.#.c', 'a.b.b.c', true],
  ['a.#.c', 'a.b', false],
  ['a.#.c', 'a..c', true],
  ['#.b.#', 'b', true],
  ['#.b.#', 'a.b.c', true],
  ['#.b.#', 'a.c', false],
  ['#.#', '', true],
  ['#.#', 'a', true],
  ['#.*', 'a', true],
  ['#.*', '', false],
  ['*.#', 'a', true],
  ['*.#', '', false],
  ['*.#.*', 'a', false],
  ['*.#.*', 'a.b', true],
  ['#.a.#.a.#', 'a', false],
  ['#.a.#.a.#', 'b.a.b.a.b', true],
  ['a.#.#.b', 'a.b', true],
  ['a.*.#.*.b', 'a.b', false],
  ['a.*.#.*.b', 'a.x.y.b', true],
  ['', '', true],
  ['', 'a', false],
  ['.', '.', true],
  ['.', '', false],
  ['a.', 'a.', true],
  ['a.', 'a', false],
  ['.a', '.a', true],
  ['.a', 'a', false],
  ['a..b', 'a..b', true],
  ['a..b', 'a.b', false],
  ['*.*.*.web%2E1.#', 'acme.shop.prod.web%2E1.cpu', true],
  ['*.*.*.web.1.#', 'acme.shop.prod.web%2E1.cpu', false],
  ['acme.#', `acme.${'x'.repeat(250)}`, true],
  ['acme.#.z', `acme.${'y.'.repeat(124)}z`, true],
  [`*.${'x'.repeat(253)}`, `a.${'x'.repeat(253)}`, true],
  ['é.*', 'é.ü', true],
];

/** The definition itself, by trying everything. */
export function naive(pattern: readonly string[], words: readonly string[]): boolean {
  const [part, ...rest] = pattern;
  if (part === undefined) return words.length === 0;
  if (part === '#') return naive(rest, words) || (words.length > 0 && naive(pattern, words.slice(1)));
  return words.length > 0 && (part === '*' || part === words[0]) && naive(rest, words.slice(1));
}

export const wordsOf = (text: string): string[] => (text === '' ? [] : text.split('.'));

// Few and short words, so that they meet.
const word = fc.constantFrom('a', 'b', 'aa', '', '-', '%2E');
export const someKey = fc.array(word, { maxLength: 6 }).map((words) => words.join('.'));
export const somePattern = fc
  .array(fc.oneof({ weight: 3, arbitrary: word }, { weight: 2, arbitrary: fc.constantFrom('#', '*') }), { maxLength: 6 })
  .map((words) => words.join('.'));
