/**
 * The page: servers, charts of whatever arrives, the log, alerts and the pipes. Everything on it was told by events, and each view
 * asks for just what it shows.
 */
import { type ComponentChildren, render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/header.css';
import { type Tab, tab, tabs } from './address.ts';
import { Alerts } from './alerts/alerts.tsx';
import { Firing } from './alerts/firing.tsx';
import { type AlertsFrame, followAlerts } from './alerts/known.ts';
import { Charts } from './charts/charts.tsx';
import { openLine, standing } from './door/door.ts';
import { SignIn } from './door/signin.tsx';
import { Header } from './header.tsx';
import { Logs } from './logs/logs.tsx';
import { useCells } from './parts/cell.ts';
import { useMedia } from './parts/media.ts';
import { Pipes } from './pipes/pipes.tsx';
import { failing, form, Servers } from './servers/servers.tsx';
import { applyTheme, chosen, second } from './view.ts';
import { createLine, type Line } from './wire/line.ts';

/** What a view is given: the line, to ask for what it shows. */
interface Given {
  readonly line: Line;
}

/** What stands under the top line, by tab. */
const views: Partial<Record<Tab, (given: Given) => ComponentChildren>> = {
  servers: Start,
  charts: Charts,
  logs: ({ line }) => <Logs line={line} size="page" />,
  alerts: Alerts,
  pipes: Pipes,
};

function Page({ line }: Given) {
  useCells(tab, standing, form, chosen);
  const wide = useMedia('(min-width: 900px) and (min-height: 560px)');
  const View = views[tab.value] ?? Start;
  const { state } = standing.value;
  if (state === 'out' || state === 'lost') return <SignIn lost={state === 'lost'} />;
  // Many servers need the whole screen.
  const alone = chosen.value;
  const isRoomy = form.value === 'cards' || alone !== undefined;
  return (
    <>
      <Header line={line} shown={tabs.filter((name) => views[name])} />
      <main class={`on-${tab.value}`}>
        <View line={line} />
      </main>
      {tab.value === 'servers' && wide && isRoomy && <Logs line={line} size="dock" {...(alone !== undefined && { server: alone })} />}
    </>
  );
}

/** Where one begins: what fires, and the servers. */
function Start({ line }: Given) {
  return (
    <>
      <Firing failing={failing} />
      <Servers line={line} />
    </>
  );
}

applyTheme();
const line = createLine({ open: openLine });
followAlerts((request, hear) => line.ask<AlertsFrame>(request, hear));
setInterval(() => second.set(second.value + 1), 1000);
const root = document.getElementById('page');
root?.replaceChildren();
if (root) render(<Page line={line} />, root);
