/**
 * What stands over the list: how many live, who does not, and by what they are grouped and sorted. What needs a person stands here
 * however far down its tile is; pressed, it stands alone.
 */
import type { Cell } from '../parts/cell.ts';
import { plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { natural } from '../parts/natural.ts';
import type { Fleet } from './fleet.ts';
import type { Only } from './listing.ts';
import { type Counts, groupings, type Sort, sorts } from './order.ts';
import { tallyOf } from './words.ts';

interface Props {
  readonly fleet: Fleet;
  readonly counts: Counts;
  readonly by: Cell<string>;
  readonly sort: Cell<Sort>;
  readonly only: Cell<Only>;
}

export function Bar({ fleet, counts, by, sort, only }: Props) {
  const { silent, blind, alerted, retired, hubs, all } = counts;
  const offered = groupings(fleet.all.values());
  const names = [...new Set([...offered, ...(by.value === 'none' ? [] : [by.value])])];
  const labels = names.filter((name) => name.startsWith('label:')).sort(natural);
  return (
    <div class="fleet-bar">
      <p class="tally" aria-live="polite">
        {tallyOf(counts)}
        {hubs > 0 && all > 0 && <small> · {plural(hubs, 'hub')}</small>}
      </p>
      <fieldset class="onlys" aria-label="Show only">
        <OnlyButton only={only} is="silent" count={silent} name={`${silent} silent`} />
        <OnlyButton only={only} is="blind" count={blind} name={`${blind} blind`} />
        <OnlyButton only={only} is="alerts" count={alerted} name={`${alerted} with alerts`} />
        <OnlyButton only={only} is="retired" count={retired} name={`${retired} retired`} />
      </fieldset>
      <div class="orders">
        <label>
          <span>Group</span>
          <select value={by.value} onChange={({ currentTarget }) => by.set(currentTarget.value)}>
            <option value="none">not at all</option>
            {names
              .filter((name) => !name.startsWith('label:'))
              .map((name) => (
                <option key={name} value={name}>
                  by {inert(name)}
                </option>
              ))}
            {labels.length > 0 && (
              <optgroup label="by label">
                {labels.map((name) => (
                  <option key={name} value={name}>
                    by {inert(name.slice('label:'.length))}
                  </option>
                ))}
              </optgroup>
            )}
          </select>
        </label>
        <label>
          <span>Sort</span>
          <select value={sort.value} onChange={({ currentTarget }) => sort.set(currentTarget.value as Sort)}>
            {sorts.map((name) => (
              <option key={name} value={name}>
                {sortNames[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
    </div>
  );
}

const sortNames: Readonly<Record<Sort, string>> = {
  urgency: 'most urgent',
  name: 'by name',
  cpu: 'busiest',
  memory: 'fullest memory',
  age: 'newest',
};

function OnlyButton({ only, is, count, name }: { only: Cell<Only>; is: Only; count: number; name: string }) {
  const isPressed = only.value === is;
  if (count === 0 && !isPressed) return null;
  return (
    <button type="button" class={`only-${is}`} aria-pressed={isPressed} onClick={() => only.set(isPressed ? 'all' : is)}>
      {name}
    </button>
  );
}
