/** What a series is: its key, its name and its attributes. */
import type { Point } from 'sluice';
import type { Series } from './memory.ts';
import type { Attributes } from './protocol.ts';

/** The words of a key as far as the host. */
export const serverOf = (key: string): string => {
  let end = -1;
  for (let word = 0; word < 4; word++) {
    end = key.indexOf('.', end + 1);
    if (end < 0) return key;
  }
  return key.slice(0, end);
};

/** Attributes in any order are the same series. */
export function idOf(key: string, attributes: Attributes | undefined): string {
  if (!attributes) return key;
  const entries = Object.entries(attributes);
  if (entries.length > 1) entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return entries.length === 0 ? key : `${key}\n${JSON.stringify(entries)}`;
}

/** Whether the point is of it, without making a text of it. */
export function isOf(
  { metric, unit, type, spelt }: Pick<Series, 'metric' | 'unit' | 'type' | 'spelt'>,
  { name, unit: given, type: said = 'gauge', attributes }: Point,
): boolean {
  if (metric.name !== name || unit !== given || type !== said) return false;
  let at = 0;
  for (const attribute in attributes) {
    if (spelt[at] !== attribute || spelt[at + 1] !== attributes[attribute]) return false;
    at += 2;
  }
  return at === spelt.length;
}
