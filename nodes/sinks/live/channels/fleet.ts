/**
 * The channel `fleet`: the servers as rows, then what changed, once a second. A thousand servers cost a few kilobytes of it.
 *
 *     {"id": "s", "fleet": {}}
 *     → {"id": "s", "servers": [row…], "refused": 0}
 *       {"id": "s", "changed": [row…], "gone": [n…], "cpu": [n, percent, …], "memory": […], "disk": […], "load": […], "heard": [n…]}
 *
 * A row's `n` is its number in later frames; `ago` is how many seconds ago it beat, and `spark` the last minute of its processor in
 * the first frame. A figure that is no longer known is null. `servers` may come again: then it is all there is.
 */
import { z } from 'sluice';
import type { Channel, ChannelSort } from '../channel.ts';
import type { Facts } from '../fleet/facts.ts';
import type { Fleet, Row } from '../fleet/fleet.ts';
import { type ShareName, shareNames } from '../fleet/values.ts';
import type { Looker } from '../looker.ts';

/** A row as it is sent. */
export type FleetRow = Facts & {
  readonly n: number;
  readonly ago?: number;
  readonly spark?: readonly (number | null)[];
} & { readonly [Name in ShareName]?: number };

/** Numbers of rows, each with its value. */
type Pairs = readonly (number | null)[];
export type FleetFrame = {
  readonly servers?: readonly FleetRow[];
  /** Hosts of which nothing is kept, since there are too many. */
  readonly refused?: number;
  readonly changed?: readonly FleetRow[];
  readonly gone?: readonly number[];
  readonly heard?: readonly number[];
} & { readonly [Name in ShareName]?: Pairs };

const request = z.strictObject({});

export function fleetSort(fleet: Fleet): ChannelSort<typeof request> {
  return { name: 'fleet', request, open: (_, looker) => open(fleet, looker) };
}

function open(fleet: Fleet, looker: Looker): Channel {
  let sent = fleet.period;
  const seen = () => fleet.rows().filter(({ id }) => looker.sees(id));

  const whole = () => {
    const rows = seen().map((row) => rowText(row, `${figures(row)}${ago(row)},"spark":${JSON.stringify(row.spark())}`));
    return Buffer.from(`"servers":[${rows.join()}],"refused":${fleet.refused}`);
  };
  const ago = ({ heardAt }: Row) => (heardAt === undefined ? '' : `,"ago":${Math.max(0, fleet.period - heardAt)}`);
  const since = (mark: number) => {
    const gone = fleet.goneSince(mark);
    if (!gone) return whole();
    const rows = seen();
    const parts: string[] = [];
    const add = (name: string, items: readonly (string | number)[]) => items.length > 0 && parts.push(`"${name}":[${items.join()}]`);
    add(
      'changed',
      rows.filter(({ textAt }) => textAt > mark).map((row) => rowText(row, ago(row))),
    );
    add(
      'gone',
      gone.filter(({ id }) => looker.sees(id)).map(({ n }) => n),
    );
    for (const name of shareNames) {
      const changed = rows.filter(({ sharesAt }) => (sharesAt[name] ?? 0) > mark);
      add(
        name,
        changed.map(({ n, shares }) => `${n},${shares[name] ?? null}`),
      );
    }
    add(
      'heard',
      rows.filter(({ heardAt }) => (heardAt ?? 0) > mark).map(({ n }) => n),
    );
    return Buffer.from(parts.length > 0 ? parts.join() : '"changed":[]');
  };

  return {
    topics: [],
    snapshot: whole,
    get waiting() {
      return sent < fleet.period && fleet.changed > sent;
    },
    next() {
      const body = since(sent);
      sent = fleet.period;
      return body;
    },
    mark: () => sent,
    catchUp: since,
  };
}

const rowText = ({ n, text }: Row, more: string): string => `{"n":${n},${text}${more}}`;
const figures = ({ shares }: Row): string =>
  shareNames.map((name) => (shares[name] === undefined ? '' : `,"${name}":${shares[name]}`)).join('');
