/**
 * Servers as cards: large ones with all that is known at a glance, and small ones of which some dozens fit on a screen. Each is a
 * link to the server's own page.
 */

import { formatAge, plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import type { Server } from './fleet.ts';
import './cards.css';
import { Spark } from './spark.tsx';
import { ageOf, alertsOf, loadOf, nameOf, percent, shortAgeOf } from './words.ts';

export interface Shown {
  readonly server: Server;
  readonly href: string;
  /** Whether Tab stops here; arrows go on to the others. */
  readonly isStop: boolean;
  /** Its group says where it is already. */
  readonly isPlaced: boolean;
}

export function Card({ server, href, isStop, isPlaced }: Shown) {
  const { status, cpu, memory, disk, load, labels, versions, reason, first, spark, processes, nodes, hub } = server;
  return (
    <a class={`server card ${status}`} href={href} tabIndex={isStop ? 0 : -1} data-n={server.n}>
      <Head server={server} isPlaced={isPlaced} />
      {/* What watches, and is not watched itself, has none. */}
      {(!hub || cpu !== undefined) && (
        <>
          <Spark values={spark} now={cpu} />
          <span class="figures">
            <Figure name="cpu" value={percent(cpu)} share={cpu} />
            <Figure name="memory" value={percent(memory)} share={memory} />
            <Figure name="disk" value={percent(disk)} share={disk} />
            <Figure name="load/core" value={loadOf(load)} share={undefined} />
          </span>
        </>
      )}
      {reason !== undefined && <span class="reason">{inert(reason)}</span>}
      <Pairs pairs={labels} />
      <span class="about">
        <span>
          {Object.entries(versions)
            .map(([name, version]) => inert(`${name} ${version}`))
            .join(' · ')}
        </span>
        <span>
          known for {formatAge(now() - first)}
          {processes && ` · ${processes.map(({ name }) => inert(name)).join(', ')}`}
          {nodes && nodes[0] > 0 && <b class="bad"> · {plural(nodes[0], 'node fails', 'nodes fail')}</b>}
        </span>
      </span>
    </a>
  );
}

export function Row({ server, href, isStop, isPlaced }: Shown) {
  const { status, cpu, memory, spark, hub } = server;
  return (
    <a class={`server row-card ${status}`} href={href} tabIndex={isStop ? 0 : -1} data-n={server.n} title={titleOf(server)}>
      <Head server={server} isPlaced={isPlaced} age={shortAgeOf(server, now())} />
      {(!hub || cpu !== undefined) && (
        <>
          <Spark values={spark} now={cpu} />
          <span class="numbers">
            <span>cpu {percent(cpu)}</span>
            <span>mem {percent(memory)}</span>
          </span>
        </>
      )}
    </a>
  );
}

/** Nothing of a name is lost where it does not fit. */
export const titleOf = ({ host, place, reason }: Server): string => inert(`${place}.${host}${reason ? ` – ${reason}` : ''}`);

function Head({ server, isPlaced, age = ageOf(server, now()) }: { server: Server; isPlaced: boolean; age?: string }) {
  const { host, place, status, hub, alerts } = server;
  return (
    <>
      <span class="name">
        <bdi>{inert(host)}</bdi>
        {hub && <small>hub</small>}
        {!isPlaced && (
          <small>
            <bdi>{inert(place)}</bdi>
          </small>
        )}
      </span>
      <span class="status">
        <b>{status}</b> <span>{age}</span>
        {alerts && (
          <span class={`many ${alerts[1]}`} title={alertsOf(server)}>
            {alerts[0]}
            <span class="unseen"> {alertsOf(server)}</span>
          </span>
        )}
      </span>
      <span class="unseen">{nameOf(server)}</span>
    </>
  );
}

export function Figure({ name, value, share }: { name: string; value: string; share: number | undefined }) {
  return (
    <span class="figure">
      <small>{name}</small>
      <b>{value}</b>
      <i class={share !== undefined && share >= 90 ? 'full' : undefined} style={{ '--share': `${Math.min(100, share ?? 0)}%` }} />
    </span>
  );
}

/** Labels as they were given: a name and its word. */
export function Pairs({ pairs }: { pairs: Readonly<Record<string, string>> }) {
  return (
    <span class="pairs">
      {Object.entries(pairs).map(([name, value]) => (
        <span key={name}>
          <small>{inert(name)}</small> <bdi>{inert(value)}</bdi>
        </span>
      ))}
    </span>
  );
}
