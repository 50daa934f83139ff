/**
 * Owning a partition. Whoever writes `take` into its changelog has it from that place on, whatever the others know by then: each
 * learns it by reading. A step is done when its owner has read it there itself, ahead of anyone else's `take`. Only then does what
 * it led to leave, and its input is acknowledged. So of two that both believe to be the owner, one works for nothing.
 *
 *     read from the latest summary on: what the partition remembers ──▶ take ──▶ steps … summary … steps
 *                                                     another's take: {@link Fenced}, and nothing more counts
 */
import type { Changelog, Subscribed } from '../../bus/bus.ts';
import type { Clock } from '../../clock.ts';
import { SluiceError } from '../../errors.ts';
import { encodeRows, encodeTake, headerOf, type Kept, type Rows, replay, summary, type Writes } from './records.ts';

/** Another instance has the partition now, or this one let go of it. */
export class Fenced extends SluiceError {
  override readonly name = 'Fenced';
  /** Whether what was on its way will never count for anyone; else that is not known. */
  readonly certain: boolean;
  constructor(certain: boolean) {
    super('partition: another instance has it now, or the bus does not answer');
    this.certain = certain;
  }
}

export interface Owned {
  /** What the partition remembers: what was committed last. */
  readonly kept: Kept;
  /**
   * Writes a step, after those before it; resolves with its place once it counts. @throws Fenced when it will never count here.
   * @param sent a place: all events of steps up to it were sent
   */
  step(rows: Rows, sent: number): Promise<number>;
  /** Resolves when it is owned no more: taken by another, or closed. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export interface OwnOptions {
  readonly changelog: Changelog;
  readonly clock: Clock;
  /** This ownership, unlike any other's. */
  readonly by: string;
  /** After how many bytes of steps at least all is summed up. */
  readonly summaryBytes?: number;
  /** Told the size of each summary. */
  readonly summed?: (bytes: number) => void;
}

/** How long taking a partition may take before it is given up and tried again, in milliseconds. */
const patience = 30_000;
const defaultSummaryBytes = 4 * 1024 * 1024;
const partBytes = 512 * 1024;
const muteAfter = 1000;
const mostAttempts = 5;
const beheaded = 'partition: its changelog has lost its beginning, and with it what was remembered; delete that queue to begin anew';

/** Takes the partition. @throws Fenced when others keep taking it, or the bus does not answer. */
export async function own({ changelog, clock, by, summaryBytes = defaultSummaryBytes, summed: tell }: OwnOptions): Promise<Owned> {
  const history = replay();
  const waiting = new Map<number, { rows: Rows; resolve: (place: number) => void; reject: (reason: Error) => void }>();
  const lost = () => new Fenced(false);
  let mine = false;
  let fenced = false;
  let fence: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    fence = resolve;
  });
  const lose = (reason: Fenced): Promise<void> => {
    fenced = true;
    fence();
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
    return changelog.close();
  };
  const close = () => lose(lost());

  // Reads on for as long as it is owned: what counts is decided by the order of the records alone.
  const taking = async (): Promise<void> => {
    const [from, end] = await latest(changelog, clock);
    const reached = signal();
    const taken = signal();
    const take = () => changelog.append(encodeTake(by, history.owner));
    let attempts = 0;
    await changelog.read(from, (place, record) => {
      const counted = history.feed(place, record, (header) => (header.by === by ? waiting.get(header.n)?.rows : undefined));
      if (place >= end) reached.resolve();
      // What is still waiting stands behind the other's take, or will.
      if (mine && history.owner !== by) return void lose(new Fenced(true));
      if (counted && 'n' in counted && mine) {
        const step = waiting.get(counted.n);
        waiting.delete(counted.n);
        return step?.resolve(place);
      }
      const header = mine ? undefined : headerOf(record);
      if (!header || !('take' in header) || header.take !== by) return;
      mine = history.owner === by;
      if (mine) taken.resolve();
      // Another came in between, and is known now.
      else if (++attempts < mostAttempts) take();
      else taken.reject(history.begun ? lost() : new SluiceError(beheaded));
    });
    if (end >= 0) await reached.promise;
    take();
    await taken.promise;
  };
  try {
    await within(clock, patience, lost, taking());
    if (fenced) throw lost();
  } catch (thrown) {
    await close();
    throw thrown;
  }

  // A summary is of all that came before it: nothing may be on its way meanwhile.
  let turn: Promise<unknown> = Promise.resolve();
  let n = 0;
  let [bytes, summed] = [0, 0];
  const write = (header: Omit<Writes, 'by' | 'n'>, rows: Rows): Promise<number> => {
    if (fenced) return Promise.reject(lost());
    const { base } = history;
    const record = encodeRows({ by, n: ++n, ...header, ...(base !== undefined && { base }) }, rows);
    bytes += record.length;
    return new Promise((resolve, reject) => {
      waiting.set(n, { rows, resolve, reject });
      changelog.append(record);
    });
  };
  const sumUp = async (sent: number): Promise<void> => {
    const parts = [...summary(history.kept, partBytes)];
    bytes = 0;
    const written = parts.map((rows, part) => write({ sent, part, ...(part === parts.length - 1 && { last: true }) }, rows));
    await Promise.all(written);
    summed = bytes;
    tell?.(bytes);
    bytes = 0;
  };
  return {
    get kept() {
      return history.kept;
    },
    step(rows, sent) {
      const mine = turn.then(async () => {
        const place = await write({ sent }, rows);
        if (bytes > Math.max(summaryBytes, 2 * summed)) await sumUp(sent);
        return place;
      });
      turn = mine.catch(() => {});
      return mine;
    },
    ended,
    close,
  };
}

/**
 * From where to read so as to know all, and the place of a record that is there already. The latest records say where the latest
 * summary begins. Of a changelog that stays mute it is assumed that it is empty; were it not, it would be read from its beginning.
 */
async function latest(changelog: Changelog, clock: Clock): Promise<[from: 'first' | number, end: number]> {
  const seen = signal<[from: 'first' | number, end: number]>();
  const probe: Subscribed = await changelog.read('last', (place, record) => {
    const header = headerOf(record);
    seen.resolve([(header && 'by' in header ? header.base : undefined) ?? 'first', place]);
  });
  const giveUp = clock.after(muteAfter, () => seen.resolve(['first', -1]));
  const found = await seen.promise;
  giveUp();
  await probe.close();
  return found;
}

function signal<T = void>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { promise, resolve, reject };
}

function within<T>(clock: Clock, ms: number, late: () => Error, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(late()));
    work.then(resolve, reject).finally(cancel);
  });
}
