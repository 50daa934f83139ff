/**
 * What one chart listens to. The last minutes come from live as they happen; what reaches further back from the store, and is asked for
 * again as time goes on. A page that stands still listens to nothing: it asks once.
 *
 * questions, a span of time → tracks for each question.
 */
import type { Coverage } from 'sluice';
import type { Watched } from '../../series/protocol.ts';
import { now } from '../parts/time.ts';
import type { Line as Wire } from '../wire/line.ts';
import { askUntilHeard } from './asking.ts';
import type { Heard } from './lines.ts';
import type { Question } from './looks.ts';
import { askPast, stepFor } from './past.ts';
import { createLiveTracks, createPastTracks, type Track } from './tracks.ts';

/** Seconds that live remembers: `live.memory` of its config by default. */
export const remembered = 600;
/** Of what the store keeps the newest comes a little late, and a picture of hours needs it seldom. */
const leastRefresh = 5_000;

export interface Wanted {
  readonly questions: readonly Question[];
  readonly scale: number;
  /** Lines at most, for each question. */
  readonly most: number;
  /** Places that there are for values, from left to right. */
  readonly places: number;
  readonly seconds: number;
  /** Where the span ends, in milliseconds since 1970; undefined: now, and it goes on. */
  readonly until: number | undefined;
}

export interface Feed {
  readonly heard: readonly Heard[];
  /** Seconds between values. */
  readonly step: number;
  /** Everything that was asked has been answered at least once. */
  readonly ready: boolean;
  /** How many series fit, and how many more there are than sluice has room for. */
  readonly of: number;
  readonly beyond: number;
  /** How finely it is known; empty where it is from live. */
  readonly coverage: readonly Coverage[];
  /** Why it is not what was asked for. */
  readonly trouble: string | undefined;
  /** Time of the newest event in it, in milliseconds since 1970; 0 before the first. */
  readonly newest: number;
  close(): void;
}

/** @param hear is told of new points, and of lines that came or went */
export function openFeed(wire: Wire, wanted: Wanted, hear: (what: 'lines' | 'points') => void): Feed {
  const { seconds, until } = wanted;
  // What began a moment before live's memory is still shown from it: the first seconds of a span are soon over.
  const back = until === undefined ? seconds : Math.ceil(now() / 1000 - until / 1000 + seconds);
  return back <= remembered + 5 ? liveFeed(wire, wanted, Math.max(back, 1), hear) : pastFeed(wanted, hear);
}

interface Source {
  readonly tracks: readonly Track[];
  readonly of: number | undefined;
  readonly beyond: number;
}

const heardOf = (questions: readonly Question[], sources: readonly Source[]): Heard[] =>
  questions.map((question, index) => ({ question, tracks: sources[index]?.tracks ?? [] }));
/** Summaries are of the same series as the lines. */
const count = (questions: readonly Question[], sources: readonly Source[], what: 'of' | 'beyond') =>
  sources.reduce((sum, source, index) => sum + (questions[index]?.summed === undefined ? (source[what] ?? 0) : 0), 0);

function liveFeed(wire: Wire, { questions, scale, most, until }: Wanted, reach: number, hear: (what: 'lines' | 'points') => void): Feed {
  const sources = questions.map(() => createLiveTracks(scale, reach));
  let newest = 0;
  let trouble: string | undefined;
  const ends = questions.map(({ watch }, index) => {
    const source = sources[index];
    const hearFrame = (frame: Watched) => {
      trouble = undefined;
      const before = source?.of;
      const changed = source?.take(frame) ?? false;
      if ('points' in frame) newest = Math.max(newest, frame.newest);
      hear(changed || before === undefined || source?.of !== before ? 'lines' : 'points');
      if (until !== undefined) end();
    };
    const end = askUntilHeard<Watched>(wire, { watch: { ...watch, seconds: reach, most } }, hearFrame, (why) => {
      trouble = why;
      hear('lines');
    });
    return end;
  });
  return {
    get heard() {
      return heardOf(questions, sources);
    },
    step: 1,
    get ready() {
      return trouble !== undefined || sources.every(({ of }) => of !== undefined);
    },
    get of() {
      return count(questions, sources, 'of');
    },
    get beyond() {
      return count(questions, sources, 'beyond');
    },
    coverage: [],
    get trouble() {
      return trouble;
    },
    get newest() {
      return newest;
    },
    close() {
      for (const end of ends) end();
    },
  };
}

function pastFeed({ questions, scale, most, places, seconds, until }: Wanted, hear: (what: 'lines' | 'points') => void): Feed {
  const sources = questions.map(() => createPastTracks(scale));
  const abort = new AbortController();
  let step = stepFor(seconds, places);
  let coverage: readonly Coverage[] = [];
  let trouble: string | undefined;
  let refresh: ReturnType<typeof setTimeout> | undefined;
  let known = 0;

  const ask = async (): Promise<void> => {
    const to = until ?? now();
    const oldest = to - seconds * 1000;
    // The last steps were not over when they were asked for.
    const from = Math.max(oldest, known - 3 * step * 1000);
    const span = { from: Math.floor(from), to: Math.ceil(to), step: step * 1000 };
    try {
      const answers = await Promise.all(questions.map(({ watch }) => askPast({ ...watch, most, ...span }, abort.signal)));
      const before = sources.map(({ tracks }) => tracks.length).join();
      for (const [index, answer] of answers.entries()) sources[index]?.take(answer, oldest / 1000 - step);
      const isFirst = known === 0;
      if (isFirst) coverage = answers[0]?.coverage ?? [];
      // Of very many series there are fewer values than were asked for: what goes on has to fit.
      if (isFirst) step = Math.max(step, ...answers.map((answer) => answer.step / 1000));
      known = to;
      trouble = undefined;
      hear(isFirst || before !== sources.map(({ tracks }) => tracks.length).join() ? 'lines' : 'points');
    } catch (thrown) {
      if (abort.signal.aborted) return;
      trouble = thrown instanceof Error ? thrown.message : String(thrown);
      hear('lines');
    }
    if (until === undefined) refresh = setTimeout(ask, Math.max(leastRefresh, step * 1000));
  };
  void ask();
  return {
    get heard() {
      return heardOf(questions, sources);
    },
    get step() {
      return step;
    },
    get ready() {
      return known > 0 || trouble !== undefined;
    },
    get of() {
      return count(questions, sources, 'of');
    },
    get beyond() {
      return count(questions, sources, 'beyond');
    },
    get coverage() {
      return coverage;
    },
    get trouble() {
      return trouble;
    },
    get newest() {
      return Math.max(0, ...sources.flatMap(({ tracks }) => tracks.map(({ latest }) => latest * 1000)));
    },
    close() {
      abort.abort();
      clearTimeout(refresh);
    },
  };
}
