/**
 * How large servers are shown: three as cards with all that is known, forty as a dense list, a thousand as tiles on one screen.
 *
 * how many, in which groups, on how much room → a form, and for tiles their size. What was chosen stays until it fits badly, so that
 * one server more or less moves nothing.
 */
export type Form = 'cards' | 'list' | 'tiles';

const mostCards = 9;
const mostList = 72;
/** So much more than a limit is let pass before the form changes again. */
const slack = 1.15;

export function formOf(count: number, before?: Form): Form {
  const least = before === 'tiles' ? mostList / slack : before === 'list' ? mostCards / slack : 0;
  if (before === 'tiles' && count > least) return 'tiles';
  if (count > mostList * (before === 'list' ? slack : 1)) return 'tiles';
  if (before === 'list' && count > least) return 'list';
  return count > mostCards * (before === 'cards' ? slack : 1) ? 'list' : 'cards';
}

export interface Tile {
  readonly width: number;
  readonly height: number;
  /** Whether its name fits in, and its processor's share. */
  readonly says: 'all' | 'name' | 'nothing';
}

const sized = (says: Tile['says'], ...sizes: readonly (readonly [width: number, height: number])[]): Tile[] =>
  sizes.map(([width, height]) => ({ width, height, says }));

/** From large to small. */
export const tiles: readonly Tile[] = [
  ...sized('all', [148, 44], [124, 40], [104, 38], [92, 36]),
  ...sized('name', [104, 28], [104, 24], [104, 20], [92, 26], [92, 22], [84, 30], [84, 26], [84, 22], [84, 19]),
  ...sized('name', [78, 24], [78, 20], [70, 24], [70, 20], [62, 22], [62, 19], [54, 20]),
  ...sized('nothing', [44, 28], [36, 26], [30, 24], [26, 22], [23, 21], [21, 20], [19, 18], [17, 16], [14, 14]),
].sort((one, other) => other.width * other.height - one.width * one.height);

/** The width that most of these names need on a tile. What is longer than is usual is cut, and stands in the tip. */
export function nameWidth(names: readonly string[]): number {
  const lengths = names.map((name) => name.length).sort((one, other) => one - other);
  const usual = lengths[Math.floor(lengths.length * 0.95)] ?? 0;
  return Math.min(mostName, usual * letter + 14);
}

/** Of a letter, at the size of a tile's text. */
const letter = 6.8;
const mostName = 104;
export const tileGap = 3;
/** What one takes that is no tile, and what lies between two. */
export const widths: Readonly<Record<Exclude<Form, 'tiles'>, readonly [width: number, gap: number]>> = { cards: [338, 12], list: [264, 8] };
/** Of a group's title, and between groups. */
export const titleHeight = 24;
const titleWidth = 220;
export const groupGap = 10;

/** Columns that a group takes: as many as it has servers, and enough for its title. Small groups share a row. */
export function columnsOf(count: number, columns: number, width: number): number {
  return Math.min(columns, Math.max(count, Math.ceil((titleWidth + tileGap) / (width + tileGap))));
}

export interface Room {
  readonly width: number;
  readonly height: number;
  /** Fingers are not as fine as a pointer. */
  readonly touched?: boolean;
}

/** The least width of what a finger hits. */
const finger = 30;

/** The largest tiles with which all groups fit on the room; the smallest, where none do. `name`: the width that names need. */
export function tileFor(groups: readonly number[], room: Room, name: number, before?: Tile): Tile {
  const least = room.touched ? finger : 0;
  const sizes = tiles.filter(({ width, says }) => width >= least && (says === 'nothing' || width >= name));
  const fits = (tile: Tile, height: number): boolean => heightOf(groups, tile, room.width) <= height;
  if (before && sizes.includes(before) && fits(before, room.height))
    return sizes.slice(0, sizes.indexOf(before)).find((tile) => fits(tile, room.height / slack)) ?? before;
  return sizes.find((tile) => fits(tile, room.height)) ?? (sizes.at(-1) as Tile);
}

export const columnsIn = (width: number, tile: number, gap = tileGap): number => Math.max(1, Math.floor((width + gap) / (tile + gap)));

/** Groups stand beside each other where they fit, as a dense grid places them: each in the first row that has room. */
function heightOf(groups: readonly number[], tile: Tile, width: number): number {
  const columns = columnsIn(width, tile.width);
  const rows: { taken: number; height: number }[] = [];
  for (const count of groups) {
    const own = columnsOf(count, columns, tile.width);
    let row = rows.find(({ taken }) => taken + own <= columns);
    if (!row) {
      row = { taken: 0, height: 0 };
      rows.push(row);
    }
    row.taken += own;
    row.height = Math.max(row.height, titleHeight + groupGap + Math.ceil(count / own) * (tile.height + tileGap));
  }
  return rows.reduce((sum, { height }) => sum + height, 0);
}
