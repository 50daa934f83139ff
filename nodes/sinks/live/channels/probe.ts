/**
 * `probe`: a temporary look at a pipe, as with a multimeter. It starts in the past, with what is remembered and then what was stored;
 * goes on with what comes; and tells of all that fits what it is like, whatever it has room to show.
 *
 *     {"id": "p", "probe": {"topics": {"kind": "metric"}, "source": "cpu",
 *      "where": {"points.name": ["system.cpu.utilization"]}, "since": "5m", "rate": 20}}
 *     → {"events": […], "report": {…}, "past": {"from", "stored", "whole"}, "skipped": 0}
 *
 * then frames of `events` as they come, at most `rate` a second, with those that were `skipped`, and a `report` each second.
 */
import { type Event, fieldPath, probing, type Services, where, z } from 'sluice';
import type { Body, Channel, ChannelSort } from '../channel.ts';
import type { Looker } from '../looker.ts';
import type { Entry, Memory } from '../memory.ts';
import type { Present } from '../present.ts';
import { type PastSeen, readPast } from '../probe-past.ts';
import { compileSubscription, subscribeRequest } from '../subscription.ts';
import { createLimiter } from './subscribe.ts';

const request = z.strictObject({
  /** As for `subscribe`; how long ago and how many is asked for all of them at once. */
  topics: subscribeRequest,
  /** Who writes: a node's name, or a source as a whole. */
  source: z.string().min(1).max(1024).optional(),
  where: where.optional(),
  since: z.string().min(1).max(64).optional(),
  /** Events a second that are shown. */
  rate: z.number().min(1).max(500).default(20),
  /** A field whose numbers are told second by second. */
  meter: fieldPath.optional(),
});

export interface ProbeSources {
  readonly memory: Memory;
  readonly present: Present;
  readonly services?: Services | undefined;
}

/** Events that one who joins is shown of what came before. */
const shownBefore = 100;
/** Bytes of them, and of one frame. */
const frameBytes = 1_048_576;

export const createProbe = (sources: ProbeSources): ChannelSort<typeof request> => ({
  name: 'probe',
  request,
  open: (asked, looker) => openProbe(sources, asked, looker),
});

function openProbe(sources: ProbeSources, asked: z.output<typeof request>, looker: Looker): Channel {
  const topics = compileSubscription(asked.topics, looker.part);
  const probe = probing(asked);
  const limiter = createLimiter(asked.rate);
  const recent: Buffer[] = [];
  let pending: Buffer[] = [];
  let bytes = 0;
  let skipped = 0;
  let sent = 0;
  let due = false;
  let past: Promise<PastSeen> | undefined;
  let closed = false;

  const matching = (entry: Entry, event?: Event): boolean => looker.sees(entry.key) && topics.some((topic) => topic.matches(entry, event));
  const show = (json: Buffer) => {
    recent.push(json);
    if (recent.length > 2 * shownBefore) recent.splice(0, recent.length - shownBefore);
  };
  const latest = (most: number): Buffer[] => {
    const chosen: Buffer[] = [];
    let room = frameBytes;
    for (let index = recent.length - 1; index >= 0 && chosen.length < most; index--) {
      const json = recent[index];
      room -= json?.length ?? 0;
      if (json && room >= 0) chosen.push(json);
    }
    return chosen.reverse();
  };
  const frame = (events: readonly Buffer[], rest: object): Body => {
    const text = JSON.stringify(rest).slice(1, -1);
    return Buffer.concat([
      Buffer.from('"events":['),
      ...events.flatMap((json, index) => (index > 0 ? [comma, json] : [json])),
      Buffer.from(`],${text}`),
    ]);
  };
  const report = () => ({ skipped, report: probe.report() });

  return {
    topics: topics.map(({ kind, pattern }) => ({ kind, pattern })),
    kinds: new Set(topics.map(({ kind }) => kind)),
    async snapshot() {
      past ??= readPast({ ...sources, topics, since: asked.since, matching, probe, show, ended: () => closed });
      const told = await past;
      return frame(latest(shownBefore), { ...report(), past: told });
    },
    take(event, entry) {
      if (!matching(entry, event) || !probe.fits(event)) return;
      probe.take(event);
      if (!limiter.lets() || bytes + entry.json.length > frameBytes) {
        skipped += 1;
        return;
      }
      pending.push(entry.json);
      bytes += entry.json.length;
      show(entry.json);
    },
    tick() {
      limiter.tick();
      probe.tick();
      due = true;
    },
    get waiting() {
      return due || pending.length > 0;
    },
    next() {
      const events = pending;
      pending = [];
      bytes = 0;
      sent += events.length;
      const body = frame(events, due ? report() : { skipped });
      due = false;
      return body;
    },
    mark: () => sent,
    catchUp(mark) {
      const shown = latest(Math.min(sent - mark, shownBefore));
      return frame(shown, { ...report(), dropped: Math.max(0, sent - mark - shown.length) });
    },
    close() {
      closed = true;
    },
  };
}

const comma = Buffer.from(',');
