/**
 * A store that has its metrics in VictoriaMetrics, and all else in its own folder. Both are read as one history.
 *
 * metric events → lines and records there; whole here only where they say more than a record does. Everything else → here.
 * While VictoriaMetrics is away or full nothing is taken, and the pipes hold it.
 */
import { type Event, type History, mergeReceived, mergeSeries, Reject } from 'sluice';
import type { Archive } from '../archive.ts';
import { createClient } from './client.ts';
import { courseOf } from './course.ts';
import { openFeed } from './feed.ts';
import { createLines } from './lines.ts';
import { createReading } from './past.ts';
import { besides, spansOf } from './spans.ts';

export interface Victoria {
  readonly url: string;
  /** A file with username: and password:, that only its owner can read. */
  readonly identity?: string | undefined;
}

export interface VictoriaOptions {
  /** Wall time in milliseconds: what events are marked with as received. */
  readonly now: () => number;
  readonly say: (text: string) => void;
  /** Milliseconds between looks at whether VictoriaMetrics was started anew. */
  readonly settleMs?: number;
}

const minute = 60_000;
/** How long before an event those that led to it are looked for: all of its host, and those about its own sort of resource. */
const nearMs = 15 * minute;
const farMs = 26 * 60 * minute;

export function withVictoria(archive: Archive, { url, identity }: Victoria, { now, say, settleMs }: VictoriaOptions): Archive {
  const client = createClient(url, identity);
  const feed = openFeed(client, say, settleMs);
  const lines = createLines();
  const reading = createReading(client);
  /** The ids around the last event that was asked about: whoever asks for one of its causes asks for the others. */
  let around: { readonly name: string; readonly ids: ReturnType<typeof reading.ids> } | undefined;

  const idsOf = (pattern: string, from: number, to: number): ReturnType<typeof reading.ids> => {
    const name = `${pattern} ${from} ${to}`;
    if (around?.name !== name) around = { name, ids: reading.ids(pattern, from, to) };
    return around.ids;
  };
  const history: Required<History> = {
    async *read(topic, from, to) {
      const kept = archive.history.read(topic, from, to);
      if (topic.kind !== 'metric') yield* kept;
      else yield* mergeReceived([kept, reading.read(topic.pattern, from, to)]);
    },
    async byId(id, led) {
      const kept = await archive.history.byId(id);
      if (kept || !led) return kept;
      const { key, time } = led;
      const words = key.split('.');
      const places: readonly (readonly [pattern: string, reach: number])[] = [
        [`${words.slice(0, 4).join('.')}.#`, nearMs],
        // A series' alert has words of its own after the resource.
        ...(words.length > 4 ? [[`${words.slice(0, 5).join('.')}.#`, farMs] as const] : []),
      ];
      for (const [pattern, reach] of places) {
        const found = (await idsOf(pattern, time - reach, time + minute)).get(id);
        if (!found) continue;
        for await (const one of reading.read(found.key, found.time - minute, found.time + 11 * minute)) if (one.event.id === id) return one;
      }
      return undefined;
    },
    async query(sql, limits) {
      if (/\bpoints\b/i.test(sql))
        throw new Reject(
          `query: points are in VictoriaMetrics; ask it in MetricsQL at ${client.url}/vmui, and here the views events, logs, alerts, audit and servers`,
        );
      return archive.history.query(sql, limits);
    },
    async coverage(from, to) {
      return besides(await archive.history.coverage(from, to), await spansOf(client, from, to));
    },
    async series(request) {
      // Of events that are kept whole here their points are there too; here alone are the rollups of what is gone there.
      const kept = await archive.history.series(request);
      const merged = mergeSeries(await courseOf(client, request), kept.series);
      const coverage = await history.coverage(request.from, request.to);
      return { series: merged.slice(0, request.most), of: Math.max(kept.of, merged.length), coverage };
    },
  };

  return {
    history,
    backup: () => archive.backup(),
    restore: () => archive.restore(),
    async write(events) {
      const received = now();
      let text = '';
      const here: Event[] = [];
      let written = false;
      try {
        for (const event of events) {
          if (event.kind !== 'metric') {
            here.push(event);
            continue;
          }
          const { text: own, whole } = lines.of(event, received);
          text += own;
          if (!whole) here.push(event);
        }
        if (text !== '') await feed.write(text);
        if (here.length > 0) await archive.write(here);
        written = true;
      } finally {
        lines.settle(written);
      }
    },
    async close() {
      await feed.close();
      await archive.close();
    },
  };
}
