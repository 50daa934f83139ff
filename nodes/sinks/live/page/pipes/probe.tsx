/**
 * A probe on a pipe: what flows, what it is like, who writes it and how much of it. It begins in the past, shows a part as it comes and
 * knows all of it; what it caught is kept as a fixture.
 */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ProbeReport } from 'sluice';
import { bound } from '../address.ts';
import { useCells } from '../parts/cell.ts';
import { formatClock, formatDay, formatValue } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { paused, servers, span, togglePause } from '../view.ts';
import type { Line } from '../wire/line.ts';
import { type Caught, createNet, download, fileName, linesOf, type WireEvent } from './caught.ts';
import { Fields } from './fields.tsx';
import { colourOf, formatRate, type Graph } from './graph.ts';
import { about, field, of, reader, where } from './opened.ts';
import { Counts, Meter } from './plot.tsx';

const rates = [5, 20, 100, 500] as const;
const rate = bound<number>('rate', {
  read: (written) => rates.find((each) => String(each) === written) ?? 20,
  write: (value) => (value === 20 ? undefined : String(value)),
});

interface ProbeFrame {
  readonly error?: string;
  readonly events?: readonly WireEvent[];
  readonly report?: ProbeReport;
  readonly past?: { readonly from?: number; readonly stored: number; readonly whole: boolean; readonly error?: string };
  readonly skipped?: number;
  readonly dropped?: number;
}

interface Seen {
  readonly report: ProbeReport | undefined;
  readonly past: ProbeFrame['past'];
  readonly skipped: number;
  readonly latest: readonly Caught[];
  readonly caught: number;
  readonly error: string | undefined;
}

const nothing: Seen = { report: undefined, past: undefined, skipped: 0, latest: [], caught: 0, error: undefined };
const mostRows = 60;

export function ProbePanel({ kind, graph, line, close }: { kind: string; graph: Graph; line: Line; close: () => void }) {
  useCells(of, reader, where, about, field, rate, span, servers, paused);
  const patterns = graph.reads.find((each) => each.node === reader.value && each.kind === kind)?.patterns;
  const request = JSON.stringify(requestOf(kind, patterns));
  const [net] = useState(createNet);
  const seen = useProbe(line, request, net);
  const { report, past, skipped } = seen;
  const chosen = useMemo(() => new Set(where.value), [where.value]);
  const toggle = (word: string) => where.set(chosen.has(word) ? where.value.filter((each) => each !== word) : [...where.value, word]);
  const seconds = Math.min(300, span.value);
  const perSecond = report ? meanOf(report.counts.slice(-10)) : 0;
  const last = report?.meter?.findLast((each) => each !== null);
  const save = () => download(fileName(kind, of.value), linesOf(net.all));

  return (
    <aside class="panel probe" aria-label={`Probe of ${inert(kind)}`}>
      <header style={{ color: colourOf(kind) }}>
        <i class="pipe-mark" />
        <h2>{inert(kind)}</h2>
        <small>a probe</small>
        <label>
          shows{' '}
          <select
            value={rate.value}
            onChange={({ currentTarget }) => rate.set(Number(currentTarget.value))}
            aria-label="Events a second that are shown"
          >
            {rates.map((each) => (
              <option key={each} value={each}>
                {each}/s
              </option>
            ))}
          </select>
        </label>
        <button type="button" aria-pressed={paused.value !== undefined} onClick={togglePause} title="Space">
          {paused.value === undefined ? 'Hold' : 'Go on'}
        </button>
        <button
          type="button"
          onClick={save}
          disabled={seen.caught === 0}
          title={`As a fixture: sluice test <node> --given ${fileName(kind, of.value)}`}
        >
          Save {seen.caught.toLocaleString('en')}
        </button>
        <button type="button" class="icon" onClick={close} aria-label="Close" title="Esc">
          ✕
        </button>
      </header>
      <ul class="chips">
        {of.value !== '' && <Chip name="written by" value={of.value} clear={() => of.set('')} />}
        {reader.value !== '' && <Chip name="read by" value={reader.value} clear={() => reader.set('')} />}
        {about.value !== '' && <Chip name="about" value={about.value} clear={() => about.set('')} />}
        {where.value.map((word) => (
          <Chip key={word} name={pathIn(word)} value={valueIn(word)} clear={() => toggle(word)} />
        ))}
      </ul>
      {seen.error !== undefined && <p class="error">{inert(seen.error)}</p>}
      {!report && seen.error === undefined && <p class="note waiting">Looking back…</p>}
      {report && (
        <>
          <p class="sum">
            <b>{perSecond > 0 ? formatRate(perSecond) : '0/s'}</b>
            <span>
              {report.events.toLocaleString('en')} {report.events === 1 ? 'event' : 'events'}
              {past?.from !== undefined &&
                ` since ${now() - past.from > 43_200_000 ? `${formatDay(past.from)} ` : ''}${formatClock(past.from)}`}
              {past !== undefined && past.stored > 0 && `, ${past.stored.toLocaleString('en')} from the store`}
            </span>
            {skipped > 0 && <span class="warn">{skipped.toLocaleString('en')} not shown</span>}
            {report.unshaped > 0 && <span class="warn">{report.unshaped.toLocaleString('en')} only counted</span>}
            {report.partial > 0 && <span class="warn">{report.partial.toLocaleString('en')} too large to be seen whole</span>}
            {past?.error !== undefined && <span class="bad">the store failed: {inert(past.error)}</span>}
          </p>
          <Counts counts={report.counts} seconds={seconds} />
          {report.meter && (
            <section class="follows">
              <h3>
                {inert(field.value)}
                {last && <output>{plain(last[1])}</output>}
              </h3>
              <Meter readings={report.meter} seconds={seconds} />
            </section>
          )}
          <section>
            <h3>
              Structure <small>of all {report.events.toLocaleString('en')}</small>
            </h3>
            {report.events === 0 ? (
              <p class="note">
                {where.value.length > 0
                  ? 'Nothing fits yet; take a filter away.'
                  : 'Nothing has flowed here yet; what comes is shown at once.'}
              </p>
            ) : (
              <Fields
                fields={report.fields}
                events={report.events - report.unshaped}
                chosen={chosen}
                followed={field.value}
                filter={(path, value) => toggle(`${encodeURIComponent(path)}=${value}`)}
                follow={(path) => field.set(path)}
              />
            )}
            {report.more && <p class="note">There are more fields than are told apart.</p>}
          </section>
          <div class="tops">
            <Top
              title="Written by"
              counted={report.sources}
              shown={(source) => source.split('/').slice(4).join(' ')}
              choose={(source) => of.set(source)}
            />
            <Top title="About" counted={report.keys} shown={(key) => key.split('.').slice(3).join(' ')} choose={(key) => about.set(key)} />
          </div>
          <section>
            <h3>
              Caught <small>the latest of {seen.caught.toLocaleString('en')}</small>
            </h3>
            <ol class="caught">
              {seen.latest.map((each) => (
                <Row key={each.event.id} caught={each} />
              ))}
            </ol>
          </section>
        </>
      )}
    </aside>
  );
}

