/** What a process offers to a node, in its own thread and in the node's: a clock, its filters, and a way to tell a person. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { folder, site, until } from './run.ts';

const talk = `
import { defineMonitor, z } from 'sluice';
export default defineMonitor({
  name: 'talk', doc: 'Says what time it is.', config: z.strictObject({}), out: ['metric'],
  create: () => ({
    start({ clock, say, history, filters }) {
      say('warn', 'it is ' + clock.now() + ' and the past is ' + history() + ' with ' + JSON.stringify(filters().map(({ name, config }) => name + ' ' + config.defaults)));
    },
    sample: () => [],
  }),
});`;

it.each([
  [{}, '["threshold off"]'],
  [{ isolate: 'worker' }, '[]'],
])('tells a node the time and the filters, and a person what it says %j', async (isolate, filters) => {
  const at = folder();
  writeFileSync(join(at, 'talk.mjs'), talk);
  const before = systemClock.now();
  const running = await site({
    folder: at,
    config: {
      run: ['talk', 'threshold'],
      nodes: [
        { use: './talk.mjs', ...isolate },
        { use: 'threshold', defaults: 'off' },
      ],
    },
  });
  const [, said, offered] = await until(
    'it to speak',
    () => running.err().match(/^sluice: talk: it is (\d+) and the past is undefined with (.*)$/m) ?? undefined,
  );
  expect(offered).toBe(filters);
  expect(Number(said)).toBeGreaterThanOrEqual(before);
  expect(Number(said)).toBeLessThanOrEqual(systemClock.now());
});
