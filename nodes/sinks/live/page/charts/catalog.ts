/** What there is to chart, for as long as charts are shown: a metric that somebody invents is there within a second. */
import type { CatalogAll, CatalogEntry, CatalogMore } from '../../series/protocol.ts';
import { cell } from '../parts/cell.ts';
import type { Line as Wire } from '../wire/line.ts';
import { askUntilHeard } from './asking.ts';
import { type Family, familiesOf } from './families.ts';

export interface Catalog {
  readonly families: readonly Family[];
  /** sluice has said what there is: before, an empty list means nothing. */
  readonly heard: boolean;
  /** Names that sluice has no room for. */
  readonly beyond: number;
}

export const catalog = cell<Catalog>({ families: [], heard: false, beyond: 0 });

/** @returns how to stop */
export function followCatalog(wire: Wire): () => void {
  const metrics = new Map<string, CatalogEntry>();
  const hear = (frame: CatalogAll | CatalogMore) => {
    if ('metrics' in frame) metrics.clear();
    for (const metric of 'metrics' in frame ? frame.metrics : frame.changed) metrics.set(metric.name, metric);
    if ('gone' in frame) for (const name of frame.gone) metrics.delete(name);
    const known = new Map(catalog.value.families.map((family) => [family.id, family]));
    catalog.set({ families: familiesOf(metrics.values(), known), heard: true, beyond: frame.beyond ?? 0 });
  };
  return askUntilHeard(wire, { catalog: {} }, hear, (why) => console.warn(why));
}
