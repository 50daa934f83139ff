import { type Event, Reject } from 'sluice';
import { describe, expect, it } from 'vitest';
import { createWriter } from '../../../../test/browser/imitate.ts';
import { createTail } from '../channels/tail.ts';
import { anyone } from '../looker.ts';
import { createMemory } from '../memory.ts';
import { compileFilter, readWanted, type Wanted } from './filter.ts';
import type { Shown } from './line.ts';
import { compilePattern } from './pattern.ts';
import { createSampler } from './sampler.ts';

const start = Date.UTC(2026, 0, 1, 12);
type Lines = Extract<Event, { kind: 'log' }>['data']['lines'];
const line = (body: string, more: Partial<Lines[0]> = {}): Lines[0] => ({ body, severity: 'info', ...more });
const write = createWriter();
const log = (lines: Lines, { host = 'web-1', time = start, file = '/var/log/app.log' } = {}) =>
  write({ kind: 'log', host, resource: ['log', 'app'], time, data: { lines, file } }) as Event<'log'>;
const fits = (wanted: Wanted, event: Event<'log'>, labels: Record<string, string> = {}) => {
  const filter = compileFilter(wanted, anyone, () => labels);
  return filter.key(event.key) && filter.event(event) ? event.data.lines.filter(filter.line).map(({ body }) => body) : [];
};

describe('a filter', () => {
  it('looks at server, file, label, severity, fields and text', () => {
    const event = log([line('One Two', { fields: { status: 500 } }), line('three', { severity: 'error' })]);
    const all = ['One Two', 'three'];
    expect(fits({}, event)).toEqual(all);
    expect(fits({ server: ['acme.shop.prod.web-1'], host: ['web-1'], file: ['/var/log/app.log'] }, event)).toEqual(all);
    expect(fits({ host: ['web-2'] }, event)).toEqual([]);
    expect(fits({ not: { host: ['web-1'] } }, event)).toEqual([]);
    expect(fits({ not: { file: ['/var/log/app.log'] } }, event)).toEqual([]);
    expect(fits({ label: { zone: ['a', 'b'] } }, event, { zone: 'b' })).toEqual(all);
    expect(fits({ label: { zone: ['a'] } }, event, { zone: 'b' })).toEqual([]);
    expect(fits({ severity: 'warn' }, event)).toEqual(['three']);
    expect(fits({ field: { status: ['500'] } }, event)).toEqual(['One Two']);
    expect(fits({ not: { field: { status: ['500'] } } }, event)).toEqual(['three']);
    expect(fits({ text: 'one two' }, event)).toEqual(['One Two']);
    expect(fits({ regex: '^t\\w+e$' }, event)).toEqual(['three']);
    expect(compileFilter({}, { ...anyone, sees: (key) => key.startsWith('other.') }, () => undefined).key(event.key)).toBe(false);
  });

  it('is read from a URL, and refuses what it does not know', () => {
    const queries = { host: ['a', 'b'], 'field.status': ['500'], 'not.field.__proto__': ['x'], severity: ['warn'] };
    expect(readWanted(queries)).toMatchObject({ host: ['a', 'b'], field: { status: ['500'] }, severity: 'warn' });
    expect(() => readWanted({ hots: ['a'] })).toThrow(/"hots" is nothing that lines are asked by/);
    expect(() => readWanted({ severity: ['loud'] })).toThrow(/severity/);
    expect(() => readWanted({ field: ['x'] })).toThrow(Reject);
  });
});

describe('a regular expression', () => {
  it('says where it goes wrong', () => {
    expect(() => compilePattern('user [z-a]')).toThrow('live: regex: invalid character class range at character 7: z-a');
    expect(() => compilePattern('(a')).toThrow(/missing closing \)/);
    expect(() => compilePattern('a(?=b)')).toThrow(/at character 2/);
    expect(() => compilePattern('a'.repeat(501))).toThrow(/501 characters/);
    expect(() => compilePattern('(?:[a-z]{1,99}){1,10}(?:[a-z]{1,99}){1,10}(?:[a-z]{1,99}){1,10}')).toThrow(/too large/);
  });

  it.each(['(a+)+$', '(a|a)*b', '(.*a){20}', '(?:a?){50}a{50}', '[a-q][^u-z]{13}x', '(x+x+)+y', '(?i)(?:a|b|ab)*c'])(
    'takes linear time: %s',
    (source) => {
      const pattern = compilePattern(source);
      const time = (length: number) => {
        const text = `${'a'.repeat(length)}!`;
        const began = process.hrtime.bigint();
        pattern.test(text);
        pattern.spans(text.slice(0, 2000), 10);
        return Number(process.hrtime.bigint() - began) / 1e6;
      };
      // A backtracking engine takes longer than the universe is old.
      expect(time(20_000)).toBeLessThan(5_000);
    },
  );

  it('says where it matched', () => {
    expect(compilePattern('\\d+').spans('a 12 b 345', 10)).toEqual([
      [2, 4],
      [7, 10],
    ]);
    expect(compilePattern('x*').spans('aaaa', 10)).toEqual([]);
  });
});

