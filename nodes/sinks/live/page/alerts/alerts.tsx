/**
 * The tab of alerts: what fires, what is held, what is over, as far back as anything is kept. One that is opened says why it came.
 */
import { useState } from 'preact/hooks';
import type { Episode } from '../../episodes.ts';
import { bound, go, oneOf, step, text, words } from '../address.ts';
import { useCells } from '../parts/cell.ts';
import { Empty } from '../parts/empty.tsx';
import { formatClock, formatDay, plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { natural } from '../parts/natural.ts';
import { paused, range, search, servers, span } from '../view.ts';
import { arrange, countBy, groupings, hostOf, placeOf, serverOf } from './arrange.ts';
import { askOlder, episodes, eventOf, heard, past } from './known.ts';
import { List } from './list.tsx';
import { WhyPanel } from './why.tsx';
import './alerts.css';

const states = bound('state', words);
const severities = bound('severity', words);
const place = bound('place', text);
const by = bound('by', oneOf(groupings));
/** The event of the alert that is open. */
const open = bound('alert', text);

export function Alerts() {
  useCells(episodes, heard, past, search, servers, span, paused, states, severities, place, by, open);
  const [failed, setFailed] = useState('');
  const all = episodes.value;
  const asked = {
    text: search.value.trim(),
    states: states.value,
    severities: severities.value,
    place: place.value,
    servers: servers.value,
    by: by.value,
  };
  // Where the page stands still, it shows the span that is looked at.
  const during = paused.value === undefined ? undefined : range();
  const groups = arrange(during ? all.filter((each) => isDuring(each, during)) : all, asked);
  const isFiltered =
    during !== undefined ||
    asked.text !== '' ||
    [asked.states, asked.severities, asked.servers].some((each) => each.length > 0) ||
    asked.place !== '';

  const openOne = async (episode: Episode) => {
    setFailed('');
    const event = await eventOf(episode).catch(() => undefined);
    if (event === undefined)
      return setFailed(`It is not kept when ${episode.rule} of ${hostOf(episode)} fired: its reasons cannot be told.`);
    if (open.value === '') step();
    open.set(event);
  };
  const close = () => {
    const { value } = open;
    open.set('');
    // Back to where the reader came from.
    const row = all.find(({ event }) => event === value);
    if (row) document.querySelector<HTMLElement>(`[data-alert="${CSS.escape(row.id)}"]`)?.focus();
  };

  return (
    <div class={`alerts-view ${open.value === '' ? '' : 'opened'}`}>
      <div class="alerts-main">
        <Filters all={all} />
        {during && (
          <p class="note">
            Of {stamp(during.from)} to {stamp(during.to)} only.{' '}
            <button type="button" onClick={() => paused.set(undefined)}>
              All times
            </button>
          </p>
        )}
        {failed !== '' && <p class="note">{inert(failed)}</p>}
        {groups.length > 0 ? (
          <List groups={groups} open={open.value || undefined} onOpen={openOne} />
        ) : !heard.value ? (
          <Empty title="Asking what fires…">If this stays, the line at the top says why.</Empty>
        ) : isFiltered ? (
          <Empty title="No alert fits.">
            <button type="button" onClick={showAll}>
              Show all {plural(all.length, 'alert')}
            </button>
          </Empty>
        ) : (
          <Empty title="Nothing fires, and nothing did in the last minutes.">
            That is good news as long as servers are heard. What is judged: the filters on the tab Pipes; why something did not fire:{' '}
            <code>sluice why-not &lt;host/resource&gt; --at &lt;time&gt;</code>
          </Empty>
        )}
        {heard.value && <Older />}
      </div>
      {open.value !== '' && (
        <WhyPanel key={open.value} id={open.value} episode={all.find(({ event }) => event === open.value)} close={close} />
      )}
    </div>
  );
}

const isDuring = ({ since, ended }: Episode, { from, to }: { from: number; to: number }): boolean =>
  since <= to && (ended ?? Number.POSITIVE_INFINITY) >= from;
const stamp = (time: number): string => `${formatDay(time)} ${formatClock(time)}`;

function showAll(): void {
  paused.set(undefined);
  search.set('');
  servers.set([]);
  states.set([]);
  severities.set([]);
  place.set('');
}

function Filters({ all }: { all: readonly Episode[] }) {
  const places = [...new Set(all.map(placeOf))].sort(natural);
  const toggle = (cell: typeof states, word: string) =>
    cell.set(cell.value.includes(word) ? cell.value.filter((each) => each !== word) : [...cell.value, word]);
  const chips = (of: 'state' | 'severity', cell: typeof states) =>
    countBy(all, of).map(([word, count]) => (
      <button
        type="button"
        key={word}
        class={`alert-chip ${word}`}
        aria-pressed={cell.value.includes(word)}
        onClick={() => toggle(cell, word)}
      >
        {inert(word)} <b>{count}</b>
      </button>
    ));
  return (
    <div class="alert-filters">
      <fieldset aria-label="State">{chips('state', states)}</fieldset>
      <fieldset aria-label="Severity">{chips('severity', severities)}</fieldset>
      <label>
        Group by{' '}
        <select value={by.value} onChange={({ currentTarget }) => by.set(currentTarget.value as typeof by.value)}>
          {groupings.map((name) => (
            <option key={name} value={name}>
              {name === 'none' ? 'nothing' : name}
            </option>
          ))}
        </select>
      </label>
      {(places.length > 1 || place.value !== '') && (
        <label>
          Place{' '}
          <select value={place.value} onChange={({ currentTarget }) => place.set(currentTarget.value)}>
            <option value="">all</option>
            {[...new Set([...places, ...(place.value === '' ? [] : [place.value])])].slice(0, 500).map((name) => (
              <option key={name} value={name}>
                {inert(name)}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

/** The way back into the past, and how far it went. */
function Older() {
  useCells(past);
  const { value } = past;
  const to = value.to === undefined ? '' : ` than ${formatDay(value.to)} ${formatClock(value.to).slice(0, 5)}`;
  if (value.state === 'whole') return <p class="alerts-more note">That is all that is kept.</p>;
  return (
    <div class="alerts-more">
      {value.state === 'failed' && <p class="note">History: {inert(value.why)}</p>}
      <button type="button" disabled={value.state === 'asking'} onClick={askOlder}>
        {value.state === 'asking'
          ? 'Asking the store…'
          : value.state === 'failed'
            ? 'Try again'
            : value.state === 'unasked'
              ? 'Older, from the store'
              : `Older${to}`}
      </button>
    </div>
  );
}

/** The alerts of one server, for its own page: the latest of them, each a link to its reasons. */
export function ServerAlerts({ server }: { server: string }) {
  useCells(episodes, heard);
  const own = episodes.value.filter((each) => serverOf(each) === server);
  const groups = arrange(own, { text: '', states: [], severities: [], place: '', servers: [], by: 'none' });
  if (groups.length === 0) return <p class="note">{heard.value ? 'No alert in the last minutes.' : 'Asking what fires…'}</p>;
  return <List groups={groups} open={undefined} onOpen={openElsewhere} />;
}

async function openElsewhere(episode: Episode): Promise<void> {
  const event = await eventOf(episode).catch(() => undefined);
  go('alerts', event === undefined ? {} : { alert: event });
}
