import { describe, expect, it } from 'vitest';
import type { FleetRow } from '../../channels/fleet.ts';
import { arrow, type Box } from './arrows.ts';
import { createFleet, type Server } from './fleet.ts';
import { createListing, type Wanted } from './listing.ts';
import { count, group, groupings, search } from './order.ts';
import { formOf, nameWidth, tileFor, tiles } from './size.ts';
import { tallyOf } from './words.ts';

const row = (n: number, host: string, changed: Partial<FleetRow> = {}): FleetRow => ({
  ...{ n, id: `acme.shop.prod.${host}`, status: 'alive', since: 0, seen: 0, first: 0, interval: 5, boot: 'b1' },
  ...{ labels: {}, versions: {} },
  ...changed,
});
function fleetOf(...rows: FleetRow[]) {
  const fleet = createFleet();
  fleet.take({ servers: rows }, 1000);
  return fleet;
}
const hosts = (servers: readonly Server[]) => servers.map(({ host }) => host);
const wanted: Wanted = { by: 'none', sort: 'name', text: '', only: 'all' };

describe('what the page knows of servers', () => {
  it('takes rows, figures and beats, and forgets who went', () => {
    const fleet = fleetOf(row(0, 'web-1', { ago: 3, cpu: 20, spark: [null, 10, 20] }), row(1, 'web%2E2'));
    expect(fleet.find('acme.shop.prod.web-1')).toMatchObject({ heard: -2000, cpu: 20, spark: [null, 10, 20] });
    expect(fleet.all.get(1)).toMatchObject({ host: 'web.2', place: 'acme.shop.prod' });
    fleet.take({ cpu: [0, 70, 1, 5], memory: [0, null], heard: [1], changed: [row(0, 'web-1', { status: 'silent' })] }, 9000);
    expect(fleet.all.get(0)).toMatchObject({ status: 'silent', cpu: 70, spark: [null, 10, 20] });
    expect(fleet.all.get(1)).toMatchObject({ heard: 9000, cpu: 5 });
    fleet.tick();
    // Who does not speak has no value.
    expect([fleet.all.get(0)?.spark.at(-1), fleet.all.get(1)?.spark.at(-1)]).toEqual([null, 5]);
    fleet.take({ gone: [0] }, 9000);
    expect([...fleet.all.keys()]).toEqual([1]);
    expect(fleet.find('acme.shop.prod.web-1')).toBeUndefined();
    fleet.take({ servers: [] }, 9000);
    expect(fleet.all.size).toBe(0);
  });
});

describe('the order of servers', () => {
  const servers = () => [
    ...fleetOf(
      row(0, 'api-10', { cpu: 10, labels: { zone: 'b' } }),
      row(1, 'api-3', { cpu: 90, labels: { zone: 'a' }, versions: { sluice: '1.2.3' } }),
      row(2, 'db-1', { status: 'silent', labels: { zone: 'a' } }),
      row(3, 'db-2', { alerts: [1, 'critical'], first: 5 }),
      row(4, 'hub-1', { hub: true, processes: [{ name: 'hub', status: 'alive' }] }),
      row(5, 'old-1', { status: 'retired' }),
    ).all.values(),
  ];

  it('is that of names as people read them, of what needs a person, or of figures', () => {
    const sorted = (sort: Wanted['sort']) => hosts(group(servers(), 'none', sort)[0]?.servers ?? []);
    expect(sorted('name')).toEqual(['api-3', 'api-10', 'db-1', 'db-2', 'hub-1', 'old-1']);
    expect(sorted('urgency')).toEqual(['db-1', 'db-2', 'api-3', 'api-10', 'hub-1', 'old-1']);
    expect(sorted('cpu').slice(0, 2)).toEqual(['api-3', 'api-10']);
    expect(sorted('age')[0]).toBe('db-2');
  });

  it('groups by place and by any label, and says how many live: no hub, and none that is retired', () => {
    expect(groupings(servers())).toEqual(['place', 'company', 'system', 'environment', 'label:zone']);
    const groups = group(servers(), 'label:zone', 'name').map(({ title, counts }) => [title, tallyOf(counts)]);
    expect(groups).toEqual([
      ['a', '1 of 2 alive'],
      ['b', '1 of 1 alive'],
      ['no zone', '1 of 1 alive'],
    ]);
    expect(tallyOf(count(servers()))).toBe('3 of 4 alive');
  });

  it('searches in names, labels, versions, states and processes', () => {
    const found = (text: string) => hosts(search(servers(), text));
    expect(found('API 10')).toEqual(['api-10']);
    expect(found('zone:a')).toEqual(['api-3', 'db-1']);
    expect(found('sluice 1.2')).toEqual(['api-3']);
    expect(found('silent')).toEqual(['db-1']);
    expect(found('shop.prod.hub')).toEqual(['hub-1']);
  });

  it('bounds groups, since a label may differ for each server', () => {
    const many = fleetOf(...Array.from({ length: 1000 }, (_, n) => row(n, `web-${n}`, { labels: { id: `${n}` } })));
    const groups = group([...many.all.values()], 'label:id', 'name');
    expect([groups.length, groups.at(-1)?.title, groups.at(-1)?.servers.length]).toEqual([201, 'others', 800]);
  });
});

