/**
 * Alerts and changes on the axis of time: small signs under the lines, those that would lie on each other as one.
 */
import type uPlot from 'uplot';
import type { Mark } from '../../series/protocol.ts';

export interface MarkBucket {
  /** Pixels from the left of the plot. */
  readonly left: number;
  readonly marks: readonly Mark[];
  /** Of the gravest. */
  readonly weight: 'critical' | 'warning' | 'info' | 'change';
}

/** Pixels that one sign takes. */
const width = 9;
/** More lines than this through the picture would hide it: then there are only signs. */
const mostLines = 8;

const weights = ['critical', 'warning', 'info', 'change'] as const;
export const weightOf = ({ what, severity }: Mark): MarkBucket['weight'] => {
  if (what === 'silent') return severity ?? 'critical';
  return what === 'firing' ? (severity ?? 'warning') : 'change';
};

/** @param marks in the order of time @param from and to in seconds since 1970 */
export function bucketsOf(marks: readonly Mark[], from: number, to: number, pixels: number): MarkBucket[] {
  const buckets: { left: number; marks: Mark[]; weight: MarkBucket['weight'] }[] = [];
  for (const mark of marks) {
    const left = ((mark.time / 1000 - from) / (to - from)) * pixels;
    if (left < 0 || left > pixels) continue;
    const last = buckets.at(-1);
    const weight = weightOf(mark);
    if (!last || left - last.left > width) buckets.push({ left, marks: [mark], weight });
    else {
      last.marks.push(mark);
      if (weights.indexOf(weight) < weights.indexOf(last.weight)) last.weight = weight;
    }
  }
  return buckets;
}

export const nearest = (buckets: readonly MarkBucket[], left: number): MarkBucket | undefined =>
  buckets
    .filter((each) => Math.abs(each.left - left) <= width)
    .sort((one, other) => Math.abs(one.left - left) - Math.abs(other.left - left))[0];

export function drawMarks(
  { ctx, bbox }: uPlot,
  buckets: readonly MarkBucket[],
  colours: Readonly<Record<MarkBucket['weight'], string>>,
): void {
  if (buckets.length === 0) return;
  const fine = devicePixelRatio;
  const bottom = bbox.top + bbox.height;
  const through = buckets.filter(({ weight }) => weight === 'critical' || weight === 'warning');
  ctx.save();
  for (const { left, weight } of buckets) {
    const x = bbox.left + left * fine;
    ctx.fillStyle = colours[weight];
    if (through.length <= mostLines && (weight === 'critical' || weight === 'warning')) {
      ctx.globalAlpha = 0.35;
      ctx.fillRect(x - fine / 2, bbox.top, fine, bbox.height);
    }
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.moveTo(x, bottom - 7 * fine);
    ctx.lineTo(x + 4 * fine, bottom);
    ctx.lineTo(x - 4 * fine, bottom);
    ctx.fill();
  }
  ctx.restore();
}
