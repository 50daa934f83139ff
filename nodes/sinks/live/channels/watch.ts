/**
 * The channel `watch`: series of one metric as they are drawn. Their last seconds first, out of memory, then each point with the
 * next frame; a series that comes while one looks appears by itself. What a slow viewer missed is read from memory again.
 */
import { escapeWord } from 'sluice';
import type { Channel, ChannelSort } from '../channel.ts';
import type { Looker } from '../looker.ts';
import { brief } from '../series/digits.ts';
import { createGroups, foldOf, type Group, groupAt, settle } from '../series/groups.ts';
import type { Series, SeriesMemory } from '../series/memory.ts';
import { type Measured, type WatchRequest, watchRequest } from '../series/protocol.ts';
import { compileBy, compileWhere, type LabelsOf, usesLabels } from '../series/select.ts';
import { reachOf } from '../series/track.ts';

/** Seconds between looks at which are the largest, and at labels. */
const choosesEvery = 10;
/** Frames of which it is known how far back they reached: half a minute of them at least. */
const knownFrames = 1200;
/** More topics than this would cost a broker more than all of it. */
const mostTopics = 16;

export function watchSort(memory: SeriesMemory, labelsOf: LabelsOf): ChannelSort<typeof watchRequest> {
  return { name: 'watch', request: watchRequest, open: (request, looker) => openWatch(memory, labelsOf, request, looker) };
}

