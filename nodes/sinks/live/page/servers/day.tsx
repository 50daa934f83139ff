/**
 * The last day of a server as a bar: alive, silent, blind, retired; empty where nobody kept it. Asked of the store once, and again
 * when its state changes.
 */
import { useEffect, useState } from 'preact/hooks';
import type { Stretch } from '../../fleet/past.ts';
import { useCells } from '../parts/cell.ts';
import { formatAge, formatClock } from '../parts/format.ts';
import { now } from '../parts/time.ts';
import { second } from '../view.ts';

const dayMs = 86_400_000;
/** A browser draws no numbers as large as milliseconds. */
const width = 1000;
const scale = width / dayMs;
/** What was short is shown all the same. */
const leastWidth = 2;

export function Day({ id, status }: { id: string; status: string | undefined }) {
  useCells(second);
  const [stretches, setStretches] = useState<readonly Stretch[] | undefined>(undefined);
  useEffect(() => {
    const asking = new AbortController();
    const to = Math.ceil(now());
    const query = new URLSearchParams({ server: id, from: String(to - dayMs), to: String(to) });
    fetch(`api/servers/past?${query}`, { signal: asking.signal })
      .then((answer) => (answer.ok ? (answer.json() as Promise<Stretch[]>) : []))
      .then(setStretches, () => {});
    return () => asking.abort();
  }, [id, status]);

  const to = now();
  const from = to - dayMs;
  const last = stretches?.at(-1);
  const bad = (stretches ?? []).filter((stretch) => stretch.status === 'silent' || stretch.status === 'blind');
  const away = bad.reduce((sum, stretch) => sum + (endOf(stretch, to) - Math.max(from, stretch.from)), 0);
  return (
    <section class="day">
      <h3>
        Last day{' '}
        <small>
          {stretches?.length === 0 && 'nothing is kept of it here: the store does that'}
          {stretches !== undefined &&
            stretches.length > 0 &&
            (bad.length === 0 ? 'no silence' : `${formatAge(away)} of silence, ${bad.length === 1 ? 'once' : `${bad.length} times`}`)}
        </small>
      </h3>
      <svg viewBox={`0 0 ${width} 1`} preserveAspectRatio="none" role="img" aria-label={spoken(stretches ?? [], to)}>
        {(stretches ?? []).map((stretch) => {
          const start = Math.max(0, stretch.from - from) * scale;
          const wide = Math.max(stretch.status === 'alive' ? 0 : leastWidth, (endOf(stretch, to) - from) * scale - start);
          return (
            <rect key={stretch.from} class={stretch.status} x={start} y="0" width={wide} height="1">
              <title>{`${stretch.status} from ${formatClock(stretch.from)} to ${stretch === last ? 'now' : formatClock(stretch.to)}`}</title>
            </rect>
          );
        })}
      </svg>
      <p class="hours" aria-hidden="true">
        {[24, 18, 12, 6, 0].map((hours) => (
          <span key={hours}>{hours === 0 ? 'now' : `${hours} h ago`}</span>
        ))}
      </p>
    </section>
  );
}

/** The last one lasts. */
const endOf = (stretch: Stretch, now: number): number => (stretch.open ? now : stretch.to);

const spoken = (stretches: readonly Stretch[], now: number): string =>
  stretches.length === 0
    ? 'Nothing is kept of the last day'
    : stretches
        .map((stretch) => `${stretch.status} for ${formatAge(endOf(stretch, now) - stretch.from)}`)
        .slice(-20)
        .join(', ');
