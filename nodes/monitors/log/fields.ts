/**
 * A line's structured fields, as its event may hold them. Whoever writes to the log chooses their names and number, and
 * an event with one unfit field would be refused whole, with every other line in it: so they are made fit here.
 */

export type Fields = Record<string, string | number | boolean>;

const mostFields = 64;
const nameLimit = 128;
const valueLimit = 8192;

/** Sets a field where that is possible: nested values become JSON text, what is too long is cut, what is too many left out. */
export function setField(fields: Fields, name: string, value: unknown): void {
  // As a name, `__proto__` would make the event unfit, and here it would set no field at all.
  if (name === '' || name === '__proto__' || value === null || value === undefined) return;
  if (Object.keys(fields).length >= mostFields) return;
  fields[cut(name, nameLimit)] = scalar(value);
}

function scalar(value: unknown): string | number | boolean {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  return cut(typeof value === 'object' ? JSON.stringify(value) : String(value), valueLimit);
}

/** The text, at most so long, and without halves of characters. */
function cut(text: string, limit: number): string {
  return (text.length > limit ? text.slice(0, limit) : text).toWellFormed();
}
