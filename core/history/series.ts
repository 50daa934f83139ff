/** What every past that tells how series went has in common: which ones are meant, and how several accounts of one become one. */
import type { KeptSeries, SeriesRequest } from '../history.ts';
import { unescapeWord } from '../key.ts';
import { isWithin } from './within.ts';

/** A test for series. Its answer for a key is remembered as long as the test is. */
export function wantsSeries({
  servers,
  hosts,
  attributes = {},
  part = '',
}: Pick<SeriesRequest, 'servers' | 'hosts' | 'attributes' | 'part'>): (key: string, attributes: KeptSeries['attributes']) => boolean {
  const sees = isWithin(part);
  const [ofServer, ofHost] = [servers && new Set(servers), hosts && new Set(hosts)];
  const wanted = Object.entries(attributes).map(([name, values]) => [name, new Set(values)] as const);
  const known = new Map<string, boolean>();
  const isAbout = (key: string): boolean => {
    const words = key.split('.', 4);
    return sees(key) && (!ofServer || ofServer.has(words.join('.'))) && (!ofHost || ofHost.has(unescapeWord(words[3] ?? '')));
  };
  return (key, own) => {
    const about = known.get(key) ?? isAbout(key);
    known.set(key, about);
    return about && wanted.every(([name, values]) => Object.hasOwn(own, name) && values.has(String(own[name])));
  };
}

/** Series by what they are, each once: what an earlier account knows of a step stands, a later one fills in what that does not. */
export function mergeSeries(...accounts: readonly (readonly KeptSeries[])[]): KeptSeries[] {
  const merged = new Map<string, KeptSeries>();
  for (const account of accounts) {
    for (const series of account) {
      const id = seriesName(series.key, series.attributes);
      const before = merged.get(id);
      if (!before) merged.set(id, series);
      else fill(before, series);
    }
  }
  return [...merged.values()];
}

/** The same for the same attributes in any order. */
export function seriesName(key: string, attributes: KeptSeries['attributes']): string {
  const entries = Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1));
  return `${key}\n${JSON.stringify(entries)}`;
}

function fill(to: KeptSeries, from: KeptSeries): void {
  for (let step = 0; step < to.mean.length; step++) {
    if (!Number.isNaN(to.mean[step])) continue;
    to.mean[step] = from.mean[step] ?? Number.NaN;
    to.low[step] = from.low[step] ?? Number.NaN;
    to.high[step] = from.high[step] ?? Number.NaN;
  }
}
