/** One reading for all who want a message, and nothing that one of them could do to another. */
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { Message } from '../bus/bus.ts';
import { virtualClock } from '../clock.ts';
import type { Event } from '../event.ts';
import { decoder } from './decoding.ts';

const at = Date.parse('2026-01-01T00:00:00Z');
const key = 'a.b.c.web-1.cpu';
const wire = (id: string, data: object = { points: [{ name: 'n', value: 1, attributes: { device: 'sda' } }] }) => ({
  specversion: '1.0',
  id,
  source: '/a/b/c/web-1/cpu',
  type: 'sluice.metric.v1',
  time: '2026-01-01T00:00:00.000Z',
  subject: key,
  data,
});
const message = (...events: object[]): Message => ({ kind: 'metric', keys: [key], body: Buffer.from(JSON.stringify(events)), batch: true });

it('reads a message once for all who want it, whichever buffer it came in', () => {
  const { join, read } = decoder(virtualClock());
  join(['metric']);
  join(['metric', 'log']);
  const first = read(message(wire('1'), wire('2')), at);
  expect(read(message(wire('1'), wire('2')), at)).toBe(first);
  expect(first.map((each) => 'id' in each && each.id)).toEqual(['1', '2']);
  // All have it: what comes now is a message of its own, the like of the first or not.
  expect(read(message(wire('1'), wire('2')), at)).not.toBe(first);
  expect(read(message(wire('1'), wire('3')), at)).not.toEqual(first);
});

it('reads for each that stays alone, and for those that lag far behind', () => {
  const { join, read } = decoder(virtualClock());
  join(['metric']);
  const leave = join(['metric']);
  const large = (id: string) => message(wire(id, { points: [{ name: 'n', value: 1, attributes: { text: 'x'.repeat(30_000) } }] }));
  const first = read(large('0'), at);
  for (let count = 1; count < 1200; count++) read(large(`${count}`), at);
  const again = read(large('0'), at);
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
  leave();
  expect(read(large('1199'), at)).not.toBe(read(large('1199'), at));
});

it('gives events that nobody can change, and refuses one by one', () => {
  const { read } = decoder(virtualClock());
  const [good, bad] = read(message(wire('1'), wire('2', { points: [] })), at);
  const { points } = (good as Event<'metric'>).data;
  expect(() => points.push({ name: 'm', value: 2 })).toThrow(TypeError);
  expect(() => Object.assign(points[0]?.attributes ?? {}, { device: 'sdb' })).toThrow(TypeError);
  expect(bad).toMatchObject({ kind: 'metric', key, reason: { message: expect.stringContaining('points') } });
});

it('refuses what does not decompress', () => {
  const { read } = decoder(virtualClock());
  const body = gzipSync(JSON.stringify([wire('1')]));
  expect(read({ ...message(), body, encoding: 'gzip' }, at)).toMatchObject([{ id: '1' }]);
  expect(read({ ...message(), body: body.subarray(0, 20), encoding: 'gzip' }, at)).toMatchObject([{ kind: 'metric', key }]);
});

it('lets who is ahead wait for the others, but not for one who is stuck', async () => {
  const clock = virtualClock();
  const { join, read, inStep } = decoder(clock);
  join(['metric']);
  expect(inStep(message(wire('alone')))).toBeUndefined();
  join(['metric']);
  const large = (id: string) => message(wire(id, { points: [{ name: 'n', value: 1, attributes: { text: 'x'.repeat(30_000) } }] }));
  const sent = Array.from({ length: 300 }, (_, index) => large(`${index}`));
  for (const each of sent) read(each, at);
  // The other has something to catch up with, and need not wait for that.
  expect(inStep(large('0'))).toBeUndefined();
  const waiting = inStep(large('next'));
  expect(waiting).toBeInstanceOf(Promise);
  for (const each of sent) read(each, at);
  await waiting;
  expect(inStep(large('next'))).toBeUndefined();

  for (const each of sent) read(each, at);
  const inVain = inStep(large('next'));
  await clock.advance(5000);
  await inVain;
  expect(inStep(large('next'))).toBeUndefined();
  // After a while it may be stuck no more.
  await clock.advance(60_000);
  expect(inStep(large('next'))).toBeUndefined();
  for (const each of sent) read(each, at);
  expect(inStep(large('next'))).toBeInstanceOf(Promise);
});