it('samples a flood evenly, and no more than is allowed', () => {
  const sampler = createSampler(300);
  const second = (lines: number) => {
    const taken = Array.from({ length: lines }, () => sampler.take());
    sampler.tick();
    return taken;
  };
  const many = (taken: boolean[]) => taken.filter(Boolean).length;
  expect(many(second(300))).toBe(300);
  const onset = second(10_000);
  expect(many(onset)).toBeLessThanOrEqual(450);
  expect(many(onset.slice(5_000))).toBeGreaterThan(0);
  const steady = second(10_000);
  expect(many(steady)).toBeGreaterThan(280);
  expect(many(steady)).toBeLessThanOrEqual(310);
  for (let tenth = 0; tenth < 10; tenth++) expect(many(steady.slice(tenth * 1000, tenth * 1000 + 1000))).toBeGreaterThan(20);
  // Of ten that take turns, each is seen.
  const turns = steady.map((taken, index) => (taken ? index % 10 : -1));
  expect(new Set(turns.filter((turn) => turn >= 0)).size).toBe(10);
  expect(many(second(10))).toBeGreaterThan(0);
  expect(many(second(10))).toBe(10);
});

interface Told {
  lines: Shown[];
  counts?: number[][];
  second?: { seen: number; unread: number; matched: number; notShown: number };
  missed?: number;
  since?: number;
}
const read = async (body: Buffer | Promise<Buffer>) => JSON.parse(`{${(await body).toString()}}`) as Told;

describe('the tail', () => {
  const open = (wanted: Wanted, monotonic = () => 0) => {
    const memory = createMemory({ ticks: 600, bytes: 64_000_000 });
    const channel = createTail({ memory, present: { server: () => undefined }, services: { clock: { monotonic } } }).open(wanted, anyone);
    return {
      channel,
      take(event: Event<'log'>) {
        channel.take?.(event, memory.add(event));
      },
    };
  };

  it('tells what is remembered, then what comes, with counts that add up exactly', async () => {
    const { channel, take } = open({ severity: 'warn' });
    take(log([line('old'), line('old and bad', { severity: 'error' })]));
    const first = await read(channel.snapshot());
    expect(first.lines.map(({ body, written }) => [body, written])).toEqual([['old and bad', null]]);
    expect(first.counts).toEqual([[start / 1000, 0, 0, 0, 0, 1, 0]]);
    channel.tick?.();
    await read(channel.next());
    const sums = { seen: 0, matched: 0, shown: 0, notShown: 0, counted: 0 };
    for (let second = 1; second <= 5; second++) {
      for (let part = 0; part < 10; part++) {
        const time = start + second * 1000 + part * 100;
        take(
          log(
            Array.from({ length: 1000 }, (_, index) => line(`${index}`, { severity: index % 2 ? 'warn' : 'info' })),
            { time },
          ),
        );
        sums.shown += (await read(channel.next())).lines.length;
      }
      channel.tick?.();
      const told = await read(channel.next());
      sums.seen += told.second?.seen ?? 0;
      sums.matched += told.second?.matched ?? 0;
      sums.notShown += told.second?.notShown ?? 0;
      sums.counted += (told.counts ?? []).reduce((sum, [, ...of]) => sum + of.reduce((all, one) => all + one, 0), 0);
      expect(told.second?.unread).toBe(0);
    }
    expect(sums).toMatchObject({ seen: 50_000, matched: 25_000, counted: 25_000 });
    expect(sums.shown + sums.notShown).toBe(25_000);
    expect(sums.shown).toBeLessThan(5 * 450);
  });

  it('keeps errors through a flood of the rest', async () => {
    const { channel, take } = open({});
    const flood = Array.from({ length: 10_000 }, (_, index) => line(`${index}`, { severity: index % 500 === 0 ? 'error' : 'info' }));
    take(log(flood));
    const { lines } = await read(channel.next());
    expect(lines.filter(({ severity }) => severity === 'error')).toHaveLength(20);
  });

  it('looks at fewer lines once matching costs more than its share, and says how many it did not', async () => {
    let now = 0;
    const { channel, take } = open({ text: 'x' }, () => (now += 5));
    const flood = Array.from({ length: 10_000 }, () => line('x'));
    for (let second = 0; second < 3; second++) {
      take(log(flood));
      channel.tick?.();
      const { second: told } = await read(channel.next());
      expect(told?.seen).toBe(10_000);
      expect(told?.unread).toBeGreaterThan(0);
      expect((told?.matched ?? 0) + (told?.unread ?? 0)).toBe(10_000);
    }
  });

  it('tells one who was too slow how many lines went by', async () => {
    const { channel, take } = open({});
    await read(channel.next());
    const mark = channel.mark();
    take(log(Array.from({ length: 250 }, (_, index) => line(`${index}`))));
    await read(channel.next());
    const { lines, missed } = await read(channel.catchUp(mark));
    expect([lines.length, missed, lines.at(-1)?.body]).toEqual([100, 150, '249']);
    expect(channel.catchUp(channel.mark()).toString()).toContain('"missed":0');
  });
});
