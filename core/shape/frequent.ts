/**
 * The most frequent of many values, in a few slots: Space-Saving (Metwally et al. 2005). What makes up more than one in `slots` of
 * all is always among them; each count is known to be no more than its error too high.
 */
export interface Counted<Value> {
  readonly value: Value;
  /** It came at least this often. */
  readonly count: number;
  /** And at most so many times more. */
  readonly error: number;
}

export interface Frequent<Value extends string | number | boolean | null> {
  add(value: Value, times?: number): void;
  /** Most frequent first. */
  top(most: number): Counted<Value>[];
}

export function frequent<Value extends string | number | boolean | null>(slots: number): Frequent<Value> {
  const held = new Map<Value, { count: number; error: number }>();
  const least = (): [value: Value, count: number] => {
    let found: [Value, number] | undefined;
    for (const [value, { count }] of held) if (!found || count < found[1]) found = [value, count];
    return found as [Value, number];
  };
  return {
    add(value, times = 1) {
      const known = held.get(value);
      if (known) {
        known.count += times;
      } else if (held.size < slots) {
        held.set(value, { count: times, error: 0 });
      } else {
        const [out, count] = least();
        held.delete(out);
        held.set(value, { count: count + times, error: count });
      }
    },
    top(most) {
      const all = [...held].map(([value, { count, error }]) => ({ value, count: count - error, error }));
      return all.sort((one, other) => other.count - one.count || one.error - other.error).slice(0, most);
    },
  };
}
