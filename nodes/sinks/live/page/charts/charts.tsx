/**
 * Charts of whatever arrives, in the order in which a person asks; all over one span of time. What leads comes first, details after;
 * one can be opened large. With `server` they are that server's own.
 */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { redrawIdle } from '../draw.ts';
import { useKeys } from '../keys.ts';
import { useCells } from '../parts/cell.ts';
import { Empty } from '../parts/empty.tsx';
import { plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { colours, paused, range, search, servers, span } from '../view.ts';
import type { Line as Wire } from '../wire/line.ts';
import { Card } from './card.tsx';
import { catalog, followCatalog } from './catalog.ts';
import { useClosing } from './controls.tsx';
import { type Family, fits, leading } from './families.ts';
import { openTimeline, type Timeline } from './marks.ts';
import { goBack, zoomBy } from './moment.ts';
import { Picker } from './picker.tsx';
import { pictures } from './picture.ts';
import { readPalette } from './plot.ts';
import { readServers } from './servers.ts';
import { opened } from './settings.ts';
import { Spans } from './spans.tsx';
import { Tip, Told } from './tip.tsx';
import './charts.css';

/** Cards that are made at once: thousands of names are found by searching. */
const page = 120;

export function Charts({ line, server }: { line: Wire; server?: string }) {
  useCells(catalog, search, servers, colours, opened);
  const [most, setMost] = useState(page);
  const timeline = useTimeline(line, server);
  useEffect(() => followCatalog(line), [line]);
  useEffect(() => void readServers(), []);
  useClosing();
  useKeys([
    { key: 'Escape', does: 'closes the large chart, then goes back from a zoom', press: () => closeLarge() || goBack() },
    { key: '+', does: 'zooms into the charts', press: () => zoomBy(0.5) },
    { key: '-', does: 'zooms out of the charts', press: () => zoomBy(2) },
  ]);
  // `colours` counts the changes of what is read.
  const palette = useMemo(readPalette, [colours.value]);
  const scope = useMemo(() => ({ servers: server === undefined ? servers.value : [server] }), [server, servers.value]);
  const { families, heard, beyond } = catalog.value;
  const found = server === undefined ? families.filter((family) => fits(family, search.value)) : families;
  const large = families.find(({ id }) => id === opened.value);
  const shared = { line, scope, palette, timeline };
  const sparse = scope.servers.length > 0;
  const cards = (some: readonly Family[]) => (
    <div class="charts">
      {some.map((family) => (
        <Card key={family.id} family={family} sparse={sparse} {...shared} />
      ))}
    </div>
  );
  const shown = found.slice(0, most);
  const [lead, details] = [shown.filter(({ rank }) => rank < leading), shown.filter(({ rank }) => rank >= leading)];
  return (
    <div class="charts-view">
      <div class="charts-bar">
        {server === undefined && <Picker />}
        <Spans />
        <Happened timeline={timeline} />
        <span class="count">
          {plural(found.length, 'chart')}
          {beyond > 0 && ', more names than can be held'}
        </span>
      </div>
      {large && <Card key={`large ${large.id}`} family={large} {...shared} large />}
      {!heard || families.length === 0 ? (
        <Empty title="Waiting for the first metric…">
          Monitors send one each second. If nothing comes, look at what runs: <code>sluice nodes</code>
        </Empty>
      ) : found.length === 0 ? (
        <Empty title="No chart fits.">
          Nothing is named “<bdi>{inert(search.value)}</bdi>”.{' '}
          <button type="button" onClick={() => search.set('')}>
            Show all {plural(families.length, 'chart')}
          </button>
        </Empty>
      ) : (
        <>
          {lead.length > 0 && cards(lead)}
          {details.length > 0 && (
            <>
              <h2 class="rule">Details</h2>
              {cards(details)}
            </>
          )}
          {found.length > most && (
            <p class="note">
              {most} of {plural(found.length, 'chart')} are listed.{' '}
              <button type="button" onClick={() => setMost(most + page)}>
                Show {Math.min(page, found.length - most)} more
              </button>
            </p>
          )}
        </>
      )}
      <Tip />
    </div>
  );
}

const closeLarge = (): boolean => {
  if (opened.value === '') return false;
  opened.set('');
  return true;
};

/** What happened in the span that is shown; and, as long as charts are, that time goes on in them where no value comes. */
function useTimeline(line: Wire, server: string | undefined): Timeline {
  useCells(span, paused, servers);
  const timeline = useMemo(() => openTimeline(line), [line]);
  useEffect(() => () => timeline.close(), [timeline]);
  const scope = server === undefined ? servers.value : [server];
  useEffect(() => {
    const look = () => {
      const { from, to } = range();
      timeline.look(from, to, scope);
      if (paused.value === undefined) redrawIdle(pictures);
    };
    look();
    const looking = setInterval(look, 1_000);
    return () => clearInterval(looking);
  }, [timeline, span.value, paused.value, scope.join()]);
  return timeline;
}

/** The signs under the charts in words, for who reads them or cannot point at them. */
function Happened({ timeline }: { timeline: Timeline }) {
  useCells(timeline.marks);
  const marks = timeline.marks.value;
  return (
    <details class="filter happened" name="filter">
      <summary>
        {marks.length === 0 ? 'No marks' : `Marks: ${marks.length}`}
        {timeline.cut && ' or more'}
      </summary>
      <div class="choices">
        {marks.length === 0 ? (
          <p class="note">No alert and no change in this span.</p>
        ) : (
          <ul>
            {marks
              .slice(-200)
              .reverse()
              .map((mark) => (
                <Told key={mark.id} mark={mark} />
              ))}
          </ul>
        )}
      </div>
    </details>
  );
}