/** What is asked of the channel, as the address says it. */
function requestOf(kind: string, patterns: readonly string[] | undefined) {
  const keys =
    about.value !== '' ? [about.value] : patterns && reader.value !== '' ? patterns : servers.value.map((server) => `${server}.#`);
  const topics = keys.length > 0 ? keys.slice(0, 32).map((pattern) => ({ kind, pattern })) : { kind };
  const paths = new Map<string, string[]>();
  for (const word of where.value) paths.set(pathIn(word), [...(paths.get(pathIn(word)) ?? []), valueIn(word)]);
  return {
    topics,
    since: `${Math.min(span.value, 86_400)}s`,
    rate: rate.value,
    // A process signs its heartbeats with a name of their own.
    ...(of.value !== '' && { source: of.value === 'sluice' && kind === 'heartbeat' ? kind : of.value }),
    ...(paths.size > 0 && { where: Object.fromEntries(paths) }),
    ...(field.value !== '' && { meter: field.value }),
  };
}

/** Asks, and takes what comes at most ten times a second: nobody reads faster. */
function useProbe(line: Line, request: string, net: ReturnType<typeof createNet>): Seen {
  const [seen, setSeen] = useState<Seen>(nothing);
  const held = useRef<Seen>(nothing);
  useCells(paused);
  useEffect(() => {
    let timer = 0;
    net.clear();
    held.current = nothing;
    setSeen(nothing);
    const show = () => {
      timer = 0;
      if (paused.value === undefined || !held.current.report) setSeen(held.current);
    };
    const end = line.ask<ProbeFrame>({ probe: JSON.parse(request) as object }, (frame, { first }) => {
      if (frame.events && paused.value === undefined) net.add(frame.events, first ? 'past' : now());
      const { current } = held;
      held.current = {
        report: frame.report ?? current.report,
        past: frame.past ?? current.past,
        skipped: frame.skipped ?? current.skipped,
        latest: net.all.slice(-mostRows).reverse(),
        caught: net.all.length,
        error: frame.error,
      };
      if (timer === 0) timer = window.setTimeout(show, first ? 0 : 100);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [line, request, net]);
  return seen;
}

function Chip({ name, value, clear }: { name: string; value: string; clear: () => void }) {
  return (
    <li>
      <button type="button" class="chip" onClick={clear} title="Take it away">
        <small>{inert(name)}</small> <bdi>{inert(value)}</bdi> ✕
      </button>
    </li>
  );
}

interface TopGiven {
  readonly title: string;
  readonly counted: ProbeReport['keys'];
  readonly shown: (value: string) => string;
  readonly choose: (value: string) => void;
}

function Top({ title, counted, shown, choose }: TopGiven) {
  const most = Math.max(1, ...counted.map(({ count, error }) => count + error));
  return (
    <section>
      <h3>{title}</h3>
      <ul class="top-list">
        {counted.slice(0, 8).map(({ value, count, error }) => (
          <li key={value}>
            <button type="button" onClick={() => choose(value)} title={inert(value)}>
              <i style={{ width: `${((count + error) / most) * 100}%` }} />
              <bdi>{inert(shown(value) || value)}</bdi>
              <span>
                {error > 0 ? '≈ ' : ''}
                {plain(count + error)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Row({ caught: { event } }: { caught: Caught }) {
  const [open, setOpen] = useState(false);
  const data = JSON.stringify(event.data);
  return (
    <li>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <time>{formatClock(Date.parse(event.time), 'milliseconds')}</time>
        <b>{inert(event.subject.split('.').slice(3).join(' '))}</b>
        {!open && <code>{inert(data.slice(0, 200))}</code>}
      </button>
      {open && <pre>{inert(JSON.stringify(event, undefined, 2).slice(0, 20_000), 'lines')}</pre>}
    </li>
  );
}

const plain = (value: number) => formatValue(value, { as: 'number', per: '', noun: '' }).trim();
const meanOf = (counts: readonly number[]) => (counts.length === 0 ? 0 : counts.reduce((sum, each) => sum + each, 0) / counts.length);
const pathIn = (word: string): string => {
  try {
    return decodeURIComponent(word.slice(0, word.indexOf('=')));
  } catch {
    return word.slice(0, word.indexOf('='));
  }
};
const valueIn = (word: string): string => word.slice(word.indexOf('=') + 1);
