/**
 * The top line: where one is, whether the line to sluice is there, how much there is, and how to look at it.
 */
import { useEffect, useRef } from 'preact/hooks';
import { type Cell, useCells } from './cell.ts';
import type { Line } from './connection.ts';
import { formatAge, formatClock, plural } from './format.ts';
import icon from './icon.svg';
import { alertsOf, type Model } from './model.ts';
import { now } from './time.ts';
import { nextTheme, paused, search, second, span, spans, theme, togglePause } from './view.ts';

export type Tab = 'overview' | 'logs' | 'alerts';
const tabs: readonly (readonly [Tab, string])[] = [
  ['overview', 'Overview'],
  ['logs', 'Log'],
  ['alerts', 'Alerts'],
];

export function Header({ model, line, tab }: { model: Model; line: Cell<Line>; tab: Tab }) {
  useCells(model.firing, model.servers, search, span, theme, paused);
  const firing = alertsOf(model).firing.length;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest('input, select, textarea');
      if (event.key === 'Escape' && event.target === input.current) {
        search.set('');
        input.current?.blur();
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '/') {
        event.preventDefault();
        input.current?.focus();
      }
      // On a button, space is that button's.
      if (event.key === ' ' && !(event.target instanceof HTMLElement && event.target.closest('button, a'))) {
        event.preventDefault();
        togglePause();
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);

  return (
    <header class="top">
      <h1>
        <img src={icon} alt="" width="20" height="20" />
        sluice
      </h1>
      <Connection line={line} />
      <Counts model={model} />
      <nav aria-label="Views">
        {tabs.map(([name, title]) => (
          <a key={name} href={`#${name}`} aria-current={tab === name ? 'page' : undefined}>
            {title}
            {name === 'alerts' && firing > 0 && <span class="many">{firing}</span>}
          </a>
        ))}
      </nav>
      <div class="tools">
        <input
          ref={input}
          type="search"
          placeholder="Search charts   /"
          aria-label="Search charts by name, host or attribute"
          value={search.value}
          onInput={(event) => search.set(event.currentTarget.value)}
        />
        <fieldset class="spans" aria-label="Span of the charts">
          {spans.map(({ seconds, name }) => (
            <button type="button" key={seconds} aria-pressed={span.value === seconds} onClick={() => span.set(seconds)}>
              {name}
            </button>
          ))}
        </fieldset>
        <button type="button" class="pause" aria-pressed={paused.value !== undefined} onClick={togglePause} title="Space">
          {paused.value === undefined ? 'Pause' : 'Resume'}
        </button>
        <button
          type="button"
          class="theme"
          onClick={nextTheme}
          title={`Theme: ${theme.value}`}
          aria-label={`Theme: ${theme.value}; change it`}
        >
          {theme.value === 'system' ? '◐' : theme.value === 'light' ? '☀' : '☾'}
        </button>
      </div>
    </header>
  );
}

function Connection({ line }: { line: Cell<Line> }) {
  useCells(line, paused, second);
  const [name, text] = words(line.value);
  return (
    <p class={`connection ${name}`} role="status">
      {text}
    </p>
  );
}

function words(line: Line): readonly [name: string, text: string] {
  if (line.state === 'lost') {
    const wait = Math.max(0, Math.ceil((line.retry - now()) / 1000));
    return ['lost', `no connection for ${formatAge(now() - line.since)}; ${wait > 0 ? `again in ${wait} s` : 'trying'}`];
  }
  if (paused.value !== undefined) return ['paused', `paused at ${formatClock(paused.value)}`];
  return [line.state, line.state === 'live' ? 'live' : 'connecting…'];
}

function Counts({ model }: { model: Model }) {
  useCells(second);
  return (
    <p class="counts">
      <span>{plural(model.servers.value.size, 'server')}</span>
      <span>{plural(model.nodes.value.size, 'node')}</span>
      <span>{plural(model.charts.value.seriesCount, 'series', 'series')}</span>
      <span>{model.rate.value} events/s</span>
    </p>
  );
}
