/** Which servers are looked at over each other: those that are ticked, or all. */
import { useState } from 'preact/hooks';
import { useCells } from '../parts/cell.ts';
import { inert } from '../parts/inert.ts';
import { natural } from '../parts/natural.ts';
import { servers } from '../view.ts';
import { knownServers, readServers } from './servers.ts';

const mostListed = 200;
/** More lines than this are better told apart by a search. */
const mostChosen = 40;

export function Picker() {
  useCells(servers, knownServers);
  const [sought, seek] = useState('');
  const chosen = servers.value;
  const last = (id: string) => (chosen.includes(id) ? 0 : 1);
  const all = [...knownServers.value.servers].sort(([id, one], [other, two]) => last(id) - last(other) || natural(one.host, two.host));
  const words = sought.toLowerCase().split(/\s+/);
  const found = all.filter(([id, { labels }]) => {
    const text = [id, ...Object.values(labels)].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const toggle = (id: string) =>
    servers.set(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id].slice(-mostChosen));
  return (
    <details class="filter" name="filter" onToggle={({ currentTarget }) => currentTarget.open && void readServers()}>
      <summary class={chosen.length > 0 ? 'on' : ''}>
        {chosen.length === 0 ? 'All servers' : chosen.length === 1 ? hostOf(chosen[0] ?? '') : `${chosen.length} servers`}
      </summary>
      <div class="choices">
        <input
          type="search"
          aria-label="Search servers"
          placeholder="Search name or label"
          value={sought}
          onInput={(event) => seek(event.currentTarget.value)}
        />
        <ul>
          {found.slice(0, mostListed).map(([id, { host }]) => (
            <li key={id}>
              <label title={inert(id)}>
                <input type="checkbox" checked={chosen.includes(id)} onChange={() => toggle(id)} /> <bdi>{inert(host)}</bdi>
              </label>
            </li>
          ))}
        </ul>
        {found.length > mostListed && <p class="note">{found.length - mostListed} more fit.</p>}
        {found.length === 0 && <p class="note">No server fits.</p>}
        {chosen.length > 0 && (
          <button type="button" onClick={() => servers.set([])}>
            All servers
          </button>
        )}
      </div>
    </details>
  );
}

const hostOf = (id: string) => inert(id.split('.').slice(3).join('.') || id);
