/**
 * How far a reader has handled one stream (source, boot, kind and key), whose sequence has no gaps at its writer. It tells
 * a repeat from what is new, and what is late from what is lost: a jump leaves a hole, and the hole may yet be filled.
 *
 *     1 2 3 . 5 6      high 6, holes [4-4]: a 3 is a repeat, a 4 is late and welcome, once
 */
export interface Watermark {
  /** The highest sequence handled. */
  readonly high: number;
  /** Ranges below it that never came, flat: from, to, from, to … */
  readonly holes: readonly number[];
}

/** More holes than this, and the oldest is given up as lost for good. */
const maxHoles = 64;

/** The watermark after a sequence was handled; undefined when it had been handled before. */
export function advance(mark: Watermark | undefined, sequence: number): Watermark | undefined {
  // A reader that joins late has missed nothing that was meant for it, yet a straggler may still come.
  if (!mark) return { high: sequence, holes: sequence > 1 ? [1, sequence - 1] : [] };
  if (sequence === mark.high + 1) return { high: sequence, holes: mark.holes };
  if (sequence > mark.high) return { high: sequence, holes: [...mark.holes, mark.high + 1, sequence - 1].slice(-2 * maxHoles) };
  for (let index = 0; index < mark.holes.length; index += 2) {
    const from = mark.holes[index] ?? 0;
    const to = mark.holes[index + 1] ?? 0;
    if (sequence < from || sequence > to) continue;
    const rest = [...(from < sequence ? [from, sequence - 1] : []), ...(sequence < to ? [sequence + 1, to] : [])];
    return { high: mark.high, holes: [...mark.holes.slice(0, index), ...rest, ...mark.holes.slice(index + 2)] };
  }
  return undefined;
}
