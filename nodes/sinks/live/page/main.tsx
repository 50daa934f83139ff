/**
 * The page: what is firing, the servers, charts of whatever arrives, and the log. Everything on it was told by events.
 */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { Alerts, Firing } from './alerts.tsx';
import type { Cell } from './cell.ts';
import type { Shelf } from './chart.tsx';
import { connect, type Line } from './connection.ts';
import { redraw, redrawIdle } from './draw.ts';
import { Header, type Tab } from './header.tsx';
import { Logs } from './logs.tsx';
import { useMedia } from './media.ts';
import { createModel, type Model } from './model.ts';
import { Overview } from './overview.tsx';
import { Servers } from './servers.tsx';
import { now } from './time.ts';
import { applyTheme, paused, second } from './view.ts';

function Page({ model, line, shelf }: { model: Model; line: Cell<Line>; shelf: Shelf }) {
  const tab = useTab();
  const wide = useMedia('(min-width: 900px) and (min-height: 560px)');
  return (
    <>
      <Header model={model} line={line} tab={tab} />
      <main class={tab}>
        {tab === 'overview' && (
          <>
            <Firing model={model} />
            <Servers model={model} />
            <Overview model={model} shelf={shelf} />
          </>
        )}
        {tab === 'alerts' && <Alerts model={model} />}
        {tab === 'logs' && <Logs model={model} size="page" />}
      </main>
      {tab === 'overview' && wide && <Logs model={model} size="dock" />}
    </>
  );
}

/** The tab that the address names. */
function useTab(): Tab {
  const read = (): Tab => (location.hash === '#logs' ? 'logs' : location.hash === '#alerts' ? 'alerts' : 'overview');
  const [tab, setTab] = useState(read);
  useEffect(() => {
    const changed = () => setTab(read());
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  });
  return tab;
}

const drawables: Shelf['drawables'] = new Map();
const model = createModel((chart) => {
  const drawable = drawables.get(chart.metric);
  if (drawable && paused.value === undefined) redraw(drawable);
});
applyTheme();
const line = connect(model);
setInterval(() => {
  second.set(second.value + 1);
  model.tick(now());
  if (paused.value === undefined) redrawIdle(drawables.values());
}, 1000);
const shelf: Shelf = { drawables, gaps: () => model.gaps.value };
const root = document.getElementById('page');
root?.replaceChildren();
if (root) render(<Page model={model} line={line} shelf={shelf} />, root);
