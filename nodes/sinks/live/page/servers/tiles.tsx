/**
 * A thousand servers on one screen: a tile each, coloured by state and processor. What does not fit on it stands in a tip beside the
 * one that is pointed at or focused. A tile is drawn again only when what it shows has changed.
 */
import { Component } from 'preact';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { titleOf } from './cards.tsx';
import type { Server } from './fleet.ts';
import type { Tile as Size } from './size.ts';
import './tiles.css';
import { ageOf, alertsOf, nameOf, percent } from './words.ts';

interface Props {
  readonly server: Server;
  readonly href: string;
  readonly isStop: boolean;
  readonly says: Size['says'];
  /** Of the server when this was made: the server itself is the same object, changed. */
  readonly version: number;
}

/** Steps of colour: an eye tells no more apart. */
const steps = 12;
export const heatOf = (cpu: number | undefined): number => Math.round(((cpu ?? 0) / 100) * steps) * Math.round(100 / steps);

export class Tile extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const { version, isStop, says, href, server } = this.props;
    return next.version !== version || next.isStop !== isStop || next.says !== says || next.href !== href || next.server !== server;
  }

  override render({ server, href, isStop, says }: Props) {
    const { host, status, cpu, alerts, hub } = server;
    const heat = status === 'alive' ? heatOf(cpu) : 0;
    return (
      <a
        class={`server tile ${status}${hub ? ' hub' : ''}${alerts ? ` alerted ${alerts[1]}` : ''}${heat >= 80 ? ' hot' : ''}`}
        href={href}
        tabIndex={isStop ? 0 : -1}
        data-n={server.n}
        aria-label={nameOf(server)}
        style={{ '--heat': `${heat}%` }}
      >
        {says !== 'nothing' && <bdi>{inert(host)}</bdi>}
        {says === 'all' && <span>{status === 'alive' ? percent(cpu) : status}</span>}
      </a>
    );
  }
}

/** What the tile under the pointer, or under the keyboard, is. */
export function Tip({ server, at }: { server: Server; at: DOMRect }) {
  const { host, place, status, cpu, memory, reason, labels } = server;
  const toLeft = at.left > innerWidth / 2;
  const above = at.top > innerHeight / 2;
  const style = {
    ...(toLeft ? { right: `${innerWidth - at.right}px` } : { left: `${at.left}px` }),
    ...(above ? { bottom: `${innerHeight - at.top + 6}px` } : { top: `${at.bottom + 6}px` }),
  };
  return (
    <div class={`tip ${status}`} style={style} role="tooltip" title={titleOf(server)}>
      <p class="name">
        <bdi>{inert(host)}</bdi>
      </p>
      <p class="muted">
        <bdi>{inert(place)}</bdi>
      </p>
      <p>
        <b>{status}</b> {ageOf(server, now())}
      </p>
      {reason !== undefined && <p class="reason">{inert(reason)}</p>}
      <p>
        cpu {percent(cpu)} · memory {percent(memory)}
      </p>
      <p class="muted">
        {Object.entries(labels)
          .map(([name, value]) => inert(`${name} ${value}`))
          .join(' · ')}
      </p>
      {alertsOf(server) && <p class="bad">{alertsOf(server)}</p>}
    </div>
  );
}
