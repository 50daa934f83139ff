/** Which span of time is looked at: live up to now, or one that stands still. */
import { step } from './address.ts';
import { useKeys } from './keys.ts';
import { useCells } from './parts/cell.ts';
import { formatAge, formatClock, formatDay } from './parts/format.ts';
import { now } from './parts/time.ts';
import { paused, span, spans, togglePause } from './view.ts';

export function Range() {
  useCells(span, paused);
  const at = paused.value;
  const isUsual = spans.some(({ seconds }) => seconds === span.value);
  /** Half a span back or forth; past now it runs again. */
  const move = (spansBy: number) => {
    const to = (paused.value ?? now()) + spansBy * span.value * 1000;
    paused.set(to >= now() ? undefined : to);
  };
  useKeys([
    { key: ' ', does: 'stands still, or runs again', press: togglePause },
    { key: '[', does: 'half a span back in time', press: () => move(-0.5) },
    { key: ']', does: 'half a span forward', press: () => move(0.5) },
  ]);
  return (
    <fieldset class="range" aria-label="Span of time">
      <button type="button" onClick={() => move(-0.5)} aria-label="Half a span back" title="Back  [">
        ‹
      </button>
      <select
        aria-label="Span"
        value={isUsual ? span.value : 'own'}
        onChange={({ currentTarget }) => {
          if (currentTarget.value === 'own') return;
          step();
          span.set(Number(currentTarget.value));
        }}
      >
        {!isUsual && <option value="own">{formatAge(span.value * 1000)}</option>}
        {spans.map(({ seconds, name }) => (
          <option key={seconds} value={seconds}>
            {name}
          </option>
        ))}
      </select>
      <button type="button" disabled={at === undefined} onClick={() => move(0.5)} aria-label="Half a span forward" title="Forward  ]">
        ›
      </button>
      {/* Its width is the same in both states, so that nothing beside it moves. */}
      <button type="button" class="pause" aria-pressed={at !== undefined} onClick={togglePause} title="Space">
        {at === undefined ? 'Pause' : 'Go live'}
      </button>
      {at !== undefined && (
        <span class="until">
          until {now() - at > 43_200_000 && `${formatDay(at)} `}
          {formatClock(at)}
        </span>
      )}
    </fieldset>
  );
}
