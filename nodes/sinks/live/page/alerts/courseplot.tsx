/** The course of a series as a small picture: its line, the limit, and when what happened. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { formatClock, formatQuantity } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import type { Course } from './course.ts';

const height = 148;
const [top, right, bottom, left] = [16, 10, 18, 58];

export function CoursePlot({ course }: { course: Course }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    const observer = new ResizeObserver(() => setWidth(current.clientWidth));
    observer.observe(current);
    setWidth(current.clientWidth);
    return () => observer.disconnect();
  }, []);
  const { name, unit, threshold, note } = course;
  const known = course.points.flatMap(([, value]) => (value === null ? [] : [value]));
  const last = known.at(-1) ?? 0;
  const words = `${inert(name)}, ${formatQuantity(Math.min(...known), unit)} to ${formatQuantity(Math.max(...known), unit)}${
    threshold === undefined ? '' : `, limit ${formatQuantity(threshold, unit)}`
  }; last ${formatQuantity(last, unit)}`;
  return (
    <figure class="course">
      <figcaption>
        <bdi>{inert(name)}</bdi>
        {note && <small> {note}</small>}
      </figcaption>
      <div ref={box} class="course-box">
        {width > 0 && (
          <svg width={width} height={height} role="img" aria-label={words}>
            <Drawn course={course} width={width} known={known} />
          </svg>
        )}
      </div>
    </figure>
  );
}

function Drawn({ course, width, known }: { course: Course; width: number; known: readonly number[] }) {
  const { from, to, points, threshold, unit, marks } = course;
  const all = threshold === undefined ? known : [...known, threshold];
  const [low, high] = roomy(Math.min(...all), Math.max(...all), unit === '1');
  const x = (time: number): number => left + ((time - from) / Math.max(1, to - from)) * (width - left - right);
  const y = (value: number): number => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const dots = known.length <= 12;
  const seconds = to - from < 3_600_000 ? 'seconds' : 'minutes';
  return (
    <>
      {[low, (low + high) / 2, high].map((value) => (
        <g key={value}>
          <line class="course-grid" x1={left} x2={width - right} y1={y(value)} y2={y(value)} />
          <text x={left - 6} y={y(value) + 4} text-anchor="end">
            {formatQuantity(value, unit)}
          </text>
        </g>
      ))}
      <text x={left} y={height - 4}>
        {clock(from, seconds)}
      </text>
      <text x={width - right} y={height - 4} text-anchor="end">
        {clock(to, seconds)}
      </text>
      <path class="course-line" d={pathOf(points, x, y)} />
      {dots && points.map(([time, value]) => value !== null && <circle key={time} class="course-dot" cx={x(time)} cy={y(value)} r="3" />)}
      {threshold !== undefined && (
        <>
          <line class="course-limit" x1={left} x2={width - right} y1={y(threshold)} y2={y(threshold)} />
          <text class="course-limit-text" x={width - right} y={y(threshold) - 4} text-anchor="end">
            limit {formatQuantity(threshold, unit)}
          </text>
        </>
      )}
      {marks.map(({ at, what }, nth) => (
        <g key={what}>
          <line class={`course-mark ${what === 'fired' ? 'fired' : ''}`} x1={x(at)} x2={x(at)} y1={top - 4} y2={height - bottom} />
          {/* The word of one that is too near to the one before has no room. */}
          {(nth === 0 || x(at) - x(marks[nth - 1]?.at ?? 0) > 40) && (
            <text x={x(at) + (nth === 0 ? -3 : 3)} y={top - 5} text-anchor={nth === 0 && x(at) > left + 60 ? 'end' : 'start'}>
              {what}
            </text>
          )}
        </g>
      ))}
    </>
  );
}

/** A line with a gap wherever nothing is known. */
function pathOf(points: Course['points'], x: (time: number) => number, y: (value: number) => number): string {
  let path = '';
  let drawing = false;
  for (const [time, value] of points) {
    if (value === null) {
      drawing = false;
      continue;
    }
    path += `${drawing ? 'L' : 'M'}${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    drawing = true;
  }
  return path;
}

/** A little more than there is; never below 0 where nothing is, nor above the whole of a share. */
function roomy(low: number, high: number, isShare: boolean): readonly [number, number] {
  const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 ? Math.max(0, low - room) : low - room, isShare && high <= 1 ? Math.min(1, high + room) : high + room];
}

const clock = (time: number, to: 'seconds' | 'minutes'): string => formatClock(time).slice(0, to === 'seconds' ? 8 : 5);
