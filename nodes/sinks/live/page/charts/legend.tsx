/** The lines of a chart with their values: a few words each where it is small, a table where it is large. */
import type { Ref } from 'preact';
import { formatValue, type Shown } from '../parts/format.ts';
import { servers } from '../view.ts';
import type { Line } from './lines.ts';

interface Props {
  readonly at: Ref<HTMLElement>;
  readonly lines: readonly Line[];
  readonly colourOf: (line: Line) => string;
  readonly stacked: boolean;
  readonly large: boolean;
  /** How many there is room for. */
  readonly room: number;
  /** How many there are that are not drawn. */
  readonly more: number;
  readonly onMore: () => void;
}

export function Legend(props: Props) {
  return props.large ? <Table {...props} /> : <Words {...props} />;
}

function Words({ at, lines, colourOf, stacked, room, more, onMore }: Props) {
  const cut = more > 0 || lines.length > room;
  const listed = cut ? lines.slice(0, room - 1) : lines;
  const rest = more + lines.length - listed.length;
  return (
    <ul class={`legend${lines.length === 1 && !cut ? ' single' : ''}`} ref={at as Ref<HTMLUListElement>}>
      {listed.map((line) => (
        <li key={line.id} title={line.label} class={stacked ? line.part : ''} data-line={line.id}>
          <i style={{ background: colourOf(line) }} />
          <bdi>{line.label}</bdi>
          <output />
        </li>
      ))}
      {rest > 0 && (
        <li class="more">
          <button type="button" onClick={onMore}>
            +{rest.toLocaleString('en')} more
          </button>
        </li>
      )}
    </ul>
  );
}

const columns = ['now', 'min', 'mean', 'max'] as const;

function Table({ at, lines, colourOf, stacked }: Props) {
  return (
    <div class="values" ref={at as Ref<HTMLDivElement>}>
      <table>
        <thead>
          <tr>
            <th scope="col">Series</th>
            {columns.map((column) => (
              <th key={column} scope="col" class="number">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.id} class={stacked ? line.part : ''} data-line={line.id}>
              <th scope="row" title={line.label}>
                <i style={{ background: colourOf(line) }} />
                {line.server === undefined ? <bdi>{line.label}</bdi> : <Server id={line.server} label={line.label} />}
              </th>
              {columns.map((column) => (
                <td key={column} class="number">
                  <output />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Server({ id, label }: { id: string; label: string }) {
  return (
    <button type="button" class="link" onClick={() => servers.set([id])} title="Look at this server alone">
      <bdi>{label}</bdi>
    </button>
  );
}

/** Sets the numbers of each line that is listed; `span`: also what was least, usual and most in it. */
export function writeValues(
  legend: HTMLElement | null,
  lines: readonly Line[],
  values: readonly (number | null)[],
  shown: Shown,
  span: { readonly from: number; readonly to: number; readonly step: number } | undefined,
): void {
  if (!legend) return;
  const places = new Map(lines.map((line, index) => [line.id, index]));
  for (const place of legend.querySelectorAll('[data-line]')) {
    const index = places.get(place.getAttribute('data-line') ?? '') ?? -1;
    const line = lines[index];
    // The list is of another moment: Preact is about to make it anew.
    if (!line) continue;
    const numbers = [values[index] ?? null, ...(span ? extremes(line, span) : [])];
    for (const [nth, output] of place.querySelectorAll('output').entries()) {
      const value = numbers[nth];
      const text = value == null ? '–' : formatValue(value, shown);
      if (output.textContent !== text) output.textContent = text;
    }
  }
}

function extremes(line: Line, { from, to, step }: { from: number; to: number; step: number }): (number | null)[] {
  let [least, sum, most, count] = [Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, 0];
  for (let second = Math.ceil(from / step) * step; second <= to; second += step) {
    const value = line.at(second);
    if (value === null) continue;
    const [low, high] = line.band?.(second) ?? [value, value];
    least = Math.min(least, low);
    most = Math.max(most, high);
    sum += value;
    count++;
  }
  return count === 0 ? [null, null, null] : [least, sum / count, most];
}
