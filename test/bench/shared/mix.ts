/** What the default agents of many servers write, as benches send it. */
import type { Draft } from 'sluice';
import { samplers } from '../monitors.ts';

export interface Load {
  readonly what: string;
  readonly drafts: readonly Draft<'metric'>[];
  readonly pointsPerEvent: number;
}

const seconds = 60;

export function load(what: string, drafts: readonly Draft<'metric'>[]): Load {
  return { what, drafts, pointsPerEvent: drafts.reduce((sum, { data }) => sum + data.points.length, 0) / drafts.length };
}

export const keyOf = (server: number, resource: string): string => `local.servers.default.web-${server}.${resource}`;

/** One minute, second by second: in each, every server says what each of its monitors has due, as this machine's say it. */
export async function ownMix(servers: number): Promise<Load> {
  const sampled = await Promise.all(
    (await samplers()).map(async ({ monitor, sampler }) => {
      await sampler.start?.();
      // Rates need a sample before.
      await sampler.sample(AbortSignal.timeout(10_000));
      const drafts = await sampler.sample(AbortSignal.timeout(10_000));
      await sampler.stop?.();
      return { monitor, drafts: drafts.filter((draft): draft is Draft<'metric'> => draft.kind === 'metric') };
    }),
  );
  const drafts: Draft<'metric'>[] = [];
  for (let second = 0; second < seconds; second++) {
    const due = sampled.filter(({ monitor }) => (second * 1000) % monitor.every === 0);
    for (let server = 0; server < servers; server++) {
      for (const { monitor, drafts: says } of due) for (const draft of says) drafts.push({ ...draft, key: keyOf(server, monitor.name) });
    }
  }
  return load("the default agents' own mix", drafts);
}
