/**
 * A chart with its title and legend: small among others, or large with its controls. Its height does not change with what is in it.
 */
import { useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import { go, step } from '../address.ts';
import { useCells } from '../parts/cell.ts';
import { formatClock, formatDay, formatValue } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { paused, range, span } from '../view.ts';
import type { Line as Wire } from '../wire/line.ts';
import { Controls } from './controls.tsx';
import type { Family } from './families.ts';
import type { Feed } from './feed.ts';
import { Legend, writeValues } from './legend.tsx';
import { near } from './lines.ts';
import { questionsOf, type Scope } from './looks.ts';
import { bucketsOf, type MarkBucket } from './markers.ts';
import type { Timeline } from './marks.ts';
import { gestures } from './moment.ts';
import { createPicture, type Picture } from './picture.ts';
import type { Palette } from './plot.ts';
import { looks, opened } from './settings.ts';
import { pointed } from './tip.tsx';

/** Lines that an eye can follow in a small chart, and in one that was opened. */
const few = 6;
const many = 40;
/** What comes through a busy broker comes later than it was measured: only after this long it is not the latest any more. */
const lateSeconds = 15;

export interface CardProps {
  readonly family: Family;
  readonly line: Wire;
  readonly scope: Scope;
  readonly palette: Palette;
  readonly timeline: Timeline;
  readonly large?: boolean;
  /** A chart of which there is nothing is not shown. */
  readonly sparse?: boolean;
}

export function Card({ family, line, scope, palette, timeline, large = false, sparse = false }: CardProps) {
  useCells(looks, span, paused);
  const [, render] = useReducer((count: number) => count + 1, 0);
  const root = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLElement>(null);
  const figure = useRef<HTMLSpanElement>(null);
  const picture = useRef<Picture | undefined>(undefined);
  const asked = questionsOf(family, looks.value.get(family.id) ?? {}, scope);
  const { questions, stacked } = asked;
  // Parts of a whole are drawn whole, or they would not be the sum: only their legend is cut.
  const most = stacked || large ? many : questions.length > 1 ? few - 1 : few;
  const key = JSON.stringify([questions, stacked, most]);

  useLayoutEffect(() => {
    if (!root.current) return;
    let hovered: number | undefined;
    const write = (from: number, to: number) => {
      const made = picture.current;
      if (!made) return;
      const at = hovered ?? to;
      const current = valuesAt(made, at, hovered !== undefined || paused.value !== undefined);
      writeValues(legend.current, made.lines, current, family.shown, large ? { from, to, step: made.feed?.step ?? 1 } : undefined);
      if (figure.current) setText(figure.current, figureOf(made, current, stacked, hovered, family));
    };
    let shown: readonly [number, number] = [0, 0];
    const made = createPicture({
      wire: line,
      metric: family.id,
      root: root.current,
      changed: () => render(undefined),
      drawn(from, to) {
        shown = [from, to];
        write(from, to);
      },
      markBuckets: (from, to, pixels) => bucketsOf(timeline.marks.value, from, to, pixels),
      hover(second) {
        if (second === hovered) return;
        hovered = second;
        write(...shown);
      },
      point: (bucket, at) => pointed.set(bucket ? { bucket, ...at } : undefined),
      press: openMark,
      gestures,
    });
    picture.current = made;
    return () => {
      made.close();
      picture.current = undefined;
    };
  }, [family.id, line, large]);
  // What is asked is in the key; the rest of a family that changed is drawn with the next points.
  useLayoutEffect(
    () => picture.current?.show({ questions, stacked, scale: family.scale, shown: family.shown, most }, palette),
    [key, palette, line],
  );
  useEffect(() => picture.current?.move(), [span.value, paused.value]);
  useEffect(() => timeline.marks.listen(() => picture.current?.redraw()), [timeline]);

  const feed = picture.current?.feed;
  const lines = picture.current?.lines ?? [];
  const nothing = feed?.ready === true && lines.length === 0;
  const hidden = lines.filter(({ summary }) => !summary).length;
  // What nothing happens in is no news; the large one has it.
  const listed = large ? lines : lines.filter((each) => !picture.current?.idle.has(each));
  const more = Math.max(0, (feed?.of ?? 0) - hidden);
  const how = howOf(
    feed,
    lines.some(({ band }) => band !== undefined),
    questions[0]?.span,
    questions.length,
  );
  const open = () => {
    step();
    opened.set(family.id);
  };
  return (
    <section
      class={`chart${large ? ' large' : ''}`}
      aria-label={family.title}
      data-metric={family.id}
      hidden={sparse && nothing && feed?.trouble === undefined}
    >
      <header>
        <h3 title={inert(family.id)}>
          <bdi>{family.title}</bdi>
        </h3>
        <small class="how" title={how}>
          {how}
        </small>
        <span class="figure" ref={figure} />
        <button
          type="button"
          class="icon enlarge"
          onClick={() => (large ? opened.set('') : open())}
          aria-label={large ? `Close ${family.title}` : `Enlarge ${family.title}`}
          title={large ? 'Close  Esc' : 'Enlarge'}
        >
          {large ? '✕' : '⤢'}
        </button>
      </header>
      {large && <Controls family={family} asked={asked} lines={lines} />}
      <div class="plot" ref={root} role="img" aria-label={`${family.title} over time; the values are listed below`}>
        {nothing && <p class="nothing">{feed?.trouble ? inert(feed.trouble) : 'Nothing was measured in this span.'}</p>}
      </div>
      <Legend
        at={legend}
        lines={listed}
        colourOf={(each) => picture.current?.colourOf(each) ?? ''}
        stacked={stacked}
        large={large}
        room={few}
        more={more + lines.length - listed.length}
        onMore={open}
      />
      {large && <p class="note">{noteOf(family, feed?.of ?? 0, hidden, feed?.beyond ?? 0, nothing ? undefined : feed?.trouble)}</p>}
    </section>
  );
}

/** Those under the cursor, else the latest. What has not come for a while has none. */
function valuesAt(picture: Picture, second: number, past: boolean): (number | null)[] {
  const step = picture.feed?.step ?? 1;
  return picture.lines.map((line) => {
    if (past) return near(line, Math.floor(second / step) * step, step);
    return line.latest > second - Math.max(lateSeconds, 4 * Math.max(step, line.interval)) ? line.at(line.latest) : null;
  });
}

function figureOf(
  picture: Picture,
  values: readonly (number | null)[],
  stacked: boolean,
  hovered: number | undefined,
  { shown }: Family,
): string {
  const { lines } = picture;
  const sum = values.reduce<number | null>(
    (total, each, index) => (each === null || lines[index]?.part !== 'busy' ? total : (total ?? 0) + each),
    null,
  );
  const main = lines[0]?.summary ? (values[0] ?? null) : stacked || lines.length === 1 ? sum : undefined;
  const said = main === undefined ? '' : main === null ? '–' : formatValue(main, shown);
  if (hovered === undefined) return said;
  const day = span.value > 80_000 ? `${formatDay(hovered * 1000).slice(5)} ` : '';
  return `${day}${formatClock(hovered * 1000)}${said && ` · ${said}`}`;
}

const stepNames: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** Whether there are too many series; how finely it is drawn, where that is not each second; and since when it is known, where that is not all of it. */
function howOf(feed: Feed | undefined, banded: boolean, spanName: string | undefined, questions: number): string {
  const { step = 1, coverage = [], beyond = 0 } = feed ?? {};
  const [size, name] = stepNames.find(([seconds]) => step % seconds === 0) ?? [1, 's'];
  const since = coverage[0]?.from ?? 0;
  const isPart = since > range().from + span.value * 50;
  const words = [
    beyond > 0 ? 'more series than are held' : '',
    spanName !== undefined && questions <= 2 ? spanName : '',
    step > 1 ? `means of ${step / size} ${name}${banded ? ', min–max' : ''}` : '',
    isPart ? `known since ${now() - since > 43_200_000 ? `${formatDay(since)} ` : ''}${formatClock(since).slice(0, 5)}` : '',
  ];
  return words.filter(Boolean).join(' · ');
}

function noteOf({ series }: Family, of: number, shown: number, beyond: number, trouble: string | undefined): string {
  const count = (value: number) => value.toLocaleString('en');
  const words = [
    of > shown ? `The largest ${count(shown)} of ${count(of)} are shown; filter or group to see others.` : '',
    beyond > 0 ? `${count(series)} of more than ${count(series)} series are held: points of others came and were left out.` : '',
    trouble ? inert(trouble) : '',
  ];
  return words.filter(Boolean).join(' ');
}

/** An alert is opened; what else happened has the log of its moment. */
function openMark({ marks }: MarkBucket): void {
  const alert = marks.find(({ what }) => what === 'firing') ?? marks.find(({ what }) => what === 'resolved');
  const [first] = marks;
  if (alert) go('alerts', { alert: alert.id });
  else if (first) gestures.zoom(first.time / 1000 - span.value / 8, Math.min(first.time / 1000 + span.value / 8, now() / 1000));
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
