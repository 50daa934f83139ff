import type { Event, History } from 'sluice';
import { expect, it } from 'vitest';
import { pastOf } from './past.ts';

const minute = 60_000;

type Said = readonly (readonly [minutes: number, status: string | null])[];

/** A store with these words of a roster: minute and status; null is forgotten. */
function storeOf(said: Said): History {
  const asked = { from: 0, to: 0 };
  return {
    async *read(topic: { pattern?: string }, from: number, to: number) {
      Object.assign(asked, { from, to });
      expect(topic).toEqual({ kind: 'state', pattern: 'acme.shop.prod.web-1.server' });
      for (const [minutes, status] of said) {
        const received = minutes * minute;
        if (received < from || received >= to) continue;
        const value = status && {
          ...{ company: 'acme', system: 'shop', environment: 'prod', host: 'web-1', status, interval: 5, boot: 'b' },
          ...{ since: '', seen: '', first: '', labels: {}, versions: {} },
        };
        yield { received, event: { kind: 'state', data: { of: 'server', value } } as Event };
      }
    },
  } as unknown as History;
}
const past = async (from: number, to: number, ...said: Said) =>
  (await pastOf(storeOf(said), 'acme.shop.prod.web-1', from * minute, to * minute)).map(({ status, from, to, open }) => [
    status,
    from / minute,
    to / minute,
    ...(open ? ['open'] : []),
  ]);

it('joins what a roster repeats, and cuts it where it changes', async () => {
  const said = [10, 11, 12, 13].map((at) => [at, 'alive'] as const);
  expect(await past(10, 20, ...said, [13.5, 'silent'], [14.5, 'silent'], [15, 'alive'], [16, 'alive'], [18, 'alive'])).toEqual([
    ['alive', 10, 13.5],
    ['silent', 13.5, 15],
    ['alive', 15, 20, 'open'],
  ]);
});

it('knows nothing where no roster spoke for longer than a word of it holds, or where it was forgotten', async () => {
  expect(await past(0, 60, [1, 'alive'], [2, 'alive'], [30, 'retired'], [31, null], [59, 'alive'])).toEqual([
    ['alive', 1, 5],
    ['retired', 30, 31],
    ['alive', 59, 60, 'open'],
  ]);
});

it('begins with what was said just before', async () => {
  expect(await past(10, 12, [9, 'silent'], [11, 'silent'])).toEqual([['silent', 10, 12, 'open']]);
  expect(await past(10, 12)).toEqual([]);
});
