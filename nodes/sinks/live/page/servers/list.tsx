/**
 * The servers in their groups, in the form that fits their number. One of them is a stop of the Tab key; arrows go on from it, and
 * Enter opens. While somebody points at it or goes through it, nothing changes places.
 */
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { href } from '../address.ts';
import { useKeys } from '../keys.ts';
import { inert } from '../parts/inert.ts';
import { arrow, isArrow } from './arrows.ts';
import { Card, Row } from './cards.tsx';
import type { Server } from './fleet.ts';
import type { Wanted } from './listing.ts';
import type { Group } from './order.ts';
import { columnsIn, columnsOf, type Form, nameWidth, type Room, type Tile as Size, tileFor, tileGap, widths } from './size.ts';
import { Tile, Tip } from './tiles.tsx';
import { tallyOf } from './words.ts';

interface Props {
  readonly groups: readonly Group[];
  readonly form: Form;
  readonly by: string;
  readonly held: { current: boolean };
  readonly wanted: Wanted;
}

export function List({ groups, form, by, held, wanted }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const [stop, setStop] = useState<number | undefined>(undefined);
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const { size, room } = useTileSize(root, groups, form);
  const [width, gap] = form === 'tiles' ? [size.width, tileGap] : widths[form];
  const flat = useMemo(() => new Map(groups.flatMap(({ servers }) => servers).map((server) => [server.n, server])), [groups]);
  // One or two take the whole row, and little of the height: charts follow.
  const isFew = form === 'cards' && groups.length === 1 && flat.size <= 2 && columnsIn(room, width, gap) > flat.size;
  const columns = isFew ? flat.size : columnsIn(room, width, gap);
  const first = groups[0]?.servers[0]?.n;
  const stopAt = stop !== undefined && flat.has(stop) ? stop : first;
  const base = href('servers', { ...own(wanted), server: '' });
  const hrefOf = ({ id }: Server) => base + encodeURIComponent(encodeURIComponent(id));

  const press = (key: string): boolean => {
    const links = linksIn(root.current);
    const at = links.indexOf(document.activeElement as HTMLElement);
    const to =
      at < 0
        ? links.findIndex((link) => numberOf(link) === stopAt)
        : arrow(
            key,
            links.map((link) => link.getBoundingClientRect()),
            at,
          );
    const link = links[to ?? -1];
    if (!link) return false;
    setStop(numberOf(link));
    link.focus();
    return true;
  };
  // From wherever one is, an arrow leads into the list.
  useKeys(
    ['ArrowDown', 'ArrowUp', 'ArrowRight', 'ArrowLeft'].map((key, index) => ({
      key,
      ...(index === 0 && { does: 'with the other arrows: from server to server; Enter opens' }),
      press: () => press(key),
    })),
  );
  const focused = useRef<number | undefined>(undefined);
  const hold = () => {
    held.current = pointed !== undefined || focused.current !== undefined;
  };
  useEffect(hold);
  useEffect(
    () => () => {
      held.current = false;
    },
    [],
  );

  const isPlaced = by === 'place';
  const shown = (server: Server) => ({ server, href: hrefOf(server), isStop: server.n === stopAt, isPlaced });
  const tip = pointed ?? focused.current;
  const tipped = form === 'tiles' && tip !== undefined ? flat.get(tip) : undefined;
  const anchor = tipped && root.current?.querySelector(`[data-n="${tipped.n}"]`)?.getBoundingClientRect();
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what is interactive are the links in it; this only hears of them
    <div
      class={`fleet as-${form}${isFew ? ' few' : ''}`}
      ref={root}
      style={{ '--columns': columns, '--gap': `${gap}px`, '--tile-height': `${size.height}px` }}
      onKeyDown={(event) => {
        if (!isArrow(event.key) || !press(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
      }}
      onPointerOver={(event) => event.pointerType === 'mouse' && setPointed(numberOf(linkOf(event.target)))}
      onPointerLeave={() => setPointed(undefined)}
      onFocusIn={(event) => {
        const n = numberOf(linkOf(event.target));
        focused.current = n;
        if (n !== undefined) setStop(n);
      }}
      onFocusOut={() => {
        focused.current = undefined;
        hold();
        setPointed(undefined);
      }}
    >
      {groups.map((group) => (
        <section key={group.title} style={{ '--span': columnsOf(group.servers.length, columns, width) }}>
          <Title group={group} />
          <ul>
            {group.servers.map((server) => (
              <li key={server.n}>
                {form === 'tiles' ? (
                  <Tile {...shown(server)} says={size.says} version={server.version} />
                ) : form === 'list' ? (
                  <Row {...shown(server)} />
                ) : (
                  <Card {...shown(server)} />
                )}
              </li>
            ))}
          </ul>
        </section>
      ))}
      {form === 'tiles' && groups.length > 0 && <Legend />}
      {tipped && anchor && <Tip server={tipped} at={anchor} />}
    </div>
  );
}

function Title({ group: { title, counts } }: { group: Group }) {
  const { silent, blind } = counts;
  return (
    <h2>
      {title && <bdi title={inert(title)}>{inert(title)}</bdi>}
      <small>{tallyOf(counts)}</small>
      {silent > 0 && <b class="bad">{silent} silent</b>}
      {blind > 0 && <b class="warn">{blind} blind</b>}
    </h2>
  );
}

/** What the colours of tiles say. */
function Legend() {
  return (
    <p class="legend-line" aria-hidden="true">
      <span>
        cpu 0 % <i class="ramp" /> 100 %
      </span>
      <span>
        <i class="tile silent" /> silent
      </span>
      <span>
        <i class="tile blind" /> blind
      </span>
      <span>
        <i class="tile alerted critical" /> alert
      </span>
    </p>
  );
}

/** What of the list stands in the address, so that the way back leads to it. */
function own({ by, sort, only }: Wanted): Record<string, string> {
  return { ...(by !== 'place' && { group: by }), ...(sort !== 'urgency' && { sort }), ...(only !== 'all' && { only }) };
}

const linksIn = (root: HTMLElement | null): HTMLElement[] => [...(root?.querySelectorAll<HTMLElement>('a.server') ?? [])];
const linkOf = (target: EventTarget | null): HTMLElement | null =>
  target instanceof Element ? target.closest<HTMLElement>('a.server') : null;
const numberOf = (link: HTMLElement | null): number | undefined => (link?.dataset.n === undefined ? undefined : Number(link.dataset.n));

/** The largest tiles with which all fit into what is left of the screen. */
function useTileSize(root: RefObject<HTMLDivElement | null>, groups: readonly Group[], form: Form): { size: Size; room: number } {
  const [room, setRoom] = useState<Room>({ width: 1200, height: 700 });
  const before = useRef<{ readonly size: Size; readonly room: object } | undefined>(undefined);
  const measure = () => {
    const element = root.current;
    const main = element?.closest('main');
    if (!element || !main) return;
    const bottom = Math.min(innerHeight, main.getBoundingClientRect().bottom) - legendHeight;
    const top = element.getBoundingClientRect().top + main.scrollTop + scrollY;
    const next = { width: element.clientWidth, height: Math.max(least, bottom - top), touched: matchMedia('(pointer: coarse)').matches };
    setRoom((known) => (Math.abs(known.width - next.width) < 2 && Math.abs(known.height - next.height) < 8 ? known : next));
  };
  // What stands above it may grow or go: it is watched, and not measured each time that a figure changes.
  useLayoutEffect(measure, [groups, form]);
  useEffect(() => {
    const watching = new ResizeObserver(measure);
    const main = root.current?.closest('main');
    for (const element of [main, ...(main?.children ?? [])]) if (element) watching.observe(element);
    addEventListener('resize', measure);
    return () => {
      watching.disconnect();
      removeEventListener('resize', measure);
    };
  }, []);
  return useMemo(() => {
    const size = tileFor(
      groups.map(({ servers }) => servers.length),
      room,
      nameWidth(groups.flatMap(({ servers }) => servers.map(({ host }) => host))),
      // On another screen another size is best.
      before.current?.room === room ? before.current.size : undefined,
    );
    before.current = form === 'tiles' ? { size, room } : undefined;
    return { size, room: room.width };
  }, [groups, room, form]);
}

/** Of the legend, and what stands free under it. */
const legendHeight = 44;
/** However little is left, tiles are made for this much; then one scrolls. */
const least = 240;
