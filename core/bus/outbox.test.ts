/** What waits for a broker that pushes back, and for how long it is worth sending. */
import { expect, it } from 'vitest';
import { virtualClock } from '../clock.ts';
import type { Message } from './bus.ts';
import { createOutbox } from './outbox.ts';

it('sends nothing that expired while the broker asked for a pause, and the rest with the time that is left', async () => {
  const clock = virtualClock();
  const outbox = createOutbox({ clock, stalled: () => {}, settled: () => {} });
  const sent: Message[] = [];
  outbox.open((message) => void sent.push(message));
  outbox.pause(true);
  const beat = (body: string, expires?: number): Message => ({
    ...{ kind: 'heartbeat', keys: ['a.b.c.web-1'], body: Buffer.from(body), batch: false },
    ...(expires !== undefined && { expires }),
  });
  const first = outbox.publish(beat('past', 15_000));
  await clock.advance(10_000);
  const others = [outbox.publish(beat('present', 15_000)), outbox.publish(beat('goodbye'))];
  await clock.advance(10_000);
  outbox.pause(false);
  await first;
  expect(sent.map(({ body, expires }) => [body.toString(), expires])).toEqual([
    ['present', 5000],
    ['goodbye', undefined],
  ]);
  outbox.confirm(2, true, true);
  await Promise.all(others);
  expect(outbox.size()).toBe(0);
});
