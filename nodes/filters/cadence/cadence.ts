/**
 * Tells that a pipe which nobody said an interval for has gone quiet: a log that no longer grows, a script that no longer
 * reports. It learns for each key how long the gaps between its events usually are, and informs when one is far longer. It
 * never pages: what is usual is a guess.
 *
 *     events   │ ││ │  ││ │ │ ││  │                    │    a gap far beyond any of two weeks: told, and its end
 *     told                                ▲ quiet      ▲ back
 *
 * metric, log, incident → alert of severity info (firing, resolved), and its state; heartbeat → which servers are alive.
 *
 * All by the receiving clock. What it was deaf for is neither learned nor judged; of a server that is silent or said goodbye
 * the roster speaks. A stream is judged once a day of it and a dozen gaps are known (`after`), and never told under ten
 * minutes (`least`): beyond twice the longest gap of the last two weeks where they are alike, three times where they are not. So a first
 * weekend may be told, the next is known. About 300 bytes per key; past 20,000 keys the one not heard for longest is let go.
 */
import { type Data, type Draft, defineFilter, formatDuration, parse, table } from 'sluice';
import { alertDrafts, named, tableKey } from '../shared/alert.ts';
import { hearing, hearingTable } from '../shared/hearing.ts';
import { config, spansOf } from './config.ts';
import { examples } from './examples.ts';
import { first, habit, limitOf, type Stream, stream, told, withGap } from './habit.ts';
import { beat, hostOf, isHere, noteEvery, server } from './server.ts';

const tickEvery = 60_000;
const week = 7 * 86_400_000;
const mostTold = 1000;
const rule = 'unusually-quiet';

export default defineFilter({
  name: 'cadence',
  doc: 'Informs when a log, metric or incident pipe is quiet for far longer than it ever was, without anyone having said how often it speaks.',
  config,
  in: [{ kind: 'metric' }, { kind: 'log' }, { kind: 'incident' }, { kind: 'heartbeat' }],
  out: ['alert', 'state'],
  shard: 'source',
  tables: {
    streams: table(stream, { bound: 20_000, ttl: 2 * week }),
    servers: table(server, { bound: 20_000, ttl: week }),
    told: table(told, { bound: mostTold }),
    watch: table(hearingTable, { bound: 1 }),
  },
  tickEvery,
  examples,
  create(given, tables) {
    const { after, least } = spansOf(given);
    const listening = hearing(tables.watch, tickEvery);

    const isPresent = (about: string, at: number): boolean => isHere(tables.servers.get(hostOf(about)), at);
    const resolve = (id: string, said: string, evidence: readonly string[]): Draft<'alert' | 'state'>[] => {
      const known = tables.told.get(id);
      tables.told.delete(id);
      return known === undefined ? [] : speak(known, 'resolved', said, [known.from, ...evidence]);
    };

    return {
      event(event, at) {
        if (event.kind === 'heartbeat') {
          const noted = beat(tables.servers.get(event.key), event, at);
          if (noted) tables.servers.set(event.key, noted);
          return [];
        }
        const id = tableKey([event.kind, event.key]);
        const before = tables.streams.get(id);
        // Not each event is worth a write: what speaks more often than this is as good as always there.
        if (before !== undefined && at >= before.heard && at - before.heard < noteEvery) return [];
        const ear = tables.watch.get('pipe');
        const heardAll = ear !== undefined && !ear.deaf && before !== undefined && before.heard >= ear.since;
        const quiet = before === undefined ? 0 : at - before.heard;
        const known = before === undefined ? first(event.kind, event.key, at) : heardAll ? withGap(before, quiet, at) : before;
        tables.streams.set(id, { ...known, heard: at, last: event.id });
        if (tables.told.size === 0) return [];
        return resolve(id, `${nameOf(known)} speaks again, after ${formatDuration(quiet)}`, [event.id]);
      },
      tick(at) {
        const since = listening.since(at);
        if (since === undefined) return [];
        const drafts: Draft<'alert' | 'state'>[] = [];
        for (const [id, known] of [...tables.told.entries()]) {
          if (tables.servers.get(hostOf(known.about))?.gone) drafts.push(...resolve(id, `${nameOf(known)}: its server said goodbye`, []));
          else if (tables.streams.get(id) === undefined)
            drafts.push(...resolve(id, `${nameOf(known)} was quiet for too long to be expected`, []));
        }
        for (const [id, known] of tables.streams.entries()) {
          // A silence that began while it was still being learned is learned: the first night.
          if (known.heard - known.begun < after || known.gaps < habit || tables.told.size >= mostTold) continue;
          const quiet = at - Math.max(known.heard, since);
          if (quiet <= limitOf(known, least) || tables.told.get(id) !== undefined || !isPresent(known.about, at)) continue;
          const { about, kind, last } = known;
          const one = { about, kind, since: known.heard, from: last };
          tables.told.set(id, one);
          const usual = formatDuration(Math.max(known.longest, known.before));
          drafts.push(
            ...speak(one, 'firing', `${nameOf(known)} is quiet for ${formatDuration(quiet)}; its longest gap in two weeks was ${usual}`, [
              last,
            ]),
          );
        }
        return drafts;
      },
      pipe(pipe, at) {
        listening.pipe(pipe, at);
        return [];
      },
    };
  },
});

type Named = Pick<Stream, 'kind' | 'about'>;

function nameOf({ kind, about }: Named): string {
  const { host, resource } = parse(about);
  return `${kind} ${named(resource.join(' ') || host)}`;
}

function speak(
  { about, kind, since }: Named & { readonly since: number },
  status: Data<'alert'>['status'],
  summary: string,
  evidence: readonly string[],
): Draft<'alert' | 'state'>[] {
  return alertDrafts(about, rule, [kind], {
    status,
    severity: 'info',
    summary,
    ...(status === 'firing' && { action: 'see whether what writes it still runs; where it was removed, nothing is to be done' }),
    since: new Date(since).toISOString(),
    evidence: [...new Set(evidence)],
  });
}
