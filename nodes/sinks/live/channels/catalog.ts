/**
 * The channel `catalog`: which metrics there are, then what changed of that, at most once a second: a metric that is invented while one
 * looks is there by itself.
 */
import { entryOf } from '../catalog.ts';
import type { Channel, ChannelSort } from '../channel.ts';
import type { Looker } from '../looker.ts';
import type { SeriesMemory } from '../series/memory.ts';
import { type CatalogEntry, catalogRequest } from '../series/protocol.ts';

/** Entries that are made anew in a second: of a name with thousands of series one takes a millisecond. */
const mostChanged = 200;

export function catalogSort(memory: SeriesMemory): ChannelSort<typeof catalogRequest> {
  return { name: 'catalog', request: catalogRequest, open: (_, looker) => openCatalog(memory, looker) };
}

export function openCatalog(memory: SeriesMemory, { sees, part }: Looker): Channel {
  /** What was said of each name, and how often it had changed by then. */
  const said = new Map<string, { changes: number; entry: CatalogEntry | undefined }>();
  let beyond = 0;
  let news: string | undefined;

  /** What changed since it was looked for last. */
  const look = (most: number): { changed: CatalogEntry[]; gone: string[] } => {
    const changed: CatalogEntry[] = [];
    const gone: string[] = [];
    for (const [name, { entry }] of said) {
      if (memory.metrics.has(name)) continue;
      said.delete(name);
      if (entry) gone.push(name);
    }
    let made = 0;
    for (const metric of memory.metrics.values()) {
      const before = said.get(metric.name);
      if (before?.changes === metric.changes) continue;
      if (made++ >= most) break;
      const entry = entryOf(metric, sees);
      said.set(metric.name, { changes: metric.changes, entry });
      if (entry) changed.push(entry);
      else if (before?.entry) gone.push(metric.name);
    }
    return { changed, gone };
  };
  /** As it was said last: what came since comes with the next second. */
  const whole = (): Buffer => {
    const metrics = [...said.values()].flatMap(({ entry }) => entry ?? []);
    return Buffer.from(JSON.stringify({ metrics, ...(beyond > 0 && { beyond }) }).slice(1, -1));
  };
  /** How many others there are is for who sees all. */
  const beyondOf = () => (part === '' ? memory.beyond : 0);

  look(Number.POSITIVE_INFINITY);
  beyond = beyondOf();

  return {
    // A second late is soon enough for a name.
    topics: [],
    snapshot: whole,
    tick() {
      if (news !== undefined) return;
      const { changed, gone } = look(mostChanged);
      const more = beyondOf();
      if (changed.length === 0 && gone.length === 0 && more === beyond) return;
      beyond = more;
      news = JSON.stringify({ changed, gone, ...(beyond > 0 && { beyond }) }).slice(1, -1);
    },
    get waiting() {
      return news !== undefined;
    },
    next() {
      const body = Buffer.from(news ?? '"changed":[],"gone":[]');
      news = undefined;
      return body;
    },
    mark: () => 0,
    catchUp: whole,
  };
}
