/** What happened where the cursor points at the axis of time. */
import type { Mark } from '../../series/protocol.ts';
import { cell, useCells } from '../parts/cell.ts';
import { formatClock, formatDay } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import type { MarkBucket } from './markers.ts';
import { weightOf } from './markers.ts';

export interface Pointed {
  readonly bucket: MarkBucket;
  /** On the page, in pixels. */
  readonly left: number;
  readonly top: number;
}

export const pointed = cell<Pointed | undefined>(undefined);

const mostTold = 6;
const width = 320;

export function Tip() {
  useCells(pointed);
  const { value } = pointed;
  if (!value) return null;
  const { marks } = value.bucket;
  const left = Math.max(8, Math.min(innerWidth - width - 8, value.left - width / 2));
  return (
    <div
      class="tip"
      role="tooltip"
      style={{ left: `${left}px`, top: `${Math.min(innerHeight - 160, value.top + 8)}px`, width: `${width}px` }}
    >
      <ul>
        {marks.slice(0, mostTold).map((mark) => (
          <Told key={mark.id} mark={mark} />
        ))}
        {marks.length > mostTold && <li>and {marks.length - mostTold} more</li>}
      </ul>
    </div>
  );
}

export function Told({ mark }: { mark: Mark }) {
  return (
    <li class={weightOf(mark)}>
      <b>{mark.what}</b>{' '}
      <time>
        {now() - mark.time > 43_200_000 && `${formatDay(mark.time)} `}
        {formatClock(mark.time)}
      </time>{' '}
      <bdi>{inert(mark.host)}</bdi> {mark.text !== mark.what && <span>{inert(mark.text)}</span>}
    </li>
  );
}