describe('the list', () => {
  it('does not move while somebody points at it, and orders by figures only now and then', () => {
    const fleet = fleetOf(row(0, 'web-1', { cpu: 10 }), row(1, 'web-2', { cpu: 20 }));
    const list = createListing();
    const shown = (now: number, held = false) => hosts(list(fleet, { ...wanted, sort: 'cpu' }, now, held).groups[0]?.servers ?? []);
    expect(shown(0)).toEqual(['web-2', 'web-1']);
    fleet.take({ cpu: [0, 90] }, 0);
    expect(shown(1000)).toEqual(['web-2', 'web-1']);
    expect(shown(6000, true)).toEqual(['web-2', 'web-1']);
    fleet.take({ changed: [row(2, 'web-3', { cpu: 99 })] }, 0);
    expect(shown(6500, true)).toEqual(['web-2', 'web-1', 'web-3']);
    expect(shown(20_000)).toEqual(['web-3', 'web-1', 'web-2']);
  });

  it('has retired servers when they are asked for, or looked for', () => {
    const fleet = fleetOf(row(0, 'web-1'), row(1, 'web-2', { status: 'retired' }), row(2, 'web-3', { status: 'silent' }));
    const shown = (changed: Partial<Wanted>) => hosts(createListing()(fleet, { ...wanted, ...changed }, 0, false).groups[0]?.servers ?? []);
    expect(shown({})).toEqual(['web-1', 'web-3']);
    expect(shown({ only: 'retired' })).toEqual(['web-2']);
    expect(shown({ text: 'web-2' })).toEqual(['web-2']);
    expect(shown({ only: 'silent' })).toEqual(['web-3']);
  });
});

describe('the size of servers', () => {
  it('follows their number, and does not flutter at a limit', () => {
    expect([1, 9, 10, 72, 73, 1000].map((many) => formOf(many))).toEqual(['cards', 'cards', 'list', 'list', 'tiles', 'tiles']);
    expect([formOf(10, 'cards'), formOf(8, 'list'), formOf(80, 'list'), formOf(70, 'tiles')]).toEqual(['cards', 'list', 'list', 'tiles']);
    expect([formOf(12, 'cards'), formOf(3, 'list'), formOf(3, 'tiles')]).toEqual(['list', 'cards', 'cards']);
  });

  it('lets a thousand fit on a screen of 1440 by 900, and uses what room there is', () => {
    const room = { width: 1408, height: 700 };
    const thousand = tileFor([297, 33, 297, 33, 306, 34], room, 84);
    expect(thousand.width).toBeGreaterThanOrEqual(19);
    const names = Array.from({ length: 250 }, (_, index) => `worker-${index}`);
    const many = tileFor([72, 8, 72, 8, 81, 9], room, nameWidth(names));
    expect(many).toMatchObject({ says: 'name', width: 84 });
    expect(tileFor([100], { ...room, width: 390, touched: true }, 84).width).toBeGreaterThanOrEqual(30);
    // One more does not change the size; a hundred do.
    expect(tileFor([297, 33, 297, 33, 307, 34], room, 84, thousand)).toBe(thousand);
    expect(tileFor([9000], room, 84)).toBe(tiles.at(-1));
  });
});

describe('arrow keys', () => {
  // Two rows of three, then a group with one row of two, a little aside.
  const box = (left: number, top: number): Box => ({ left, right: left + 10, top, bottom: top + 10 });
  const boxes = [...[0, 12, 24].map((left) => box(left, 0)), ...[0, 12, 24].map((left) => box(left, 12)), box(2, 40), box(14, 40)];
  it.each([
    ['ArrowRight', 2, 3],
    ['ArrowLeft', 0, 0],
    ['ArrowDown', 1, 4],
    ['ArrowDown', 5, 7],
    ['ArrowUp', 6, 3],
    ['ArrowUp', 1, 1],
    ['End', 0, 7],
    ['Enter', 0, undefined],
  ])('%s leads from %i to %s', (key, from, to) => expect(arrow(key, boxes, from)).toBe(to));
});
