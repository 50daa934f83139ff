/**
 * The tail of all logs: lines as they come that fit a filter, at most so many a second, and exactly how many did.
 *
 *     {"id": "t", "tail": {"host": ["web-1"], "severity": "warn", "text": "timed out"}}
 *     → {"lines": […], "counts": [[second, trace, debug, info, warn, error, fatal]…], "since": ms}   what is remembered
 *     → {"lines": […]}                                                                           what came since
 *     → {"lines": […], "second": {seen, unread, matched, notShown}, "counts": […]}               once a second
 *
 * `seen`: lines of the servers and files that are asked for. `unread`: those of them that there was no time to look at. `matched`: those
 * that fit, of which `notShown` were left out. Errors have a share of their own, so that a flood of the rest does not hide them.
 */
import type { Clock, Event, Topic } from 'sluice';
import type { Channel, ChannelSort } from '../channel.ts';
import { compileFilter, type LabelsOf, type LineFilter, wantedLines } from '../logs/filter.ts';
import { type Counts, rankOf, shown, standsAt } from '../logs/line.ts';
import { count, recall } from '../logs/recall.ts';
import { createSampler } from '../logs/sampler.ts';
import type { Memory } from '../memory.ts';
import type { Present } from '../present.ts';

export interface TailSources {
  readonly memory: Pick<Memory, 'entries'>;
  readonly present: Pick<Present, 'server'>;
  /** Its clock tells what matching costs; a test may do without. */
  readonly services?: { readonly clock: Pick<Clock, 'monotonic'> } | undefined;
}

const perSecond = { severe: 100, rest: 300 };
const severe = rankOf('error');
/** Lines of the first frame. */
const remembered = 500;
/** Lines that one who was too slow still gets. */
const latest = 100;
/** Milliseconds a second for all tails together: what is left of a core is for the rest of live. */
const budgetMs = 200;
/** Lines between two looks at the clock. */
const strideLines = 128;
const mostSpanMs = 30;
/** Seconds whose counts one who was too slow still gets. */
const countedSeconds = 600;

export function createTail({ memory, present, services }: TailSources): ChannelSort<typeof wantedLines> {
  let open = 0;
  const labelsOf: LabelsOf = (server) => present.server(server)?.labels;
  const monotonic = () => services?.clock.monotonic() ?? 0;
  return {
    name: 'tail',
    request: wantedLines,
    open(request, looker) {
      open++;
      const filter = compileFilter(request, looker, labelsOf);
      return tailOf(filter, memory, { monotonic, share: () => budgetMs / Math.max(1, open) }, () => open--);
    },
  };
}

interface Cost {
  readonly monotonic: () => number;
  /** Milliseconds of this second that this tail may take. */
  readonly share: () => number;
}

function tailOf(filter: LineFilter, memory: TailSources['memory'], cost: Cost, ended: () => void): Channel {
  const samplers = { severe: createSampler(perSecond.severe), rest: createSampler(perSecond.rest) };
  /** Lines as JSON, each with its place among all that were ever shown. */
  let waiting: string[] = [];
  const recent: string[] = [];
  /** Lines that were shown so far, and until the last `next`. */
  let shownEver = 0;
  let told = 0;
  let dropped = 0;
  const counts = new Map<number, Counts>();
  const changed = new Set<number>();
  let now = { seen: 0, unread: 0, matched: 0, notShown: 0 };
  let last: (typeof now & { readonly idle: boolean }) | undefined;
  let [spent, spanning] = [0, 0];
  /** Only each so many-th line is looked at. */
  let every = 1;
  let nth = 0;

  const look = (event: Event<'log'>) => {
    const { lines } = event.data;
    now.seen += lines.length;
    const share = cost.share();
    let began = cost.monotonic();
    for (let index = 0; index < lines.length; index++) {
      if (index % strideLines === strideLines - 1) {
        const at = cost.monotonic();
        spent += at - began;
        began = at;
      }
      const line = lines[index];
      if (!line || spent > 2 * share || ++nth % every !== 0) {
        now.unread++;
        continue;
      }
      if (!filter.line(line)) continue;
      now.matched++;
      const rank = rankOf(line.severity);
      const at = standsAt(event.time, line);
      count(counts, at, rank);
      changed.add(Math.floor(at / 1000));
      if (!(rank >= severe ? samplers.severe : samplers.rest).take()) {
        now.notShown++;
        continue;
      }
      const json = JSON.stringify(shown(event, index, line, spansOf(line.body)));
      waiting.push(json);
      recent.push(json);
      shownEver++;
    }
    spent += cost.monotonic() - began;
    if (recent.length > 4 * latest) recent.splice(0, recent.length - latest);
  };

  const spansOf = (body: string) => {
    if (spanning > mostSpanMs) return [];
    const began = cost.monotonic();
    const spans = filter.spans(body.slice(0, 2_000));
    spanning += cost.monotonic() - began;
    return spans;
  };

  const countsOf = (seconds: Iterable<number>): string =>
    JSON.stringify([...seconds].flatMap((second) => (counts.has(second) ? [[second, ...(counts.get(second) ?? [])]] : [])));

  return {
    topics: [logs],
    async snapshot() {
      const { lines, counts: known, seen, matched, since } = await recall(memory, filter, remembered);
      const rows = JSON.stringify([...known].map(([second, of]) => [second, ...of]));
      return Buffer.from(
        `"lines":${JSON.stringify(lines)},"counts":${rows},"seen":${seen},"matched":${matched}${since === undefined ? '' : `,"since":${since}`}`,
      );
    },
    kinds: new Set(['log']),
    take(event) {
      if (event.kind === 'log' && filter.key(event.key) && filter.event(event)) look(event);
    },
    tick() {
      const share = cost.share();
      const read = now.seen - now.unread;
      // As many as fit, going by what those cost that were looked at.
      every = read === 0 || spent <= share ? Math.max(1, Math.floor(every / 2)) : Math.ceil((spent / read) * (now.seen / share));
      last = { ...now, idle: now.seen === 0 && (last?.seen ?? 0) === 0 };
      now = { seen: 0, unread: 0, matched: 0, notShown: 0 };
      [spent, spanning] = [0, 0];
      samplers.severe.tick();
      samplers.rest.tick();
      // In the order in which they were first counted.
      for (const second of counts.keys()) {
        if (counts.size <= countedSeconds) break;
        counts.delete(second);
      }
    },
    get waiting() {
      return waiting.length > 0 || (last !== undefined && !last.idle);
    },
    next() {
      const lines = waiting.join(',');
      waiting = [];
      const { idle: _, ...second } = last ?? { idle: true };
      told = shownEver;
      const counted = last ? `,"second":${JSON.stringify(second)},"counts":${countsOf(changed)}` : '';
      if (last) changed.clear();
      last = undefined;
      return Buffer.from(`"lines":[${lines}]${counted}`);
    },
    mark: () => told,
    catchUp(mark) {
      const missed = told - mark;
      const lines = missed === 0 ? [] : recent.slice(-Math.min(missed, latest));
      dropped += missed - lines.length;
      return Buffer.from(`"lines":[${lines.join(',')}],"missed":${missed - lines.length},"counts":${countsOf(counts.keys())}`);
    },
    get dropped() {
      return dropped;
    },
    close: ended,
  };
}

const logs: Topic = { kind: 'log', pattern: '#' };
