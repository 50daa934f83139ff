/** Keys and patterns by themselves. That a broker agrees is the bus contract's to show. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reject } from '../../core/errors.ts';
import { checkPattern, escapeWord, key, matcher, meet, parse, patternOf, unescapeWord } from '../../core/key.ts';
import { cases, naive, someKey, somePattern, wordsOf } from './topics.ts';

describe('patterns', () => {
  it.each(cases)('%j against %j: %s', (pattern, text, matches) => {
    expect(matcher(pattern)(text)).toBe(matches);
    expect(naive(wordsOf(pattern), wordsOf(text))).toBe(matches);
  });

  it('match as the plain definition does', () => {
    fc.assert(
      fc.property(somePattern, someKey, (pattern, text) => matcher(pattern)(text) === naive(wordsOf(pattern), wordsOf(text))),
      { numRuns: 5000 },
    );
  });

  it('cost no more for being nasty', () => {
    const match = matcher(`${'#.a.'.repeat(50)}b`);
    expect(match('a.'.repeat(120).slice(0, -1))).toBe(false);
  });

  it('meet when a key matches both, and only then', () => {
    fc.assert(
      fc.property(somePattern, somePattern, someKey, (one, other, text) => {
        expect(meet(one, other)).toBe(meet(other, one));
        if (matcher(one)(text) && matcher(other)(text)) expect(meet(one, other)).toBe(true);
        // A key is a pattern that matches itself alone.
        if (text !== '') expect(meet(one, text)).toBe(matcher(one)(text));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['#', 'a.b', true],
    ['a.#', '#.b', true],
    ['a.*', '*.b.#', true],
    ['a.*.c', 'a.b', false],
    ['*.*.*.web-1.#', 'acme.shop.prod.web-2.#', false],
    ['*.*.*.*.server.#', 'acme.shop.prod.web-2.#', true],
    ['a.#.b.#.c', '#.x.#.b.#', true],
    ['a.#.b', 'a.#.c', false],
  ])('%s and %s meet: %s', (one, other, expected) => {
    expect(meet(one, other)).toBe(expected);
  });

  it.each(['a*', '#b', 'a.**', 'a.##.b', 'x'.repeat(256)])('%j is none', (pattern) => {
    expect(() => checkPattern(pattern)).toThrow(Reject);
  });
});

describe('keys', () => {
  const text = fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }).filter((word) => word.isWellFormed());
  const about = fc.record({ company: text, system: text, environment: text, host: text, resource: fc.array(text, { maxLength: 3 }) });

  it('are taken apart into what they were made of', () => {
    fc.assert(
      fc.property(about, (it) => {
        let made: string;
        try {
          made = key(it);
        } catch (thrown) {
          // Too long is the only reason that is left.
          return thrown instanceof Reject && thrown.message.includes('the limit is 255');
        }
        expect(parse(made)).toEqual(it);
        expect(Buffer.byteLength(made)).toBeLessThanOrEqual(255);
        expect(made.split('.')).toHaveLength(4 + it.resource.length);
        expect(key(parse(made))).toBe(made);
      }),
    );
  });

  it('of a word hold nothing that a broker or terminal reads', () => {
    fc.assert(
      fc.property(text, (word) => {
        expect(escapeWord(word)).toMatch(/^(?:[A-Za-z0-9_\-~:/@+=,()!$&']|%[0-9A-F]{2})+$/);
        expect(unescapeWord(escapeWord(word))).toBe(word);
      }),
    );
  });

  it('are found by the pattern of their own fields', () => {
    fc.assert(
      fc.property(about, fc.subarray(['company', 'system', 'environment', 'host'] as const), (it, fields) => {
        fc.pre([it.company, it.system, it.environment, it.host].every((word) => word !== '*'));
        let made = '';
        try {
          made = key(it);
        } catch {
          fc.pre(false);
        }
        const pattern = patternOf(Object.fromEntries(fields.map((field) => [field, it[field]])));
        fc.pre(Buffer.byteLength(pattern) <= 255);
        expect(matcher(pattern)(made)).toBe(true);
      }),
    );
  });

  it.each(['', 'a', 'a.b.c', 'a..c.d', 'a.b.c.d.', 'a.b.c.%', 'a.b.c.%FF', `a.b.c.${'d'.repeat(250)}`])('%j is none', (made) => {
    expect(() => parse(made)).toThrow(Reject);
  });

  it('take 255 bytes and not one more', () => {
    const place = { company: 'a', system: 'b', environment: 'c', host: 'd' };
    expect(key({ ...place, resource: ['x'.repeat(247)] })).toHaveLength(255);
    expect(() => key({ ...place, resource: ['x'.repeat(248)] })).toThrow('256 bytes');
  });
});
