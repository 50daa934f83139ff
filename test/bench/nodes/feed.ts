/** Writes events as fast as they are taken, or so many a second: the start of the pipe in benches. Templates → metric events. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Draft, defineMonitor, z } from 'sluice';

export default defineMonitor({
  name: 'feed',
  doc: 'Writes the events of a file over and over, for benches.',
  config: z.strictObject({
    /** A file with drafts as JSON, which are written in turn. */
    drafts: z.string(),
    events: z.int().positive(),
    /** Drafts in one step, whose commit is waited for. */
    step: z.int().positive().default(500),
    /** Events a second; without it, as fast as they are taken. */
    perSecond: z.number().positive().optional(),
  }),
  out: ['metric'],
  create({ drafts, events, step, perSecond }) {
    return {
      async *events(signal) {
        const templates = JSON.parse(readFileSync(drafts, 'utf8')) as Draft<'metric'>[];
        const began = performance.now();
        for (let written = 0; written < events; written += step) {
          const early = perSecond === undefined ? 0 : began + (written / perSecond) * 1000 - performance.now();
          if (early > 0) await pause(early);
          const size = Math.min(step, events - written);
          yield { drafts: Array.from({ length: size }, (_, index) => pick(templates, written + index)), position: written };
        }
        yield {
          drafts: [{ kind: 'metric' as const, key: ['bench'], data: { points: [{ name: 'bench.last', value: 1 }] } }],
          position: events,
        };
        // A follower that returns has failed: this one is done.
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    };
  },
});

function pick(templates: readonly Draft<'metric'>[], index: number): Draft<'metric'> {
  const draft = templates[index % templates.length];
  if (!draft) throw new Error('feed: there are no drafts to write');
  return draft;
}
