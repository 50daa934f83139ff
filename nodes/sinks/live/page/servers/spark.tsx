/** The last minute of a processor: the shape, not the numbers. A line over small gaps, none over large ones. */
import { useCells } from '../parts/cell.ts';
import { second } from '../view.ts';

const points = 60;
/** Seconds without a value over which the line goes on: some monitors look each few seconds. */
const bridged = 6;

export function Spark({ values, now }: { values: readonly (number | null)[]; now: number | undefined }) {
  useCells(second);
  const { line, area } = pathOf(values);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${points - 1} 100`}
      preserveAspectRatio="none"
      role="img"
      aria-label={now === undefined ? 'Processor: no value' : `Processor, the last minute; now ${now} %`}
    >
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}

function pathOf(values: readonly (number | null)[]): { line: string; area: string } {
  let [line, area, first, last] = ['', '', -1, -1];
  const close = () => {
    if (first >= 0) area += `L${last} 100L${first} 100Z`;
  };
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const x = points - values.length + index;
    const at = `${x} ${100 - Math.min(100, value)}`;
    if (last >= 0 && x - last <= bridged) {
      line += `L${at}`;
      area += `L${at}`;
    } else {
      close();
      line += `M${at}`;
      area += `M${x} 100L${at}`;
      first = x;
    }
    last = x;
  }
  close();
  return { line, area };
}
