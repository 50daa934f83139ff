/**
 * Metrics of the past as far as they are still known: as they came where they are kept raw, elsewhere one point for each
 * minute or hour, made of the rollups. Such a point says what the series last had in its window, at the window's end; of a
 * counter, its rate.
 */
import type { Event, Topic } from '../event.ts';
import type { Coverage, History, Received } from '../history.ts';

export const resolutionMs: Readonly<Record<Coverage['resolution'], number>> = { raw: 0, minute: 60_000, hour: 3_600_000 };

export async function* metricsOf(history: Pick<History, 'read'>, coverage: readonly Coverage[], topic: Topic): AsyncGenerator<Received> {
  for (const { from, to, resolution } of coverage) {
    if (resolution === 'raw') yield* history.read(topic, from, to);
    else {
      for await (const { event, received } of history.read({ ...topic, kind: 'stat' }, from, to)) {
        const metric = event.kind === 'stat' ? metricFrom(event, resolutionMs[resolution]) : undefined;
        if (metric) yield { event: metric, received };
      }
    }
  }
}

/** Undefined for a rollup of another window. */
function metricFrom({ data, ...event }: Event<'stat'>, window: number): Event<'metric'> | undefined {
  const time = Date.parse(data.to);
  if (time - Date.parse(data.from) !== window) return undefined;
  const points = data.series.flatMap(({ name, unit, attributes, last, sum, count }) => {
    if (count === 0) return [];
    return [{ name, value: last ?? sum / count, ...(unit !== undefined && { unit }), ...(attributes && { attributes }) }];
  });
  return points.length === 0 ? undefined : { ...event, kind: 'metric', time, data: { points } };
}
