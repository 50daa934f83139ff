/**
 * The structure of what flows: each field, how many events have it, of which type, and which values. A value filters when it is
 * pressed; a number can be followed.
 */
import type { Field } from 'sluice';
import { formatValue } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';

interface Given {
  readonly fields: readonly Field[];
  readonly events: number;
  readonly chosen: ReadonlySet<string>;
  readonly followed: string;
  readonly filter: (path: string, value: string) => void;
  readonly follow: (path: string) => void;
}

const plain = (value: number) =>
  Math.abs(value) < 1e6 ? String(Number(value.toPrecision(5))) : formatValue(value, { as: 'number', per: '', noun: '' });

export function Fields({ fields, events, chosen, followed, filter, follow }: Given) {
  return (
    <ul class="fields">
      {fields
        .filter(({ types }) => types.object === undefined || Object.keys(types).length > 1)
        .filter(({ path, types }) => !(types.list !== undefined && Object.keys(types).length === 1) || path.endsWith('[]'))
        .map((field) => {
          const path = plainPath(field.path);
          const share = events === 0 ? 0 : field.events / events;
          return (
            <li key={field.path}>
              <div class="path">
                <Path path={field.path} />
                <small>{typesOf(field)}</small>
                {path !== undefined && field.range && (
                  <button
                    type="button"
                    class="follow"
                    aria-pressed={followed === path}
                    onClick={() => follow(followed === path ? '' : path)}
                    title="Follow its numbers"
                  >
                    {followed === path ? 'followed' : 'follow'}
                  </button>
                )}
                <span class="share" title={`in ${field.events} of ${events} events`}>
                  <meter min={0} max={1} value={share} aria-label="Share of events that have it" />
                  {share > 0.9995 ? 'all' : `${Number((share * 100).toPrecision(2))} %`}
                </span>
              </div>
              <div class="values">
                {field.range && (
                  <span class="range">
                    {plain(field.range.min)} … <b>{plain(field.range.mean)}</b> … {plain(field.range.max)}
                  </span>
                )}
                {field.distinct > 1 && (
                  <small>
                    {field.estimated ? '≈ ' : ''}
                    {field.distinct.toLocaleString('en')} {field.path.endsWith('*') ? 'names' : 'values'}
                  </small>
                )}
                {!(field.range && field.distinct > 12) &&
                  field.values.map(({ value, count, cut }) => {
                    const text = String(value);
                    const shown = `${inert(text.length > 44 ? `${text.slice(0, 43)}…` : text) || '""'}`;
                    const word = `${encodeURIComponent(path ?? '')}=${text}`;
                    return path === undefined || cut || value === null ? (
                      <span key={text} class="value">
                        {shown}
                      </span>
                    ) : (
                      <button
                        key={text}
                        type="button"
                        class="value"
                        aria-pressed={chosen.has(word)}
                        onClick={() => filter(path, text)}
                        title={count > 0 ? `${count.toLocaleString('en')} times; filters by it` : 'filters by it'}
                      >
                        {shown}
                        {count > 1 && <small>{formatValue(count, { as: 'number', per: '', noun: '' })}</small>}
                      </button>
                    );
                  })}
              </div>
            </li>
          );
        })}
    </ul>
  );
}

/** As a filter takes it; undefined for what is no field of its own. */
function plainPath(path: string): string | undefined {
  const found = path.replaceAll('[]', '').replace(/^\./, '');
  return found === '' || found === '*' || found.endsWith('.*') || found.includes('.*.') || found.length > 255 ? undefined : found;
}

/** The last word is what one looks for. */
function Path({ path }: { path: string }) {
  const at = path.lastIndexOf('.', path.length - 2) + 1;
  // Names of attributes have dots of their own.
  const from = path.includes('attributes.')
    ? path.indexOf('attributes.') + 11
    : path.includes('fields.')
      ? path.indexOf('fields.') + 7
      : at;
  return (
    <code>
      <small>{inert(path.slice(0, from))}</small>
      {inert(path.slice(from))}
    </code>
  );
}

function typesOf({ types, length }: Field): string {
  const all = Object.entries(types).sort(([, one], [, other]) => other - one);
  const size = types.list !== undefined && length ? ` of ${length.min === length.max ? length.min : `${length.min}–${length.max}`}` : '';
  return `${all.map(([type]) => type).join(' | ')}${size}`;
}
