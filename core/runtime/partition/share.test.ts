import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sharesOf } from './share.ts';

const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });

test('every partition is somebody’s, nobody has more than a fair share, and the order of members does not matter', () => {
  fc.assert(
    fc.property(members, fc.integer({ min: 1, max: 64 }), (present, count) => {
      const shares = sharesOf(present, count);
      expect(shares).toHaveLength(count);
      const fair = Math.ceil(count / present.length);
      for (const member of present) expect(shares.filter((one) => one === member).length).toBeLessThanOrEqual(fair);
      for (const share of shares) expect(present).toContain(share);
      expect(sharesOf([...present].reverse(), count)).toEqual(shares);
    }),
  );
  expect(sharesOf([], 3)).toEqual([undefined, undefined, undefined]);
});

test('one that comes or goes moves few', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 2, maxLength: 6 }), (present) => {
      const before = sharesOf(present, 32);
      const after = sharesOf(present.slice(1), 32);
      const moved = before.filter((member, partition) => member !== present[0] && member !== after[partition]).length;
      // A bound on each one's share costs a few moves beyond what must move.
      expect(moved).toBeLessThanOrEqual(16);
    }),
  );
});
