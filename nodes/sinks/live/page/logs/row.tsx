/** One line of a log in a row: when, where, how bad, what, and its first fields. Made once for each line, however often rows are drawn. */
import type { VNode } from 'preact';
import { formatClock, formatDay } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { findText, pieces, type Span } from './marked.ts';
import type { Line } from './roll.ts';

/** Characters that a row has room for, and one that is wrapped. */
const rowLength = 600;
export const wrappedLength = 2_000;
const mostFields = 6;
const fieldLength = 60;

/** What of a row's content changes: text that is set off, and whether it is wrapped. */
export interface Look {
  /** Plain text that is searched for; the places of a regular expression come with the line. */
  readonly text: string;
  readonly wrap: boolean;
}

const made = new WeakMap<Line, { readonly look: Look; readonly content: VNode }>();

/** The same element for the same line and look: it is then left as it is. */
export function contentOf(line: Line, look: Look): VNode {
  const before = made.get(line);
  if (before && before.look === look) return before.content;
  const content = <Content line={line} look={look} />;
  made.set(line, { look, content });
  return content;
}

function Content({ line, look }: { line: Line; look: Look }) {
  return (
    <>
      <time title={timeTitle(line)} class={line.written ? 'read' : undefined}>
        {now() - line.at > 43_200_000 && `${formatDay(line.at)} `}
        {formatClock(line.at, 'milliseconds')}
      </time>
      <bdi class="host">{hostOf(line.key)}</bdi>
      <bdi class="file" title={inert(fileOf(line))}>
        {inert(fileOf(line).split('/').at(-1) || fileOf(line))}
      </bdi>
      <b>{line.severity}</b>
      <span class="body">
        <bdi>
          <Marked body={line.body} spans={spansOf(line, look.text)} length={look.wrap ? wrappedLength : rowLength} />
        </bdi>
        {line.fields &&
          Object.entries(line.fields)
            .slice(0, mostFields)
            .map(([name, value], index) => (
              <span key={name} class="field" data-field={index} title="Click: only lines with this. Shift-click: without it.">
                <bdi>{inert(name.slice(0, fieldLength))}</bdi>=<bdi>{inert(String(value).slice(0, fieldLength))}</bdi>
              </span>
            ))}
      </span>
    </>
  );
}

export function Marked({ body, spans, length, keep }: { body: string; spans: readonly Span[]; length: number; keep?: 'lines' }) {
  return (
    <>
      {pieces(body, spans, length, keep).map(({ text, hit }, index) => (hit ? <mark key={index}>{text}</mark> : text))}
      {body.length > length && '…'}
    </>
  );
}

export const spansOf = (line: Line, text: string): readonly Span[] => line.spans ?? (text === '' ? [] : findText(line.body, text));

function timeTitle({ at, written }: Line): string {
  const date = new Date(at).toISOString();
  if (written === undefined) return date;
  return written === null
    ? `${date}, when it was read: the line has no time`
    : `${date}, when it was read; the line says ${inert(written)}`;
}

export const hostOf = (key: string): string => inert(unescapeWord(key.split('.', 4)[3] ?? ''));
export const serverOf = (key: string): string => key.split('.', 4).join('.');

/** The file, or what the line is of where it is of none. */
export const fileOf = ({ key, file }: Line): string => file ?? key.split('.').slice(4).map(unescapeWord).join(' ').replace(/^log /, '');

export function unescapeWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
