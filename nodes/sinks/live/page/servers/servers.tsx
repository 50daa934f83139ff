/**
 * The tab Servers: all of them, as large as their number allows; or one alone, where one is chosen.
 */
import { useEffect, useRef } from 'preact/hooks';
import type { FleetFrame } from '../../channels/fleet.ts';
import { bound, oneOf, text } from '../address.ts';
import type { Failing } from '../alerts/firing.tsx';
import { Charts } from '../charts/charts.tsx';
import { type Cell, cell, useCells } from '../parts/cell.ts';
import { Empty } from '../parts/empty.tsx';
import { inert } from '../parts/inert.ts';
import { now } from '../parts/time.ts';
import { chosen, search, second } from '../view.ts';
import type { Line } from '../wire/line.ts';
import { Bar } from './bar.tsx';
import { createFleet } from './fleet.ts';
import { List } from './list.tsx';
import { createListing, onlys } from './listing.ts';
import { sorts } from './order.ts';
import { ServerPage } from './server.tsx';
import { type Form, formOf } from './size.ts';
import './servers.css';

/** By what they are grouped: a part of their place, or `label:` and its name. */
export const by = bound('group', {
  ...text,
  read: (written) => written || 'place',
  write: (value) => (value === 'place' ? undefined : value),
});
export const sort = bound('sort', oneOf(sorts));
export const only = bound('only', oneOf(onlys));
/** How large they are shown now: what stands beside them depends on it. */
export const form: Cell<Form> = cell('tiles');

/** Nodes that fail anywhere, for the strip above the servers. */
export const failing: Cell<Failing> = cell({ nodes: 0, servers: [] });

const fleet = createFleet();
fleet.facts.listen(() => {
  const servers = [...fleet.all.values()].flatMap(({ id, host, nodes }) => (nodes && nodes[0] > 0 ? [{ id, host, nodes: nodes[0] }] : []));
  failing.set({ nodes: servers.reduce((sum, { nodes }) => sum + nodes, 0), servers });
});

export function Servers({ line }: { line: Line }) {
  useCells(chosen, second);
  useEffect(() => line.ask<FleetFrame>({ fleet: {} }, (frame) => frame.error === undefined && fleet.take(frame, now())), [line]);
  useEffect(() => fleet.tick(), [second.value]);
  const id = chosen.value;
  return id === undefined ? <All line={line} /> : <ServerPage key={id} id={id} fleet={fleet} line={line} />;
}

function All({ line }: { line: Line }) {
  useCells(fleet.facts, fleet.figures, by, sort, only, search);
  const listing = useRef(createListing()).current;
  const held = useRef(false);
  const wanted = { by: by.value, sort: sort.value, text: search.value, only: only.value };
  const { groups, counts, found } = listing(fleet, wanted, now(), held.current);
  // What is searched for may be few of many: its form comes of those that are found.
  const shown = fleet.known ? formOf(found, form.value) : form.value;
  useEffect(() => form.set(shown));

  if (!fleet.known) return <p class="note">Asking sluice for its servers…</p>;
  return (
    <>
      <Bar fleet={fleet} counts={counts} by={by} sort={sort} only={only} />
      {counts.all + counts.retired === 0 && <NoServers hubs={counts.hubs} />}
      {fleet.all.size > 0 && found === 0 && <NothingFits />}
      <List groups={groups} form={shown} by={by.value} held={held} wanted={wanted} />
      {fleet.refused > 0 && <p class="note">More hosts are there than this page has room for; GET /api/servers has them all.</p>}
      {/* Under a few servers there is room for what they measure. */}
      {shown === 'cards' && search.value === '' && (found > 0 || fleet.all.size === 0) && <Charts line={line} />}
    </>
  );
}

function NoServers({ hubs }: { hubs: number }) {
  return (
    <Empty title="Waiting for the first heartbeat…">
      {hubs > 0 && 'This hub watches, and no server has told of itself yet. '}
      An agent sends one every few seconds, and its server appears here by itself. To start one: <code>sluice run agent</code>. To see what
      a fleet looks like: <code>sluice demo --servers 40</code>
    </Empty>
  );
}

function NothingFits() {
  return (
    <Empty title="No server fits.">
      {search.value && (
        <>
          Nothing has “<bdi>{inert(search.value)}</bdi>” in its name, place, labels or versions.{' '}
        </>
      )}
      <button
        type="button"
        onClick={() => {
          search.set('');
          only.set('all');
        }}
      >
        Show all
      </button>
    </Empty>
  );
}
