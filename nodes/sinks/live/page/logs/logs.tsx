/**
 * The log of all servers: live as it comes, sampled where it comes faster than anyone reads, with the count of what is not shown; back into
 * what was kept; each line with its fields and what stands around it. The address holds what is asked.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import './logs.css';
import './rows.css';
import './whole.css';
import { useKeys } from '../keys.ts';
import { type Cell, cell, useCells } from '../parts/cell.ts';
import { Empty } from '../parts/empty.tsx';
import { formatClock, formatDay } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { paused, second, servers } from '../view.ts';
import type { Line as Wire } from '../wire/line.ts';
import { type Asked, addressed, addTerm, ownAsked, pickedMark, wantedOf } from './asked.ts';
import { Bar } from './bar.tsx';
import { Histogram } from './histogram.tsx';
import { createReel, type Reel } from './reel.ts';
import { type Line, markOf } from './roll.ts';
import type { Look } from './row.tsx';
import { Rows } from './rows.tsx';
import { Whole } from './whole.tsx';

/** Milliseconds between pressing pause and what it says: then the reader stopped what he saw, and chose no other time. */
const justNow = 3_000;
const wrapping = cell(false);

export interface LogsProps {
  readonly line: Wire;
  /** `page`: all of it, in the address. `dock`: a few lines in a small place, of one server where it is named. */
  readonly size: 'page' | 'dock';
  readonly server?: string | undefined;
}

export function Logs({ line, size, server }: LogsProps) {
  const whole = size === 'page';
  const asked = useMemo(() => (whole ? addressed : ownAsked()), [whole]);
  const ownPicked = useMemo(() => cell(''), []);
  const picked: Cell<string> = whole ? pickedMark : ownPicked;
  const reel = useMemo(() => createReel(line), [line]);
  useCells(asked.text, asked.regex, asked.severity, asked.terms, servers, paused, picked, reel.status, wrapping);
  const [follow, setFollow] = useState(true);
  const question = JSON.stringify(wantedOf(asked, server !== undefined ? [server] : servers.value));
  const wanted = useMemo(() => JSON.parse(question) as Record<string, unknown>, [question]);
  useAsking(reel, wanted, setFollow);
  const { past } = reel;
  const text = asked.regex.value === 'regex' ? '' : asked.text.value.trim();
  const look = useMemo<Look>(() => ({ text, wrap: wrapping.value }), [text, wrapping.value]);
  const { rows } = reel.roll;

  const pick = (chosen: Line) => {
    picked.set(picked.value === markOf(chosen) ? '' : markOf(chosen));
    // What is read must not run away.
    setFollow(false);
  };
  const step = (by: number) => {
    const lines = rows.filter((row) => row.line);
    const at = lines.findIndex((row) => row.line && markOf(row.line) === picked.value);
    const to = lines[at < 0 ? lines.length - 1 : Math.max(0, Math.min(lines.length - 1, at + by))]?.line;
    if (!to) return false;
    setFollow(false);
    picked.set(markOf(to));
    return true;
  };
  useKeys(
    whole
      ? [
          { key: 'ArrowUp', does: 'the line before', press: () => step(-1) },
          { key: 'ArrowDown', does: 'the line after', press: () => step(1) },
          { key: 'Escape', press: () => picked.value !== '' && document.activeElement?.tagName !== 'INPUT' && picked.set('') },
          { key: 'w', does: 'wraps long lines', press: () => wrapping.set(!wrapping.value) },
          { key: 'e', does: 'goes to the end of the log', press: () => setFollow(true) },
        ]
      : [],
  );

  return (
    <section class={`logs ${size}`} aria-label="Log">
      <header>
        <h2>Log</h2>
        <Bar asked={asked} reel={reel} small={!whole} />
        {whole && (
          <button type="button" aria-pressed={wrapping.value} onClick={() => wrapping.set(!wrapping.value)} title="Wrap long lines  w">
            Wrap
          </button>
        )}
      </header>
      {whole && <Histogram reel={reel} wanted={wanted} />}
      <Said reel={reel} />
      <div class="reel">
        <Rows
          reel={reel}
          look={look}
          follow={follow}
          setFollow={setFollow}
          past={past}
          picked={picked.value}
          pick={pick}
          onField={(name, value, not) => addTerm(asked, { of: 'field', name, value, not })}
        />
        {rows.length === 0 && <Nothing reel={reel} asked={asked} />}
        {!follow && !past && (
          <button type="button" class="to-end" onClick={() => setFollow(true)} title="e">
            ↓ To the newest
          </button>
        )}
      </div>
      {picked.value !== '' && (
        <Whole
          mark={picked.value}
          known={rows.find((row) => row.line && markOf(row.line) === picked.value)?.line}
          text={text}
          close={() => picked.set('')}
          pick={(chosen) => picked.set(markOf(chosen))}
          add={(term) => addTerm(asked, term)}
        />
      )}
    </section>
  );
}

