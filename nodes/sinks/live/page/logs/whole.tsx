/** A line whole: what it says, its fields, where it comes from, and the lines around it. From here to the charts of its moment. */
import { useEffect, useState } from 'preact/hooks';
import { go } from '../address.ts';
import { formatClock, formatDay } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { lookAt, servers } from '../view.ts';
import type { Term } from './asked.ts';
import { type Around, askAround, plain } from './past.ts';
import { type Line, markOf } from './roll.ts';
import { fileOf, hostOf, Marked, serverOf, spansOf } from './row.tsx';

/** Milliseconds before and after a line that its charts show. */
const moment = 150_000;

interface WholeProps {
  /** `<at>.<line>.<id>` */
  readonly mark: string;
  /** The line as the row has it, where it is there. */
  readonly known: Line | undefined;
  readonly text: string;
  readonly close: () => void;
  readonly pick: (line: Line) => void;
  readonly add: (term: Term) => void;
}

export function Whole({ mark, known, text, close, pick, add }: WholeProps) {
  const [around, setAround] = useState<Around | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const [, , line = '', id = ''] = /^(\d+)\.(\d+)\.(.+)$/s.exec(mark) ?? [];
    const asking = new AbortController();
    setProblem('');
    setCopied(false);
    // The arrows may run over many lines: only the one that they stop at is asked for.
    const waiting = setTimeout(() => {
      askAround(id, Number(line), asking.signal).then(setAround, (thrown: unknown) => {
        if (!asking.signal.aborted) setProblem(plain(thrown instanceof Error ? thrown.message : String(thrown)));
      });
    }, 120);
    return () => {
      clearTimeout(waiting);
      asking.abort();
    };
  }, [mark]);

  const own = around && markOf(around.line) === mark ? around : undefined;
  // Where an expression matched, only the row knows: the line is asked for without one.
  const line = own ? { ...own.line, ...(known?.spans && { spans: known.spans }) } : known;
  if (!line)
    return (
      <aside class="whole" aria-label="The chosen line">
        <p class="of">
          {problem || 'Looking for the line…'}
          <Close close={close} />
        </p>
      </aside>
    );
  const server = serverOf(line.key);
  const host = unquoted(line);
  return (
    <aside class="whole" aria-label="The chosen line">
      <p class="of">
        <time>
          {formatDay(line.at)} {formatClock(line.at, 'milliseconds')}
        </time>
        <span class={`is ${line.severity}`}>{line.severity}</span>
        <Facet shown={hostOf(line.key)} term={{ of: 'host', name: '', value: host, not: false }} add={add} />
        <Facet shown={inert(fileOf(line))} term={{ of: 'file', name: '', value: fileOf(line), not: false }} add={add} />
        {line.written !== undefined && (
          <small>{line.written === null ? 'it has no time of its own: this is when it was read' : `it says ${inert(line.written)}`}</small>
        )}
        <span class="does">
          <button
            type="button"
            onClick={() => {
              servers.set([server]);
              lookAt(line.at - moment, line.at + moment);
              go('charts');
            }}
          >
            Charts of this moment
          </button>
          <button type="button" onClick={() => lookAt(line.at - moment, line.at + 1000)}>
            Log until here
          </button>
          <button
            type="button"
            onClick={() =>
              void navigator.clipboard?.writeText(line.body).then(
                () => setCopied(true),
                () => {},
              )
            }
          >
            {copied ? 'Copied' : 'Copy'}
          </button>
          <Close close={close} />
        </span>
      </p>
      <div class="parts">
        <div class="said">
          <pre>
            <bdi>
              <Marked body={line.body} spans={spansOf(line, text)} length={Number.POSITIVE_INFINITY} keep="lines" />
            </bdi>
            {!own && line.rest !== undefined && '…'}
            {line.cut !== undefined && `\n… ${line.cut.toLocaleString('en')} bytes more were cut where it was read`}
          </pre>
          {line.fields && (
            <dl>
              {Object.entries(line.fields).map(([name, value]) => (
                <div key={name}>
                  <dt>
                    <bdi>{inert(name)}</bdi>
                  </dt>
                  <dd>
                    <Facet shown={inert(String(value))} term={{ of: 'field', name, value: String(value), not: false }} add={add} />
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </div>
        <div class="around">
          <h3>Around it, in its source</h3>
          {problem && <p class="problem">{problem}</p>}
          {own && (
            <ol>
              {[...own.before].reverse().map((each) => (
                <Near key={markOf(each)} line={each} pick={pick} />
              ))}
              <Near key={mark} line={own.line} pick={pick} current />
              {own.after.map((each) => (
                <Near key={markOf(each)} line={each} pick={pick} />
              ))}
            </ol>
          )}
          {own && own.before.length === 0 && own.after.length === 0 && <p>There is no other line of it.</p>}
        </div>
      </div>
    </aside>
  );
}

function Near({ line, pick, current = false }: { line: Line; pick: (line: Line) => void; current?: boolean }) {
  return (
    <li
      class={`${line.severity}${current ? ' current' : ''}`}
      ref={(element) => {
        const list = current ? element?.closest<HTMLElement>('.around') : undefined;
        // Only the list moves, not the page.
        if (list && element && list.scrollTop === 0) list.scrollTop = element.offsetTop - list.clientHeight / 2;
      }}
    >
      <button type="button" onClick={() => pick(line)} aria-current={current || undefined}>
        <time>{formatClock(line.at, 'milliseconds')}</time> <bdi>{inert(line.body.slice(0, 400))}</bdi>
      </button>
    </li>
  );
}

/** A value with what makes it a filter. */
function Facet({ shown, term, add }: { shown: string; term: Term; add: (term: Term) => void }) {
  return (
    <span class="facet">
      <bdi>{shown}</bdi>
      <button type="button" onClick={() => add(term)} title="Only lines with this" aria-label={`Only lines with ${shown}`}>
        +
      </button>
      <button
        type="button"
        onClick={() => add({ ...term, not: true })}
        title="Without lines with this"
        aria-label={`Without lines with ${shown}`}
      >
        −
      </button>
    </span>
  );
}

const Close = ({ close }: { close: () => void }) => (
  <button type="button" class="close" onClick={close} aria-label="Close the line" title="Esc">
    ✕
  </button>
);

function unquoted({ key }: Line): string {
  try {
    return decodeURIComponent(key.split('.', 4)[3] ?? '');
  } catch {
    return key.split('.', 4)[3] ?? '';
  }
}
