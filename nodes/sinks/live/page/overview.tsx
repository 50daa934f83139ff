/**
 * The charts that fit the search and the chosen server, in order. What leads the page comes first, details after.
 */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { useCells } from './cell.ts';
import { ChartCard, type Shelf } from './chart.tsx';
import type { Chart } from './charts.ts';
import { plural } from './format.ts';
import { inert } from './inert.ts';
import type { Model } from './model.ts';
import { readPalette } from './plot.ts';
import { chosen, colours, search } from './view.ts';

export function Overview({ model, shelf }: { model: Model; shelf: Shelf }) {
  useCells(model.charts, search, chosen, colours);
  // `colours` counts the changes of what is read.
  const palette = useMemo(readPalette, [colours.value]);
  const charts = model.charts.value;
  const found = charts.all.filter(fits);
  const leading = found.filter((chart) => chart.rank < 100);
  const details = found.filter((chart) => chart.rank >= 100);
  const cards = (some: readonly Chart[]) =>
    some.map((chart) => <ChartCard key={chart.metric} chart={chart} shelf={shelf} palette={palette} />);

  if (charts.all.length === 0)
    return (
      <Empty title="Waiting for the first metric…">
        Monitors send one each second. If nothing comes, look at what runs: <code>sluice nodes</code>
      </Empty>
    );
  if (found.length === 0)
    return (
      <Empty title="No chart fits.">
        {search.value ? (
          <>
            Nothing is named “<bdi>{inert(search.value)}</bdi>”.{' '}
          </>
        ) : null}
        <button
          type="button"
          onClick={() => {
            search.set('');
            chosen.set(undefined);
          }}
        >
          Show all {plural(charts.all.length, 'chart')}
        </button>
      </Empty>
    );
  return (
    <>
      {leading.length > 0 && <div class="charts">{cards(leading)}</div>}
      {details.length > 0 && (
        <>
          <h2 class="rule">Details</h2>
          <div class="charts">{cards(details)}</div>
        </>
      )}
      {charts.refused > 0 && (
        <p class="note">This page holds {charts.seriesCount} series; more arrive and are not shown. The API has them: /api/metrics</p>
      )}
    </>
  );
}

/** All words of the search, anywhere in names, hosts and attributes. */
function fits(chart: Chart): boolean {
  const server = chosen.value;
  if (server !== undefined && !chart.series.some((each) => each.server === server)) return false;
  return search.value
    .toLowerCase()
    .split(/\s+/)
    .every((word) => chart.haystack.includes(word));
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>
        <strong>{title}</strong>
      </p>
      <p>{children}</p>
    </div>
  );
}
