/**
 * The catalogue of metrics: every name that arrives, with its series and their last values, so that a person or a script can
 * see what there is to watch. A series is a key, a name and its attributes.
 *
 * metric events → `all()`. Holds at most `bound` series, those written to last; a series that is silent for as long as the
 * memory reaches is forgotten.
 */
import { type Event, type Point, parse } from 'sluice';

export interface CatalogSeries {
  readonly key: string;
  readonly host: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly value: number;
  readonly time: string;
}

export interface CatalogMetric {
  readonly name: string;
  readonly unit?: string;
  readonly type: NonNullable<Point['type']>;
  readonly series: readonly CatalogSeries[];
}

export interface Catalog {
  take(event: Event<'metric'>, tick: number): void;
  tick(now: number): void;
  all(): CatalogMetric[];
  readonly size: number;
}

export function createCatalog(limits: { readonly ticks: number; readonly bound: number }): Catalog {
  // In the order of their last value: the first is the one to forget.
  const series = new Map<string, { key: string; point: Point; time: number; tick: number }>();

  return {
    take(event, tick) {
      for (const point of event.data.points) {
        const id = `${event.key}\n${point.name}\n${point.attributes ? JSON.stringify(point.attributes) : ''}`;
        series.delete(id);
        series.set(id, { key: event.key, point, time: point.time === undefined ? event.time : Date.parse(point.time), tick });
      }
      for (const id of series.keys()) {
        if (series.size <= limits.bound) break;
        series.delete(id);
      }
    },
    tick(now) {
      for (const [id, { tick }] of series) {
        if (now - tick <= limits.ticks) break;
        series.delete(id);
      }
    },
    all() {
      const metrics = new Map<string, { name: string; unit?: string; type: NonNullable<Point['type']>; series: CatalogSeries[] }>();
      for (const { key, point, time } of series.values()) {
        let metric = metrics.get(point.name);
        if (!metric) {
          metric = { name: point.name, ...(point.unit !== undefined && { unit: point.unit }), type: point.type ?? 'gauge', series: [] };
          metrics.set(point.name, metric);
        }
        const attributes = point.attributes ?? {};
        metric.series.push({ key, host: parse(key).host, attributes, value: point.value, time: new Date(time).toISOString() });
      }
      return [...metrics.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    },
    get size() {
      return series.size;
    },
  };
}
