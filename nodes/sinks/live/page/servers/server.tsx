/**
 * One server alone: how it fares and since when, what it is, its last day, its figures, its nodes; and the ways to its charts, log
 * and alerts.
 */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { go, href, step } from '../address.ts';
import { ServerAlerts } from '../alerts/alerts.tsx';
import { Charts } from '../charts/charts.tsx';
import { useKeys } from '../keys.ts';
import { useCells } from '../parts/cell.ts';
import { Empty } from '../parts/empty.tsx';
import { formatAge, formatClock, formatDay } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { search, second, servers } from '../view.ts';
import type { Line } from '../wire/line.ts';
import { Figure, Pairs } from './cards.tsx';
import { Day } from './day.tsx';
import { type Fleet, placeOf, type Server } from './fleet.ts';
import { Nodes } from './nodes.tsx';
import './server.css';
import { Spark } from './spark.tsx';
import { ageOf, alertsOf, loadOf, percent } from './words.ts';

interface Props {
  readonly id: string;
  readonly fleet: Fleet;
  readonly line: Line;
}

export function ServerPage({ id, fleet, line }: Props) {
  useCells(fleet.facts, fleet.figures, second, search);
  // Who searches looks for another one.
  useEffect(() => {
    if (search.value) back();
  }, [search.value]);
  const server = fleet.find(id);
  const { host, place } = server ?? placeOf(id);
  return (
    <article class="server-page">
      <header>
        <Back />
        <h2>
          <bdi>{inert(host)}</bdi>{' '}
          <small>
            <bdi>{inert(place)}</bdi>
          </small>
        </h2>
        <p class="ways">
          <a href={href('charts', { server: param(id) })}>Charts</a>
          <a href={href('logs', { server: param(id) })}>Log</a>
          <a href={href('alerts', { server: param(id) })}>Alerts</a>
          <a href={href('pipes', { server: param(id) })}>Pipes</a>
        </p>
      </header>
      {server ? <Told server={server} /> : <Unknown known={fleet.known} id={id} />}
      <Day id={id} status={server?.status} />
      <section class="own-alerts">
        <h3>Alerts</h3>
        <ServerAlerts server={id} />
      </section>
      <Nodes id={id} line={line} />
      <section>
        <h3>Charts</h3>
        <Charts line={line} server={id} />
      </section>
    </article>
  );
}

function back(): void {
  step();
  servers.set([]);
}

/** Stands before all else that hears Escape, so that what is open on the page closes first. */
function Back() {
  useKeys([
    { key: 'Escape', does: 'back to all servers', press: () => (document.activeElement instanceof HTMLInputElement ? false : back()) },
  ]);
  return (
    <button type="button" class="back" onClick={back}>
      ‹ All servers
    </button>
  );
}

/** As the address has a list of servers. */
export const param = (id: string): string => encodeURIComponent(id);

function Unknown({ known, id }: { known: boolean; id: string }) {
  if (!known) return <p class="note">Asking sluice for it…</p>;
  return (
    <Empty title="No server is known by this name.">
      <bdi>{inert(id)}</bdi> was forgotten, has never told of itself, or is not yours to see. <a href="#/servers">All servers</a>
    </Empty>
  );
}

function Told({ server }: { server: Server }) {
  const { status, since, seen, heard, first, reason, cpu, memory, disk, load, spark, labels, versions, boot, interval, skew } = server;
  const { processes, hub, alerts } = server;
  return (
    <>
      <section class={`server state ${status}`}>
        <p class="status">
          <b>{status}</b> {status === 'alive' ? `for ${formatAge(now() - since)}, ` : ''}
          {ageOf(server, now())}
          {alerts && (
            <a class={`many ${alerts[1]}`} href={href('alerts', { server: param(server.id) })}>
              {alertsOf(server)}
            </a>
          )}
        </p>
        {reason !== undefined && <p class="reason">{inert(reason)}</p>}
        {status === 'silent' && (
          <p class="reason">
            See whether it is up and reaches the network; if so, whether its agent runs: <code>systemctl status sluice</code>. Gone for
            good? <code>sluice servers retire</code>
          </p>
        )}
        <Spark values={spark} now={cpu} />
        <span class="figures">
          <Figure name="cpu" value={percent(cpu)} share={cpu} />
          <Figure name="memory" value={percent(memory)} share={memory} />
          <Figure name="fullest disk" value={percent(disk)} share={disk} />
          <Figure name="load/core" value={loadOf(load)} share={undefined} />
        </span>
      </section>
      <dl class="facts">
        <Fact name="Labels">{Object.keys(labels).length > 0 ? <Pairs pairs={labels} /> : 'none'}</Fact>
        <Fact name="Versions">
          <Pairs pairs={versions} />
        </Fact>
        <Fact name="Known since">
          {when(first)}, for {formatAge(now() - first)}
        </Fact>
        <Fact name={hub ? 'Hub' : 'Boot'}>
          <code>{inert(boot)}</code> {status} since {when(since)}
        </Fact>
        <Fact name="Heartbeat">
          each {interval} s, last at {when(Math.max(heard, seen))}
          {skew !== undefined &&
            Math.abs(skew) >= 1 &&
            `; its clock is ${formatAge(Math.abs(skew) * 1000)} ${skew > 0 ? 'ahead' : 'behind'}`}
        </Fact>
        {processes && (
          <Fact name="Processes">
            {processes.map(({ name, status }) => (
              <span key={name} class={`process ${status}`}>
                {inert(name)} <b>{status}</b>
              </span>
            ))}
          </Fact>
        )}
      </dl>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const when = (time: number): string => (now() - time > 43_200_000 ? `${formatDay(time)} ${formatClock(time)}` : formatClock(time));

/** A link's way to one server, for other views. */
export const toServer = (id: string): void => go('servers', { server: param(id) });
