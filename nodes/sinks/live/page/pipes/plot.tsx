/** Small charts of a probe: events per second, and a field's numbers with their spread. Drawn anew once a second. */
import type { Reading } from 'sluice';

const width = 600;

/** The last seconds, the present at the right edge. */
export function Counts({ counts, seconds }: { counts: readonly number[]; seconds: number }) {
  const shown = counts.slice(-seconds);
  const most = Math.max(1, ...shown);
  const height = 44;
  const step = width / seconds;
  const from = width - shown.length * step;
  const bars = shown.map((count, index) => {
    const tall = (count / most) * (height - 2);
    return count > 0
      ? `M${(from + index * step).toFixed(1)} ${height}v${(-tall).toFixed(1)}h${Math.max(1, step - 0.6).toFixed(1)}v${tall.toFixed(1)}z`
      : '';
  });
  return (
    <svg
      class="counts"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Events per second, at most ${most}`}
    >
      <path d={bars.join('')} />
    </svg>
  );
}

/** The mean as a line, least to greatest as a band; where nothing came, a gap. */
export function Meter({ readings, seconds }: { readings: readonly Reading[]; seconds: number }) {
  const shown = readings.slice(-seconds);
  const known = shown.filter((each) => each !== null);
  const height = 120;
  if (known.length === 0) return <p class="note">No number has come yet.</p>;
  const [low, high] = [Math.min(...known.map(([min]) => min)), Math.max(...known.map(([, , max]) => max))];
  const spread = high - low || Math.abs(high) || 1;
  const step = width / seconds;
  const from = width - shown.length * step;
  const x = (index: number) => (from + (index + 0.5) * step).toFixed(1);
  const y = (value: number) => (height - 6 - ((value - low) / spread) * (height - 12)).toFixed(1);
  // What comes each few seconds is one line still; a long silence is a gap.
  const gaps = shown.map((each, index) => (each === null ? -1 : index)).filter((index) => index >= 0);
  const usual = Math.max(2, ...gaps.slice(1).map((index, at) => Math.min(30, index - (gaps[at] ?? index))));
  let line = '';
  gaps.forEach((index, at) => {
    const reading = shown[index];
    if (reading) line += `${at === 0 || index - (gaps[at - 1] ?? 0) > usual ? 'M' : 'L'}${x(index)} ${y(reading[1])}`;
  });
  const band = gaps
    .map((index) => {
      const [min, , max] = shown[index] ?? [0, 0, 0];
      return max > min ? `M${x(index)} ${y(max)}V${y(min)}` : '';
    })
    .join('');
  return (
    <svg
      class="meter"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label="The field's numbers, second by second"
    >
      <path class="band" d={band} stroke-width={Math.max(1, step)} />
      <path class="line" d={line} />
    </svg>
  );
}
