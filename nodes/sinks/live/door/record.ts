/**
 * The record of who came to the door, as `audit` events. A few of a sort are told one by one; of more only how many, once a minute:
 * whoever is refused must not fill the record by coming again.
 */
import type { DataInput } from 'sluice';

type Told = DataInput<'audit'>;

export interface Record {
  tell(what: Told): void;
  /** A second has passed. */
  tick(): void;
  /** Tells what was not told yet. */
  close(): void;
}

const each = 5;
const mostSorts = 200;
const mostPerSpan = 120;
const spanTicks = 60;

export function createRecord(audit: (what: Told) => Promise<void>): Record {
  const sorts = new Map<string, { readonly who: string; readonly did: string; told: number; more: number }>();
  let ticks = 0;
  let told = 0;

  const send = (what: Told): void => {
    // What cannot be kept now is not worth more than what keeps it: the process has said so already.
    audit(what).catch(() => {});
  };
  const settle = (): void => {
    for (const { who, did, more } of sorts.values()) if (more > 0) send({ who, did, detail: { more } });
    sorts.clear();
    told = 0;
  };
  return {
    tell(what) {
      let name = `${what.did}\n${what.who}`;
      // Of too many who come, the rest are one.
      const who = sorts.has(name) || sorts.size < mostSorts ? what.who : 'others';
      name = `${what.did}\n${who}`;
      const sort = sorts.get(name) ?? { who, did: what.did, told: 0, more: 0 };
      sorts.set(name, sort);
      if (sort.told < each && told < mostPerSpan) {
        sort.told++;
        told++;
        send(what);
      } else sort.more++;
    },
    tick() {
      ticks++;
      if (ticks % spanTicks === 0) settle();
    },
    close: settle,
  };
}
