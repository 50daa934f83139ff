/** One alert in the list: how it stands, what it says, how far beyond its limit, where, since when. Its height is always the same. */
import type { Episode } from '../../episodes.ts';
import { useCells } from '../parts/cell.ts';
import { formatAge, formatClock, formatDay, formatQuantity } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { second } from '../view.ts';
import { hostOf, isOver, placeOf } from './arrange.ts';

export function Row({ episode, open, onOpen }: { episode: Episode; open: boolean; onOpen: () => void }) {
  const { severity, summary, action, rule } = episode;
  return (
    <button
      type="button"
      class={`alert ${severity} ${isOver(episode) ? 'over' : ''}`}
      aria-current={open ? 'true' : undefined}
      data-alert={episode.id}
      onClick={onOpen}
    >
      <span class="stand">
        <Badge episode={episode} />
        <small>{severity}</small>
      </span>
      <span class="alert-said">
        <bdi>{inert(summary.slice(0, 300))}</bdi>
        <small>
          <bdi>{inert((!isOver(episode) && action) || rule)}</bdi>
        </small>
      </span>
      <Quantity episode={episode} />
      <span class="whose">
        <bdi>{inert(hostOf(episode))}</bdi>
        <small>
          <bdi>{inert(placeOf(episode))}</bdi>
        </small>
      </span>
      <When episode={episode} />
    </button>
  );
}

/** The word of its state, in the colour of how bad it is. A word that this page does not know is shown as it is. */
export function Badge({ episode: { state, severity } }: { episode: Episode }) {
  return <span class={`badge is-${/^[a-z]+$/.test(state) ? state : 'other'} ${severity}`}>{inert(state)}</span>;
}

export function Quantity({ episode: { value, threshold, unit } }: { episode: Episode }) {
  if (value === undefined) return <span class="quantity" />;
  return (
    <span class="quantity">
      <b>{formatQuantity(value, unit)}</b>
      {threshold !== undefined && <small>limit {formatQuantity(threshold, unit)}</small>}
    </span>
  );
}

function When({ episode: { since, ended } }: { episode: Episode }) {
  useCells(second);
  const lasted = since > 0 ? formatAge((ended ?? now()) - since) : 'unknown';
  const at = ended ?? since;
  return (
    <span class="when">
      <time>{at > 0 ? (now() - at > 43_200_000 ? `${formatDay(at).slice(5)} ${formatClock(at).slice(0, 5)}` : formatClock(at)) : '–'}</time>
      <small>{ended === undefined ? `for ${lasted}` : `lasted ${lasted}`}</small>
    </span>
  );
}
