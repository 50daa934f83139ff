/**
 * How far a reader has handled one stream (source, boot, kind and key), whose sequence has no gaps at its writer. It tells
 * a repeat from what is new, and what is late from what is lost: a jump leaves a hole, and the hole may yet be filled.
 *
 *     1 2 3 . 5 6      high 6, holes [4-4]: a 3 is a repeat, a 4 is late and welcome, once
 *
 * What was written before the reader was there is no loss, though a straggler of it is welcome too.
 */
export interface Watermark {
  /** The highest sequence handled. */
  readonly high: number;
  /** The first sequence that was meant for this reader. */
  readonly start: number;
  /** Ranges below `high` that never came, flat: from, to, from, to … */
  readonly holes: readonly number[];
  /** How many events were in holes that were given up: they count as lost, and never come any more. */
  readonly given: number;
  /** How many events came again and were left out. */
  readonly repeats: number;
}

/** More holes than this, and the oldest is given up as lost for good. */
const maxHoles = 64;

const none: readonly number[] = [];

/**
 * The watermark after a sequence was handled; undefined when it had been handled before.
 *
 * @param joined what is missing below this sequence was never meant for this reader
 */
export function advance(mark: Watermark | undefined, sequence: number, joined = false): Watermark | undefined {
  if (!mark) {
    const holes = sequence > 1 ? [1, sequence - 1] : none;
    return { high: sequence, start: joined ? sequence : 1, holes, given: 0, repeats: 0 };
  }
  if (sequence === mark.high + 1 || (joined && sequence > mark.high)) return inTurn(mark, sequence);
  if (sequence > mark.high) return bounded({ ...mark, high: sequence, holes: [...mark.holes, mark.high + 1, sequence - 1] });
  for (let index = 0; index < mark.holes.length; index += 2) {
    const from = mark.holes[index] ?? 0;
    const to = mark.holes[index + 1] ?? 0;
    if (sequence < from || sequence > to) continue;
    const rest = [...(from < sequence ? [from, sequence - 1] : none), ...(sequence < to ? [sequence + 1, to] : none)];
    return bounded({ ...mark, holes: [...mark.holes.slice(0, index), ...rest, ...mark.holes.slice(index + 2)] });
  }
  return undefined;
}

/** The same with the next of its sequence: nearly all that ever happens, so it is spelt out, which is cheaper than a spread. */
const inTurn = ({ start, holes, given, repeats }: Watermark, high: number): Watermark => ({ high, start, holes, given, repeats });

/** How many events of the stream were meant for this reader and have not come. */
export function lostOf({ holes, start, given }: Watermark): number {
  let lost = given;
  for (let index = 0; index < holes.length; index += 2) lost += lostIn(holes[index] ?? 0, holes[index + 1] ?? 0, start);
  return lost;
}

/** The ranges that are lost and not given up, as pairs. */
export function gapsOf({ holes, start }: Watermark): [from: number, to: number][] {
  const gaps: [number, number][] = [];
  for (let index = 0; index < holes.length; index += 2) {
    const to = holes[index + 1] ?? 0;
    if (to >= start) gaps.push([Math.max(holes[index] ?? 0, start), to]);
  }
  return gaps;
}

const lostIn = (from: number, to: number, start: number): number => Math.max(0, to - Math.max(from, start) + 1);

function bounded(mark: Watermark): Watermark {
  const over = mark.holes.length - 2 * maxHoles;
  if (over <= 0) return mark;
  let { given } = mark;
  for (let index = 0; index < over; index += 2) given += lostIn(mark.holes[index] ?? 0, mark.holes[index + 1] ?? 0, mark.start);
  return { ...mark, holes: mark.holes.slice(over), given };
}

/** As it stands on the disk: nearly always two numbers and a time. */
export type Stored = [at: number, high: number, ...rest: (number | [start: number, given: number, repeats: number])[]];

export function toStored(mark: Watermark, at: number): Stored {
  const { high, start, holes, given, repeats } = mark;
  const plain = start === 1 && given === 0 && repeats === 0 && holes[0] !== 1;
  return plain ? [at, high, ...holes] : [at, high, [start, given, repeats], ...holes];
}

export function fromStored([, high, first, ...others]: Stored): Watermark {
  if (Array.isArray(first)) return { high, start: first[0], given: first[1], repeats: first[2], holes: others as number[] };
  const holes = (first === undefined ? none : [first, ...others]) as number[];
  // An earlier version knew no start: what was missing from the first on, it had joined too late for.
  return { high, start: holes[0] === 1 ? (holes[1] ?? 0) + 1 : 1, given: 0, repeats: 0, holes };
}
