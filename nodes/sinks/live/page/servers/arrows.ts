/** Where an arrow key leads from one of many boxes that lie in rows, in groups that lie under each other. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The index of the box to go to; the same one where there is none. Undefined: the key means nothing here. */
export function arrow(key: string, boxes: readonly Box[], at: number): number | undefined {
  const here = boxes[at];
  const last = boxes.length - 1;
  if (!here) return boxes.length > 0 && isArrow(key) ? 0 : undefined;
  switch (key) {
    case 'ArrowRight':
      return Math.min(last, at + 1);
    case 'ArrowLeft':
      return Math.max(0, at - 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'ArrowDown':
      return nearest(
        boxes,
        here,
        at,
        (box) => box.top >= here.bottom - 1,
        (box) => box.top,
      );
    case 'ArrowUp':
      return nearest(
        boxes,
        here,
        at,
        (box) => box.bottom <= here.top + 1,
        (box) => -box.bottom,
      );
    default:
      return undefined;
  }
}

export const isArrow = (key: string): boolean => /^(Arrow(Right|Left|Up|Down)|Home|End)$/.test(key);

/** In the nearest row beyond, the box that lies most nearly under or over this one. */
function nearest(boxes: readonly Box[], here: Box, at: number, isBeyond: (box: Box) => boolean, far: (box: Box) => number): number {
  const middle = (box: Box) => (box.left + box.right) / 2;
  let [best, row, off] = [at, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const [index, box] of boxes.entries()) {
    if (!isBeyond(box)) continue;
    const distance = far(box);
    const aside = Math.abs(middle(box) - middle(here));
    if (distance > row + 2 || (distance > row - 2 && aside >= off)) continue;
    [best, row, off] = [index, distance, aside];
  }
  return best;
}
