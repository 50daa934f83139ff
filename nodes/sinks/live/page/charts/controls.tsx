/**
 * How one chart is looked at: what makes a line, how values come together, what is left out. Whatever is chosen stands in the address.
 */
import { useEffect, useState } from 'preact/hooks';
import { useCells } from '../parts/cell.ts';
import { inert } from '../parts/inert.ts';
import { natural } from '../parts/natural.ts';
import type { Family } from './families.ts';
import type { Line } from './lines.ts';
import { folds, type Look, type Questions } from './looks.ts';
import { type Known, knownServers } from './servers.ts';
import { looks, setLook } from './settings.ts';

export function Controls({ family, asked: { by, fold }, lines }: { family: Family; asked: Questions; lines: readonly Line[] }) {
  useCells(looks, knownServers);
  const look = looks.value.get(family.id) ?? {};
  const { labels } = knownServers.value;
  const groups = ['server', ...family.attributes.keys(), ...[...labels.keys()].map((name) => `label:${name}`)];
  const toggle = (name: string) => {
    const now = by === 'each' ? [] : by;
    setLook(family.id, { by: now.includes(name) ? now.filter((each) => each !== name) : [...now, name].slice(-8) });
  };
  const isOpen = Object.keys(look).length > 0;
  return (
    <div class="controls">
      <fieldset>
        <legend>Group by</legend>
        <button type="button" aria-pressed={by === 'each'} onClick={() => setLook(family.id, { by: 'each' })}>
          each series
        </button>
        <button type="button" aria-pressed={by !== 'each' && by.length === 0} onClick={() => setLook(family.id, { by: [] })}>
          all together
        </button>
        {groups.map((name) => (
          <button key={name} type="button" aria-pressed={by !== 'each' && by.includes(name)} onClick={() => toggle(name)}>
            <bdi>{inert(name.replace(/^label:/, ''))}</bdi>
          </button>
        ))}
      </fieldset>
      <label>
        as{' '}
        <select
          aria-label="How values come together"
          value={fold}
          disabled={by === 'each'}
          onChange={({ currentTarget }) => setLook(family.id, { fold: folds.find((each) => each === currentTarget.value) ?? 'sum' })}
        >
          {folds.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <Filters family={family} look={look} labels={labels} />
      {isOpen && (
        <button type="button" onClick={() => setLook(family.id, undefined)}>
          Reset
        </button>
      )}
      <span class="count">{lines.length} shown</span>
    </div>
  );
}

function Filters({ family, look, labels }: { family: Family; look: Look; labels: Known['labels'] }) {
  const values = [
    ...[...family.attributes.values()].map((each) => [each.name, each.values, each.more ?? each.of > each.values.length] as const),
    ...[...labels].map(([name, each]) => [`label:${name}`, [...each], false] as const),
  ];
  return (
    <>
      {values.map(([name, each, more]) => (
        <Filter key={name} id={family.id} name={name} values={each} more={more} look={look} />
      ))}
    </>
  );
}

interface FilterProps {
  readonly id: string;
  readonly name: string;
  readonly values: readonly string[];
  /** There are more than these. */
  readonly more: boolean;
  readonly look: Look;
}

/** Values that are listed at once. */
const mostListed = 100;

function Filter({ id, name, values, more, look }: FilterProps) {
  const [sought, seek] = useState('');
  const chosen = look.where?.[name] ?? [];
  const all = [...new Set([...chosen, ...values])].sort(natural);
  const found = all.filter((value) => value.toLowerCase().includes(sought.toLowerCase()));
  const set = (next: readonly string[]) => setLook(id, { where: { ...look.where, [name]: next } });
  const typed = sought !== '' && !all.includes(sought) && more;
  return (
    <details class="filter" name="filter">
      <summary class={chosen.length > 0 ? 'on' : ''}>
        <bdi>{inert(name.replace(/^label:/, ''))}</bdi>
        {chosen.length > 0 && <b> {chosen.length === 1 ? inert(chosen[0] ?? '') : chosen.length}</b>}
      </summary>
      <div class="choices">
        {(all.length > 8 || more) && (
          <input
            type="search"
            aria-label={`Search values of ${inert(name)}`}
            placeholder="Search"
            value={sought}
            onInput={(event) => seek(event.currentTarget.value)}
          />
        )}
        <ul>
          {typed && (
            <li>
              <button type="button" class="link" onClick={() => set([...chosen, sought])}>
                only “<bdi>{inert(sought)}</bdi>”
              </button>
            </li>
          )}
          {found.slice(0, mostListed).map((value) => (
            <li key={value}>
              <label>
                <input
                  type="checkbox"
                  checked={chosen.includes(value)}
                  onChange={() => set(chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value])}
                />{' '}
                <bdi>{inert(value) || '(empty)'}</bdi>
              </label>
            </li>
          ))}
        </ul>
        {(more || found.length > mostListed) && <p class="note">There are more: type one.</p>}
        {chosen.length > 0 && (
          <button type="button" onClick={() => set([])}>
            All
          </button>
        )}
      </div>
    </details>
  );
}

/** Keeps a list of choices from staying open under what is pressed beside it. */
export function useClosing(): void {
  useEffect(() => {
    const close = ({ target }: Event) => {
      for (const open of document.querySelectorAll<HTMLDetailsElement>('details.filter[open]'))
        if (!(target instanceof Node && open.contains(target))) open.open = false;
    };
    addEventListener('pointerdown', close);
    return () => removeEventListener('pointerdown', close);
  }, []);
}
