/**
 * The rows of a log. Only those in sight exist. It follows the end until the reader scrolls up, and again when he comes back to it;
 * near its beginning it asks for what is older, and the reader's place stays where it was.
 */
import { elementScroll, measureElement, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import { useCells } from '../parts/cell.ts';
import { useMedia } from '../parts/media.ts';
import type { Reel } from './reel.ts';
import { type Line, markOf } from './roll.ts';
import { contentOf, type Look } from './row.tsx';

/** Pixels of a row: on a narrow screen the text stands under its time and host. */
const rowHeights = { wide: 20, narrow: 38 };
/** Pixels from the beginning at which older lines are asked for. */
const nearBeginning = 400;

export interface RowsProps {
  readonly reel: Reel;
  readonly look: Look;
  /** Whether the end is followed. */
  readonly follow: boolean;
  readonly setFollow: (follow: boolean) => void;
  /** A time was chosen: its end is not now. */
  readonly past: boolean;
  readonly picked: string;
  readonly pick: (line: Line) => void;
  /** A field's name and value were clicked. */
  readonly onField: (name: string, value: string, not: boolean) => void;
}

export function Rows({ reel, look, follow, setFollow, past, picked, pick, onField }: RowsProps) {
  useCells(reel.changed);
  const [, render] = useReducer((count: number) => count + 1, 0);
  const element = useRef<HTMLDivElement>(null);
  const narrow = useMedia('(max-width: 640px)');
  const rowHeight = narrow ? rowHeights.narrow : rowHeights.wide;
  const { rows } = reel.roll;
  const drawn = useRef('');
  const options = {
    count: rows.length,
    getScrollElement: () => element.current,
    estimateSize: () => rowHeight,
    getItemKey: (index: number) => rows[index]?.number ?? index,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    measureElement,
    overscan: 12,
    // What is in sight already need not be drawn again.
    onChange: () => (look.wrap || drawn.current !== rangeOf(virtual)) && render(undefined),
  };
  // One for the component's life; its options are set below.
  const virtual = useMemo(() => new Virtualizer<HTMLDivElement, HTMLElement>(options), []);
  virtual.setOptions({ ...virtual.options, ...options });
  useLayoutEffect(() => virtual.measure(), [rowHeight, look.wrap]);
  useEffect(() => virtual._didMount(), [virtual]);

  // Where the end is, is known before the browser has scrolled there: so no picture is without its rows.
  if (follow && virtual.scrollRect) virtual.scrollOffset = Math.max(0, virtual.getTotalSize() - virtual.scrollRect.height);
  const items = virtual.getVirtualItems();
  drawn.current = rangeOf(virtual);

  const head = useRef<{ first: number | undefined; size: number }>({ first: undefined, size: 0 });
  useLayoutEffect(() => {
    virtual._willUpdate();
    const box = element.current;
    if (!box) return;
    const size = virtual.getTotalSize();
    const [first] = rows;
    const forgotten = reel.roll.forgotten();
    if (follow) box.scrollTop = size;
    else if (forgotten > 0) box.scrollTop -= forgotten * rowHeight;
    // What came at the head must not move what the reader looks at.
    else if (head.current.first !== undefined && first && first.number < head.current.first) box.scrollTop += size - head.current.size;
    head.current = { first: first?.number, size };
    if ((!follow || size < box.clientHeight) && box.scrollTop < nearBeginning && reel.state === 'shown' && (rows.length > 0 || past))
      reel.older();
  });
  const scrolled = () => {
    const box = element.current;
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < rowHeight * 1.5;
    // Of the past the end is only as far as was read: it is not run after.
    if (atEnd && past && !follow) reel.newer();
    if (follow !== atEnd && !(atEnd && past)) setFollow(atEnd);
    if (box.scrollTop < nearBeginning) reel.older();
  };
  const clicked = (event: MouseEvent, line: Line) => {
    const field = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>('[data-field]')?.dataset.field : undefined;
    const entry = field === undefined ? undefined : Object.entries(line.fields ?? {})[Number(field)];
    if (entry) onField(entry[0], String(entry[1]), event.shiftKey || event.altKey);
    else if (getSelection()?.isCollapsed !== false) pick(line);
  };

  return (
    <div
      class={`rows${look.wrap ? ' wrap' : ''}`}
      ref={element}
      onScroll={scrolled}
      onWheel={({ deltaY }) => {
        if (deltaY < 0 && follow) setFollow(false);
        // At the very end there is nothing left to scroll, and more to be had.
        else if (deltaY > 0 && past) {
          setFollow(false);
          scrolled();
        }
      }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls can be scrolled with the keys, too
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label="Log lines"
    >
      <div class="all" style={{ height: `${virtual.getTotalSize()}px` }}>
        {items.map(({ index, start }) => {
          const row = rows[index];
          if (!row) return null;
          const { line } = row;
          const style = { transform: `translateY(${start}px)` };
          const measured = look.wrap ? { ref: virtual.measureElement, 'data-index': index } : {};
          if (!line)
            return (
              <div key={row.number} class="row gap" style={style} {...measured}>
                {row.said}
              </div>
            );
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: with the keyboard lines are chosen by the arrows
            // biome-ignore lint/a11y/noStaticElementInteractions: as said
            <div
              key={row.number}
              class={`row ${line.severity}${picked !== '' && picked === markOf(line) ? ' picked' : ''}`}
              style={style}
              onClick={(event) => clicked(event, line)}
              {...measured}
            >
              {contentOf(line, look)}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const rangeOf = ({ range }: Virtualizer<HTMLDivElement, HTMLElement>): string => (range ? `${range.startIndex}-${range.endIndex}` : '');