/** Asks whenever the question or the time changes; who only stops what he sees keeps it. */
function useAsking(reel: Reel, wanted: Record<string, unknown>, setFollow: (follow: boolean) => void): void {
  const shown = useRef<{ readonly wanted: unknown; readonly at: number | undefined } | undefined>(undefined);
  const at = paused.value;
  useEffect(() => () => reel.close(), [reel]);
  useEffect(() => {
    const before = shown.current;
    if (before?.wanted === wanted && before.at === undefined && (at === undefined || now() - at < justNow))
      return reel.hold(at !== undefined);
    shown.current = { wanted, at };
    setFollow(true);
    reel.ask(wanted, at);
  }, [reel, wanted, at]);
}

/** One line, always there: what is not shown, and why. */
function Said({ reel }: { reel: Reel }) {
  useCells(reel.status, second);
  const { rates, error, behind, state, past } = reel;
  const count = (many: number) => many.toLocaleString('en');
  const oldest = reel.roll.rows.find((row) => row.line)?.line;
  return (
    <p class="rates" aria-live="off">
      {error !== '' && !error.startsWith('regex: ') && <strong class="problem">{inert(error)}</strong>}
      {past && (
        <span>
          lines until {paused.value !== undefined && `${formatDay(paused.value)} ${formatClock(paused.value)}`}, newest at the end
        </span>
      )}
      {rates && rates.notShown > 0 && (
        <strong class="sampled" title="So many come that they are sampled. Ask for fewer, or choose a time above to read all of it.">
          {count(rates.notShown)} of {count(rates.matched)} lines/s not shown
        </strong>
      )}
      {rates && (
        <span>
          {rates.matched === rates.seen ? `${count(rates.seen)} lines/s` : `${count(rates.matched)} of ${count(rates.seen)} lines/s fit`}
        </span>
      )}
      {rates && rates.unread > 0 && (
        <strong class="sampled">{count(rates.unread)} lines/s not looked at: this takes too long to look for</strong>
      )}
      {behind > 0 && <span>{count(behind)} came since it stands still</span>}
      {state === 'older' && <span>looking for older lines…</span>}
      {reel.begins && oldest && <span>begins at {formatClock(oldest.at)}</span>}
      <span class="count">{count(reel.roll.rows.length)} lines</span>
    </p>
  );
}

function Nothing({ reel, asked }: { reel: Reel; asked: Asked }) {
  const filtered = asked.text.value !== '' || asked.severity.value !== 'trace' || asked.terms.value.length > 0;
  if (reel.error !== '') return null;
  if (reel.state === 'none') return <Empty title="Asking…">Lines come as soon as sluice answers.</Empty>;
  if (reel.state === 'older') return <Empty title="Looking…">Going back through what was kept.</Empty>;
  if (filtered)
    return (
      <Empty title="No line fits">
        Change the text or the severity, or{' '}
        <button
          type="button"
          onClick={() => {
            asked.text.set('');
            asked.severity.set('trace');
            asked.terms.set([]);
          }}
        >
          ask for all lines
        </button>
      </Empty>
    );
  if (reel.past) return <Empty title="No lines until then">Nothing was kept of that time. Choose a later one, or go live.</Empty>;
  return (
    <Empty title="Waiting for the first line…">
      What is read is said in the config, as <code>logs: [journal, /var/log/*.log]</code>
    </Empty>
  );
}
