/**
 * The log of all servers, live. Only the rows in sight exist; it follows the end until the reader scrolls up, and again when he
 * comes back to it. A chosen line is shown whole below.
 */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { useCells } from './cell.ts';
import { formatClock } from './format.ts';
import { inert } from './inert.ts';
import type { Line } from './lines.ts';
import { useMedia } from './media.ts';
import type { Model } from './model.ts';
import { createTail, type Filter, severities } from './tail.ts';
import { chosen, paused } from './view.ts';

/** Pixels of a row: on a narrow screen the text stands under its time and host. */
const rowHeights = { wide: 20, narrow: 38 };

export function Logs({ model, size }: { model: Model; size: 'dock' | 'page' }) {
  useCells(model.lines, chosen, paused);
  const [text, setText] = useState('');
  const [severity, setSeverity] = useState<Filter['severity']>('trace');
  const [follow, setFollow] = useState(true);
  const [picked, pick] = useState<Line | undefined>(undefined);
  const tail = useMemo(createTail, []);
  const frozen = useRef<readonly Line[] | undefined>(undefined);
  const looked = tail.look(model.lines.value, { text, severity, server: chosen.value });
  // What stands still keeps what it showed, unless the reader asks for something else.
  const question = `${text}\n${severity}\n${chosen.value}\n${paused.value}`;
  const asked = useRef(question);
  if (paused.value === undefined) frozen.current = undefined;
  else if (frozen.current === undefined || asked.current !== question) frozen.current = [...looked.rows];
  asked.current = question;
  const rows = frozen.current ?? looked.rows;

  return (
    <section class={`logs ${size}`} aria-label="Log">
      <header>
        <h2>Log</h2>
        <input
          type="search"
          placeholder="Filter lines"
          aria-label="Filter log lines by text"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <select
          aria-label="Least severity"
          value={severity}
          onChange={(event) => setSeverity(event.currentTarget.value as Filter['severity'])}
        >
          {Object.keys(severities).map((name) => (
            <option key={name} value={name}>
              {name === 'trace' ? 'all' : name === 'fatal' ? name : `${name} and worse`}
            </option>
          ))}
        </select>
        <span class="count">{rows.length.toLocaleString('en')} lines</span>
        <button type="button" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          Follow
        </button>
      </header>
      <Rows
        rows={rows}
        forgotten={frozen.current ? 0 : looked.forgotten}
        follow={follow && paused.value === undefined}
        setFollow={setFollow}
        picked={picked}
        pick={pick}
      />
      {rows.length === 0 && (
        <p class="quiet">
          {model.lines.value.from(0).length === 0
            ? 'Waiting for the first line… What is read: logs: in the config, such as journal or /var/log/*.log'
            : 'No line fits; change the filter.'}
        </p>
      )}
      {picked && <Whole line={picked} close={() => pick(undefined)} />}
    </section>
  );
}

interface RowsProps {
  readonly rows: readonly Line[];
  readonly forgotten: number;
  readonly follow: boolean;
  readonly setFollow: (follow: boolean) => void;
  readonly picked: Line | undefined;
  readonly pick: (line: Line | undefined) => void;
}

function Rows({ rows, forgotten, follow, setFollow, picked, pick }: RowsProps) {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const element = useRef<HTMLDivElement>(null);
  const rowHeight = useMedia('(max-width: 640px)') ? rowHeights.narrow : rowHeights.wide;
  const options = {
    count: rows.length,
    getScrollElement: () => element.current,
    estimateSize: () => rowHeight,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    overscan: 12,
    onChange: () => render(undefined),
  };
  // One for the component's life; its options are set below.
  const virtual = useMemo(() => new Virtualizer<HTMLDivElement, HTMLElement>(options), []);
  virtual.setOptions({ ...virtual.options, ...options });
  // Rows are measured by `rowHeight` alone.
  useLayoutEffect(() => virtual.measure(), [rowHeight]);
  useEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => {
    virtual._willUpdate();
    const box = element.current;
    if (!box) return;
    if (follow) box.scrollTop = box.scrollHeight;
    // What went at the head must not move what the reader looks at.
    else if (forgotten > 0) box.scrollTop -= forgotten * rowHeight;
  });
  const scrolled = () => {
    const box = element.current;
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < rowHeight * 1.5;
    if (atEnd !== follow) setFollow(atEnd);
  };

  return (
    <div
      class="rows"
      ref={element}
      onWheel={scrolled}
      onTouchMove={scrolled}
      onKeyUp={scrolled}
      onPointerUp={scrolled}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls can be scrolled with the keys, too
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label="Log lines"
    >
      <div class="all" style={{ height: `${virtual.getTotalSize()}px` }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const line = rows[index];
          if (!line) return null;
          const style = { transform: `translateY(${start}px)` };
          if (line.severity === 'gap')
            return (
              <div key={line.number} class="row gap" style={style}>
                {line.body}
              </div>
            );
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard's way to a whole line is the filter
            // biome-ignore lint/a11y/noStaticElementInteractions: as said
            <div
              key={line.number}
              class={`row ${line.severity}${picked === line ? ' picked' : ''}`}
              style={style}
              onClick={() => pick(picked === line ? undefined : line)}
            >
              <time>{formatClock(line.time)}</time>
              <bdi class="host">{line.host}</bdi>
              <b>{line.severity}</b>
              <bdi class="body">{line.body}</bdi>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Whole({ line, close }: { line: Line; close: () => void }) {
  return (
    <aside class="whole" aria-label="The chosen line">
      <p>
        <time>{formatClock(line.time, 'milliseconds')}</time> <bdi>{line.host}</bdi> <bdi>{line.from}</bdi> {line.severity}
        <button type="button" onClick={close} aria-label="Close the line">
          ✕
        </button>
      </p>
      <pre>
        <bdi>{inert(line.raw, 'lines')}</bdi>
        {line.cut !== undefined && `\n… ${line.cut.toLocaleString('en')} bytes more were cut`}
      </pre>
      {line.fields && (
        <dl>
          {Object.entries(line.fields).map(([name, value]) => (
            <div key={name}>
              <dt>
                <bdi>{inert(name)}</bdi>
              </dt>
              <dd>
                <bdi>{inert(String(value))}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </aside>
  );
}
