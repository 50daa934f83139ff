import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Event } from '../event.ts';
import { toLine } from '../history/line.ts';
import { defineFilter } from '../node.ts';
import { checkFilter, play } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-fixture-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const from = Date.UTC(2026, 4, 1, 12, 0, 40);

function metric(value: number, seconds: number): string {
  const time = from + seconds * 1000;
  const event: Event = {
    id: `m${value}`,
    kind: 'metric',
    key: 'acme.shop.prod.web-1.queue',
    source: '/acme/shop/prod/web-1/queue',
    time: time - 500,
    data: { points: [{ name: 'queue', value }] },
  };
  return toLine({ event, received: time });
}

function file(name: string, ...lines: string[]): URL {
  writeFileSync(join(folder, name), lines.join(''));
  return pathToFileURL(join(folder, name));
}

/** Tells each value, with when it came, and each tick. */
const echo = (fixture: URL) =>
  defineFilter({
    name: 'echo',
    doc: 'Echoes.',
    config: z.strictObject({}),
    in: [{ kind: 'metric' }],
    out: ['incident'],
    tables: { last: { schema: z.number(), bound: 1 } },
    tickEvery: 30_000,
    shard: 'none',
    create: (_, { last }) => ({
      event({ key, data, time }, at) {
        last.set('value', data.points[0]?.value ?? 0);
        return [{ kind: 'incident', key, data: { what: `${data.points[0]?.value} after ${at - time} ms` } }];
      },
      tick: (at) =>
        last.get('value') === undefined ? [] : [{ kind: 'incident', key: ['tick'], data: { what: new Date(at).toISOString() } }],
    }),
    examples: [
      {
        doc: 'as it was',
        given: [{ fixture }, { at: '2m' }],
        expect: [
          { kind: 'incident', at: '40s', data: { what: '1 after 500 ms' } },
          { kind: 'incident', at: '60s', data: { what: '2026-05-01T12:01:00.000Z' } },
          { kind: 'incident', at: '70s', data: { what: '2 after 500 ms' } },
          { kind: 'incident', at: '90s' },
          { kind: 'incident', at: '2m' },
        ],
      },
    ],
  });

describe('a fixture', () => {
  it('is played on the recorded time, with the ticks of that time', () => {
    expect(checkFilter(echo(file('two.jsonl', metric(1, 0), '\n', metric(2, 30)))).passed).toBe(true);
  });

  it('gives of its events those that the filter reads', () => {
    const log = toLine({
      event: {
        id: 'l',
        kind: 'log',
        key: 'a.b.c.d',
        source: '/a/b/c/d/log',
        time: from,
        data: { lines: [{ body: 'x', severity: 'info' }] },
      },
      received: from,
    });
    const filter = echo(file('mixed.jsonl', metric(1, 0), log));
    expect(play(filter, {}, [{ fixture: join(folder, 'mixed.jsonl') }]).came).toHaveLength(1);
    expect(() => play(filter, {}, [{ fixture: file('logs.jsonl', log) }])).toThrow(/none of its 1 events is for echo; it reads metric/);
  });

  it.each([
    ['is not there', () => pathToFileURL(join(folder, 'none.jsonl')), /none\.jsonl: .*ENOENT/],
    ['is empty', () => file('empty.jsonl', '\n'), /empty\.jsonl: holds no event; catch some with: sluice tap/],
    ['is broken', () => file('broken.jsonl', metric(1, 0), '{'), /broken\.jsonl:2: not JSON/],
    ['is no event', () => file('other.jsonl', '{"a":1}'), /other\.jsonl:1: type "undefined" is unknown/],
  ])('that %s is said with its file and line', (_, make, message) => {
    const fixture = make();
    expect(() => play(echo(fixture), {}, [{ fixture }])).toThrow(message);
  });

  it('comes before steps that come after it', () => {
    const fixture = file('one.jsonl', metric(1, 0));
    expect(() => play(echo(fixture), {}, [{ fixture }, { at: '10s' }])).toThrow(/put the steps in order/);
  });
});
