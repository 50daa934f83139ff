/** What goes beyond the usual spans: all that was kept, or from one moment to another. */
import { useRef, useState } from 'preact/hooks';
import { useCells } from '../parts/cell.ts';
import { formatClock, formatDay } from '../parts/format.ts';
import { now } from '../parts/time.ts';
import { lookAt, paused, range, span } from '../view.ts';
import { oldestKept } from './past.ts';

export function Spans() {
  useCells(span, paused);
  const form = useRef<HTMLFormElement>(null);
  const [said, say] = useState('');
  const { from, to } = range();
  const all = async () => {
    say('');
    const oldest = await oldestKept(now()).catch(() => undefined);
    if (oldest === undefined) return say('No history is kept by this sluice.');
    lookAt(oldest, now());
    paused.set(undefined);
  };
  const choose = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(form.current ?? undefined);
    const [first, last] = ['from', 'to'].map((name) => new Date(String(given.get(name))).getTime());
    if (first === undefined || last === undefined || !(last - first >= 1000)) return say('“to” must lie after “from”.');
    say('');
    lookAt(first, last);
    form.current?.closest('details')?.removeAttribute('open');
  };
  return (
    <details class="filter" name="filter">
      <summary>Time</summary>
      <form class="choices" ref={form} onSubmit={choose}>
        <label>
          From{' '}
          <input type="datetime-local" step="1" name="from" key={`from${Math.floor(from / 60_000)}`} defaultValue={local(from)} required />
        </label>
        <label>
          To <input type="datetime-local" step="1" name="to" key={`to${Math.floor(to / 60_000)}`} defaultValue={local(to)} required />
        </label>
        <button type="submit">Show</button>
        <button type="button" onClick={all}>
          All of history
        </button>
        {said && (
          <p class="note" role="alert">
            {said}
          </p>
        )}
      </form>
    </details>
  );
}

const local = (time: number) => `${formatDay(time)}T${formatClock(time)}`;
