/**
 * The top line: where one is, whether the line to sluice is there, and how to look at it. The search is the tab's own.
 */
import { useRef } from 'preact/hooks';
import { go, href, type Tab, tab, tabs } from './address.ts';
import { firingOf } from './alerts/firing.tsx';
import { episodes } from './alerts/known.ts';
import { Looker } from './door/signin.tsx';
import { Help } from './help.tsx';
import icon from './icon.svg';
import { useKeys } from './keys.ts';
import { useCells } from './parts/cell.ts';
import { formatAge } from './parts/format.ts';
import { inert } from './parts/inert.ts';
import { now } from './parts/time.ts';
import { Range } from './range.tsx';
import { nextTheme, search, second, servers, theme } from './view.ts';
import type { Line, LineState } from './wire/line.ts';

const titles: Readonly<Record<Tab, string>> = { servers: 'Servers', charts: 'Charts', logs: 'Log', alerts: 'Alerts', pipes: 'Pipes' };
/** What the search looks for; a tab without one has a search of its own, marked `data-search`. */
const searches: Partial<Record<Tab, string>> = {
  servers: 'Search servers by name, place or label',
  charts: 'Search charts by name or attribute',
  alerts: 'Search alerts',
  pipes: 'Search nodes',
};

export function Header({ line, shown }: { line: Line; shown: readonly Tab[] }) {
  useCells(episodes, tab, search, servers, theme);
  const firing = firingOf(episodes.value).length;
  const input = useRef<HTMLInputElement>(null);
  const label = searches[tab.value];
  useKeys([
    {
      key: '/',
      does: 'search',
      press: () => (document.querySelector<HTMLElement>('main [data-search]') ?? input.current)?.focus(),
    },
    {
      key: 'Escape',
      does: 'clears the search, closes what is open',
      press() {
        const typing = document.activeElement;
        if (typing !== input.current || !(typing instanceof HTMLElement)) return typing instanceof HTMLInputElement ? typing.blur() : false;
        search.set('');
        typing.blur();
      },
    },
    { key: 't', does: 'light, dark, or as the system has it', press: nextTheme },
    ...tabs.map((name, index) => ({ key: String(index + 1), does: titles[name].toLowerCase(), press: () => go(name) })),
  ]);

  return (
    <header class="top">
      <h1>
        <a class="title" href="#/servers">
          <img src={icon} alt="" width="20" height="20" />
          sluice
        </a>
      </h1>
      <nav aria-label="Views">
        {tabs
          .filter((name) => shown.includes(name))
          .map((name) => (
            <a key={name} href={href(name)} aria-current={tab.value === name ? 'page' : undefined}>
              {titles[name]}
              {name === 'alerts' && firing > 0 && <span class="many">{firing}</span>}
            </a>
          ))}
      </nav>
      <Connection line={line} />
      <Looker />
      <div class="tools">
        {servers.value.length > 0 && <Chosen />}
        {label !== undefined && (
          <input
            ref={input}
            type="search"
            placeholder="Search   /"
            aria-label={label}
            title={label}
            maxLength={200}
            value={search.value}
            onInput={(event) => search.set(event.currentTarget.value)}
          />
        )}
        <Range />
        <button
          type="button"
          class="icon"
          onClick={nextTheme}
          title={`Theme: ${theme.value}  t`}
          aria-label={`Theme: ${theme.value}; change it`}
        >
          {theme.value === 'system' ? '◐' : theme.value === 'light' ? '☀' : '☾'}
        </button>
        <Help />
      </div>
    </header>
  );
}

/** The servers that are looked at; pressed, it is all again. */
function Chosen() {
  const [first = '', ...more] = servers.value;
  const host = inert(first.split('.').slice(3).join('.') || first);
  return (
    <button type="button" class="chosen" onClick={() => servers.set([])} title="Look at all servers again">
      <bdi>{more.length > 0 ? `${host} and ${more.length} more` : host}</bdi> ✕
    </button>
  );
}

function Connection({ line }: { line: Line }) {
  useCells(line.state, second);
  const [name, said] = words(line.state.value);
  return (
    <p class={`connection ${name}`} role="status">
      {said}
    </p>
  );
}

function words(line: LineState): readonly [name: string, said: string] {
  if (line.state !== 'lost') return [line.state, line.state === 'live' ? 'live' : 'connecting…'];
  const wait = Math.max(0, Math.ceil((line.retry - now()) / 1000));
  return ['lost', `no connection for ${formatAge(now() - line.since)}; ${wait > 0 ? `again in ${wait} s` : 'trying'}`];
}