export function openWatch(memory: SeriesMemory, labelsOf: LabelsOf, request: WatchRequest, looker: Looker): Channel {
  const { metric, where, by, most, seconds } = request;
  const groups = createGroups({ matches: compileWhere(where, looker.sees, labelsOf), groupOf: compileBy(by, labelsOf), most });
  let fold = foldOf(by, request.fold, memory.metric(metric)?.type);
  let ticks = 0;
  /** The seconds of each shown group that are to be sent, both ends of the span within it. */
  const pending = new Map<Group, { low: number; high: number }>();
  /** What those who listen have been told of: which are shown, and what they are of. */
  const told = new Set<number>();
  let measured = '';
  /** There may be more to tell than points; and what it came to. */
  let moved = false;
  let news = '';
  let frames = 0;
  /** The time of the newest value that was sent. */
  let latest = 0;
  /** The last frame in which a series came; and the oldest second in each of the last ones. */
  let came = 0;
  const reached = new Float64Array(knownFrames);

  const join = (series: Series): void => {
    if (groups.size === 0) fold = foldOf(by, request.fold, series.type);
    const group = groups.join(series);
    moved ||= group !== undefined && group.index >= 0 && !told.has(group.index);
  };
  for (const series of memory.metric(metric)?.series ?? []) join(series);
  groups.choose(memory.second, fold);

  const stop = memory.watch(metric, {
    point(series, second) {
      const group = groups.of(series);
      if (!group || group.index < 0) return;
      // Until the next of it is due, the others' seconds have this value in them.
      const high = fold === undefined ? second : second + reachOf(series) - 1;
      const span = pending.get(group);
      if (!span) pending.set(group, { low: second, high });
      else {
        if (second < span.low) span.low = second;
        if (high > span.high) span.high = high;
      }
    },
    joined: join,
    left(series) {
      const group = groups.leave(series);
      if (group?.members.length !== 0) return;
      pending.delete(group);
      moved = true;
    },
  });

  /** The last second with a value. What is put together ends now: whose clock is ahead would be alone in it. */
  const newestOf = ({ members }: Group): number => {
    let newest = 0;
    for (const member of members) if (member.newest > newest) newest = member.newest;
    return fold === undefined || members.length === 1 ? newest : Math.min(newest, memory.second);
  };
  const oldest = () => memory.second - Math.min(seconds, memory.seconds) + 1;
  const describe = (): Measured => {
    // Of what one may not see, not even the name is known to exist.
    const known = groups.size > 0 || looker.part === '' ? memory.metric(metric) : undefined;
    return {
      metric,
      ...(known?.unit !== undefined && { unit: known.unit }),
      ...(known && { type: known.type }),
      ...(fold && { fold }),
      of: groups.size,
      ...(known && known.beyond > 0 && { beyond: known.beyond }),
    };
  };
  const seriesText = (group: Group, from: number): string => {
    const values: string[] = [];
    let length = 0;
    for (let second = from, newest = newestOf(group); second <= newest; second++) {
      const value = groupAt(group, fold, second);
      values.push(brief(value));
      if (!Number.isNaN(value)) length = values.length;
    }
    const { index, named, interval, members } = group;
    const head = JSON.stringify({ index, ...named, ...(by && { members: members.length }), interval });
    return `${head.slice(0, -1)},"values":[${values.slice(0, length).join()}]}`;
  };
  const whole = (from: number): Buffer => {
    const head = JSON.stringify({ ...describe(), from, now: memory.second });
    const series = [...groups.shown].map((group) => seriesText(group, from));
    return Buffer.from(`${head.slice(1, -1)},"series":[${series.join()}]`);
  };
  const points = (): string => {
    const bySecond = new Map<number, string[]>();
    for (const { members } of pending.keys()) for (const { time } of members) if (time > latest) latest = time;
    let low = Number.POSITIVE_INFINITY;
    const limit = oldest();
    for (const [group, span] of pending) {
      if (!told.has(group.index)) continue;
      for (let second = Math.max(span.low, limit), last = Math.min(span.high, newestOf(group)); second <= last; second++) {
        const value = groupAt(group, fold, second);
        if (Number.isNaN(value)) continue;
        if (second < low) low = second;
        const text = `[${group.index},${brief(value)}]`;
        const texts = bySecond.get(second);
        if (texts) texts.push(text);
        else bySecond.set(second, [text]);
      }
    }
    pending.clear();
    reached[(frames + 1) % knownFrames] = low;
    const inOrder = [...bySecond].sort(([one], [other]) => one - other);
    return inOrder.map(([at, texts]) => `{"at":${at},"values":[${texts.join()}]}`).join();
  };
  /** What came into view, and what went out of it. */
  const comings = (): string => {
    const now = new Set([...groups.shown].map(({ index }) => index));
    const gone = [...told].filter((index) => !now.has(index));
    const added = [...groups.shown].filter(({ index }) => !told.has(index));
    for (const index of gone) told.delete(index);
    for (const { index } of added) told.add(index);
    const from = oldest();
    if (added.length > 0) came = frames + 1;
    const coming = added.length > 0 ? `,"from":${from},"added":[${added.map((group) => seriesText(group, from)).join()}]` : '';
    return gone.length > 0 ? `${coming},"gone":[${gone.join()}]` : coming;
  };
  const changes = (): string => {
    const other = [...groups.shown].filter((group) => told.has(group.index) && settle(group));
    const text = JSON.stringify(describe());
    if (text === measured && other.length === 0) return '';
    measured = text;
    return `,"changed":${text.slice(0, -1)},"intervals":[${other.map(({ index, interval }) => `[${index},${interval}]`).join()}]}`;
  };

  /** One frame says each thing once: what is not sent yet is waited for. */
  const look = () => {
    if (news !== '') return;
    news = comings() + changes();
    moved = false;
  };

  // What is there already is in the first frame.
  look();
  news = '';

  return {
    topics: topicsOf(where, looker),
    // What it has and the others were not told of yet comes to it once more: nothing is lost by that.
    snapshot: () => whole(oldest()),
    tick() {
      ticks += 1;
      if (ticks % choosesEvery === 0) {
        if (usesLabels(where, by)) groups.regroup(memory.metric(metric)?.series ?? []);
        groups.choose(memory.second, fold);
      }
      moved = true;
      look();
    },
    get waiting() {
      return moved || news !== '' || pending.size > 0;
    },
    next() {
      // Before what came: that has its points with it.
      const text = points();
      if (moved) look();
      const body = Buffer.from(`"points":[${text}],"newest":${latest}${news}`);
      frames += 1;
      news = '';
      return body;
    },
    mark: () => frames,
    catchUp(mark) {
      if (came > mark || frames - mark >= knownFrames) return whole(oldest());
      let from = memory.second;
      for (let frame = mark + 1; frame <= frames; frame++) from = Math.min(from, reached[frame % knownFrames] ?? 0);
      return whole(Math.max(oldest(), from));
    },
    close: stop,
  };
}

/** Whose writers send at once while this is looked at: nobody's whom the looker may not see. */
function topicsOf(where: WatchRequest['where'], { part, sees }: Looker): Channel['topics'] {
  const all = [part === '' ? '#' : `${part}.#`];
  const hosts = part === '' ? where?.host?.map((host) => `*.*.*.${escapeWord(host)}.#`) : undefined;
  const patterns = where?.server?.filter(sees).map((server) => `${server}.#`) ?? hosts ?? all;
  return (patterns.length > mostTopics ? all : patterns).map((pattern) => ({ kind: 'metric', pattern }));
}
