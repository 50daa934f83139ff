/**
 * What fires now, in a strip of one height, so that nothing under it moves when something fires: how many of each severity, and the
 * worst of them in words.
 */
import type { Episode } from '../../episodes.ts';
import { href } from '../address.ts';
import { type Cell, useCells } from '../parts/cell.ts';
import { formatAge, plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { second } from '../view.ts';
import { byUrgency, hostOf, severities } from './arrange.ts';
import { episodes, heard } from './known.ts';
import './strip.css';

/** How many fire, for the tab's title. */
export const firingOf = (all: readonly Episode[]): Episode[] => all.filter(({ state }) => state === 'firing');

/** Nodes that fail, and where. */
export interface Failing {
  readonly nodes: number;
  readonly servers: readonly { readonly id: string; readonly host: string; readonly nodes: number }[];
}

export function Firing({ failing }: { failing: Cell<Failing> }) {
  useCells(episodes, heard, failing, second);
  const firing = firingOf(episodes.value).sort(byUrgency);
  const held = episodes.value.filter(({ state }) => state === 'held').length;
  const { nodes, servers } = failing.value;
  const [worst] = firing;
  const [server] = servers;
  return (
    <section class={`strip ${worst?.severity ?? (server ? 'warning' : 'well')}`} aria-label="Firing alerts">
      <span class="strip-counts">
        {severities.map((severity) => {
          const count = firing.filter((each) => each.severity === severity).length;
          return count > 0 && <b key={severity} class={severity}>{`${count} ${severity}`}</b>;
        })}
        {held > 0 && <span>{held} held</span>}
        {nodes > 0 && <span>{plural(nodes, 'node fails', 'nodes fail')}</span>}
      </span>
      <span class="worst">
        {worst ? (
          <Worst alert={worst} />
        ) : server ? (
          <FailsOn server={server} />
        ) : (
          <span>{heard.value ? 'Nothing fires.' : 'Asking what fires…'}</span>
        )}
      </span>
      <a href={href('alerts')}>{firing.length > 1 ? `All ${firing.length}` : 'Alerts'}</a>
    </section>
  );
}

function Worst({ alert }: { alert: Episode }) {
  return (
    <a href={alert.event === undefined ? href('alerts') : href('alerts', { alert: alert.event })}>
      <bdi>{inert(hostOf(alert))}</bdi>: <bdi>{inert(alert.summary.slice(0, 300))}</bdi>
      {alert.since > 0 && <small> for {formatAge(now() - alert.since)}</small>}
    </a>
  );
}

function FailsOn({ server: { id, host, nodes } }: { server: Failing['servers'][number] }) {
  return (
    <a href={href('servers', { server: encodeURIComponent(id) })}>
      <bdi>{inert(host)}</bdi>: {plural(nodes, 'node fails', 'nodes fail')}; its page says why
    </a>
  );
}
