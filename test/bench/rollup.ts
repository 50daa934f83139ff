/**
 * What summing up costs: the default agents' own mix of some servers, by the second, through rollup in the runtime's own
 * driver, one core, without a bus and a disk; with its ticks, its windows and what a commit collects. Beside it threshold
 * with its default rules on the very same events.
 */
import type { Event } from '../../core/event.ts';
import { type Data, kinds } from '../../core/kinds.ts';
import type { AnyFilter, Draft } from '../../core/node.ts';
import { filterRun } from '../../core/runtime/filtering.ts';
import rollup from '../../nodes/filters/rollup/rollup.ts';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { samplers } from './monitors.ts';
import { type Bench, cpuOf } from './shared/figure.ts';

const start = Date.UTC(2026, 0, 1);
/** Milliseconds after which every series was seen, and windows have closed. */
const knownAfter = 90_000;
/** Inputs of one commit, as the runtime takes them together. */
const batch = 100;

interface Sampled {
  readonly name: string;
  readonly every: number;
  readonly data: Data<'metric'>;
}

async function sampleAll(): Promise<Sampled[]> {
  const sampled = (await samplers()).map(async ({ monitor, sampler }) => {
    await sampler.start?.();
    // Rates need a sample before.
    await sampler.sample(AbortSignal.timeout(10_000));
    const drafts = await sampler.sample(AbortSignal.timeout(10_000));
    await sampler.stop?.();
    return drafts
      .filter((draft): draft is Draft<'metric'> => draft.kind === 'metric')
      .map(({ data }) => ({ name: monitor.name, every: monitor.every, data: kinds.metric.schema.parse(data) }));
  });
  return (await Promise.all(sampled)).flat();
}

/** Second by second, what each server says then; its values move as it goes. */
function eventsOf(sampled: readonly Sampled[], servers: number, seconds: number): Event<'metric'>[] {
  const events: Event<'metric'>[] = [];
  for (let second = 0; second < seconds; second++) {
    for (const { name, every, data } of sampled) {
      if ((second * 1000) % every !== 0) continue;
      const points = data.points.map((point) => ({ ...point, value: point.value * (1 + (second % 7) / 100) }));
      for (let server = 0; server < servers; server++) {
        events.push({
          id: `m${events.length}`,
          kind: 'metric',
          key: `acme.shop.prod.web-${server}.${name}`,
          source: `/acme/shop/prod/web-${server}/${name}`,
          bootid: 'boot-1',
          sequence: second,
          time: start + second * 1000,
          data: { points },
        });
      }
    }
  }
  return events;
}

/** Points per second of CPU once the servers are known, and how many events came out of that. */
async function rateOf(filter: AnyFilter, events: readonly Event<'metric'>[]): Promise<{ rate: number; points: number; out: number }> {
  const host = { name: filter.name, about: { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' } };
  const run = filterRun(filter, filter.config.parse({}), host);
  let out = 0;
  const pass = (part: readonly Event<'metric'>[]): void => {
    out = 0;
    part.forEach((event, index) => {
      for (const outcome of run.event(event, event.time + 200)) if (outcome.dead === undefined) out += outcome.derived.length;
      if (index % batch > 0) return;
      run.memory.changes();
      run.memory.committed();
    });
  };
  const known = events.findIndex(({ time }) => time >= start + knownAfter);
  // The first time compiles.
  pass(events.slice(0, known));
  const measured = events.slice(known);
  const points = measured.reduce((sum, { data }) => sum + data.points.length, 0);
  return { rate: points / (await cpuOf(() => pass(measured))), points, out };
}

export default {
  doc: "what rollup sums up on one core of the default agents' own mix; no bus and no disk",
  async run(size) {
    const [servers, seconds] = size === 'short' ? [5, 180] : [40, 390];
    const events = eventsOf(await sampleAll(), servers, seconds);
    const [summed, judged] = [await rateOf(rollup, events), await rateOf(threshold, events)];
    if (summed.out === 0) throw new Error('rollup told nothing: the bench measures no work');
    return [
      {
        what: 'points summed up',
        value: summed.rate,
        unit: 'points/s',
        budget: { least: 300_000 },
        yardstick: { what: 'threshold on the same events', value: judged.rate },
        of: `${summed.points} points of ${servers} servers in ${seconds - knownAfter / 1000} s of their time, ${summed.out} stats`,
      },
    ];
  },
} satisfies Bench;
