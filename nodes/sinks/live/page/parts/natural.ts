/** The order in which people list names: api-3 before api-10, whatever the case. */
const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

export const natural = (one: string, other: string): number => collator.compare(one, other) || (one < other ? -1 : one > other ? 1 : 0);
