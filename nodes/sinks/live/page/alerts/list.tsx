/**
 * Alerts one under the other. Each has its place by a transform, and all have one height: one that comes lets the others glide to
 * where they belong, and nothing jumps under a finger.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Episode } from '../../episodes.ts';
import { useKeys } from '../keys.ts';
import { plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import type { Group } from './arrange.ts';
import { Row } from './row.tsx';

const heights = { wide: { row: 50, title: 34 }, narrow: { row: 92, title: 34 } } as const;
const [firstRows, moreRows] = [150, 300];

export function List({ groups, open, onOpen }: { groups: readonly Group[]; open: string | undefined; onOpen: (episode: Episode) => void }) {
  const box = useRef<HTMLUListElement>(null);
  const [narrow, setNarrow] = useState(false);
  const [most, setMost] = useState(firstRows);
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    const measure = () => setNarrow(current.clientWidth < 680);
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    measure();
    return () => observer.disconnect();
  }, []);
  const step = (by: number) => {
    const rows: Element[] = [...(box.current?.querySelectorAll('.alert') ?? [])];
    const at = document.activeElement ? rows.indexOf(document.activeElement) : -1;
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
    if (!(next instanceof HTMLElement)) return rows.length > 0;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
    return true;
  };
  useKeys([
    { key: 'ArrowDown', does: 'next alert; Enter opens it', press: () => step(1) },
    { key: 'ArrowUp', does: 'alert before', press: () => step(-1) },
  ]);

  const size = heights[narrow ? 'narrow' : 'wide'];
  const placed: { top: number; episode?: Episode; group?: Group }[] = [];
  let top = 0;
  let rows = 0;
  for (const group of groups) {
    if (rows >= most) break;
    if (group.title !== '') {
      placed.push({ top, group });
      top += size.title;
    }
    for (const episode of group.rows) {
      if (rows++ >= most) break;
      placed.push({ top, episode });
      top += size.row;
    }
  }
  const all = groups.reduce((sum, group) => sum + group.rows.length, 0);
  return (
    <>
      <ul ref={box} class={`alert-list ${narrow ? 'narrow' : ''}`} style={{ height: `${top}px` }} aria-label="Alerts">
        {placed.map(({ top: at, episode, group }) =>
          episode ? (
            <li key={episode.id} class="placed" style={{ transform: `translateY(${at}px)`, height: `${size.row}px` }}>
              <Row episode={episode} open={open !== undefined && episode.event === open} onOpen={() => onOpen(episode)} />
            </li>
          ) : (
            group && (
              <li key={`group ${group.title}`} class="placed group" style={{ transform: `translateY(${at}px)`, height: `${size.title}px` }}>
                <h3>
                  <bdi>{inert(group.title)}</bdi>{' '}
                  <small>
                    {group.open > 0
                      ? `${group.open} of ${plural(group.rows.length, 'alert')} not over`
                      : plural(group.rows.length, 'alert')}
                  </small>
                </h3>
              </li>
            )
          ),
        )}
      </ul>
      {all > most && (
        <p class="alerts-more">
          <button type="button" onClick={() => setMost(most + moreRows)}>
            Show {Math.min(moreRows, all - most)} more of {all}
          </button>
        </p>
      )}
    </>
  );
}
