/**
 * What every filter keeps, whichever is found: at least three examples that hold, the same bytes for the same inputs, and
 * the same bytes when it is made anew from its tables after each input, or goes on in another process. Beyond its examples, it gets seeded random runs:
 * its own example inputs, bent, doubled, out of order and with hostile values in them.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kinds } from '../../core/kinds.ts';
import type { AnyFilter, Step } from '../../core/node.ts';
import { loadFound, scan } from '../../core/runtime/load.ts';
import { checkFilter, sameBytes } from '../../core/testing/index.ts';

const found = scan().filter(({ sort }) => sort === 'filter');
const filters = (await Promise.all(found.map(loadFound))).filter((node): node is AnyFilter => node.sort === 'filter');

test('filters are found', () => {
  expect(filters.map(({ name }) => name)).toEqual(expect.arrayContaining(['threshold', 'roster']));
});

describe.each(filters.map((filter) => [filter.name, filter] as const))('%s', { timeout: 120_000 }, (_, filter) => {
  test('shows firing, resolving and staying quiet: three examples at least, and one where nothing is told', () => {
    expect(filter.examples.length).toBeGreaterThanOrEqual(3);
    expect(filter.examples.some(({ expect: expected }) => expected.every(({ kind }) => kind === 'state'))).toBe(true);
  });

  test('keeps its examples, gives the same bytes again, and loses nothing at a restart', () => {
    expect(checkFilter(filter)).toMatchObject({ passed: true });
  });

  test('whatever comes, a restart after each input changes no byte', () => {
    fc.assert(
      fc.property(runOf(filter), ({ config, steps }) => {
        expect(sameBytes(filter, config, steps, { restart: 'after each input' })).toBeUndefined();
      }),
      { seed: 20_26, numRuns: 60, endOnFailure: true },
    );
  });

  test('whatever comes, a move to another process after each input changes no byte', () => {
    fc.assert(
      fc.property(runOf(filter), ({ config, steps }) => {
        expect(sameBytes(filter, config, steps, { move: 'after each input' })).toBeUndefined();
      }),
      { seed: 20_27, numRuns: 15, endOnFailure: true },
    );
  });
});

/** Steps like those of the examples, at any times and in any order, bent in any way that their kind's schema admits. */
function runOf(filter: AnyFilter): fc.Arbitrary<{ config: unknown; steps: Step[] }> {
  const configs = filter.examples.map(({ config }) => config ?? {});
  const steps = filter.examples.flatMap(({ given }) => given.filter((step) => 'at' in step));
  const one = fc.tuple(fc.constantFrom(...steps), fc.array(bend, { maxLength: 3 }), fc.nat(40_000)).map(([step, bends, after]) => ({
    after,
    step: bends.reduce((bent, each) => bendStep(bent, each), step),
  }));
  return fc
    .record({ config: fc.constantFrom(...configs), timed: fc.array(one, { minLength: 1, maxLength: 25 }) })
    .map(({ config, timed }) => {
      let at = 0;
      return {
        config,
        steps: timed.map(({ after, step }) => {
          at += after;
          return { ...step, at: `${at}ms` };
        }),
      };
    });
}

/** One change of one leaf: which, and to what. */
const bend = fc.record({
  leaf: fc.nat(),
  value: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom('web-2', 'boot-2', 'постель', '\u202Egnp.exe', '\u001b[2J', '__proto__', '', 'x'.repeat(300), true, null),
    fc.string({ unit: 'binary', maxLength: 12 }),
  ),
  host: fc.constantFrom('web-1', 'web-2', 'web%2E3', 'h'.repeat(180)),
});

function bendStep(step: Step, { leaf, value, host }: { leaf: number; value: unknown; host: string }): Step {
  if ('pipe' in step) return { ...step, pipe: { connected: leaf % 2 === 0, caughtUp: leaf % 3 === 0 } };
  if (!('event' in step)) return step;
  const data = structuredClone(step.event.data);
  const leaves = leavesOf(data);
  const [holder, name] = leaves[leaf % Math.max(1, leaves.length)] ?? [];
  if (holder && name !== undefined) holder[name] = value;
  const words = step.event.key.split('.');
  const bent = { ...step, event: { ...step.event, key: [...words.slice(0, 3), host, ...words.slice(4)].join('.'), data } };
  return kinds[step.event.kind].schema.safeParse(data).success ? bent : step;
}

function leavesOf(value: unknown): [holder: Record<string, unknown>, name: string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((name) =>
    typeof holder[name] === 'object' ? leavesOf(holder[name]) : [[holder, name] as [typeof holder, string]],
  );
}
