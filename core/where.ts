/**
 * Which events are wanted by what their data holds: field paths to the values that they may have, any of which will do.
 *
 *     {"points.name": ["system.cpu.utilization"], "points.attributes.cpu.mode": ["user", "system"]}
 *     {"data.lines.severity": ["error", "fatal"]}
 *
 * A path goes through the event's data, and may say so (`data.`) or not. Through a list it goes by any element that fits, so two
 * paths may be met by two points of one event. A field's name may have dots in it. Values are compared as they are written:
 * `5` wants 5 and "5". A stranger's words, so all is bounded, and compiled once.
 */
import { z } from 'zod';

const maxDepth = 12;
/** Elements of a list that are looked at: a batch of points has fewer. */
const maxElements = 4096;
/** Steps through one event, however its data is built. */
const maxSteps = 20_000;

/** A field's path. */
export const fieldPath = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => text.split('.').length <= maxDepth, `a path has at most ${maxDepth} words`);
const wanted = z.union([z.string().max(1024), z.number(), z.boolean()]);

/** What a request may say. */
export const where = z
  .record(fieldPath, z.array(wanted).min(1).max(64))
  .refine((paths) => Object.keys(paths).length <= 16, 'at most 16 paths in one request');
export type Where = z.output<typeof where>;

/** Whether an event's data is wanted. */
export type WantedData = (data: unknown) => boolean;

/** Whether JSON may hold what is wanted, by a glance at its bytes: what does not pass need not be read. */
export function compileGlance(paths: Where): (json: Buffer) => boolean {
  const each = Object.values(paths).map((values) => values.map((value) => JSON.stringify(String(value)).slice(1, -1)));
  return (json) => each.every((texts) => texts.some((text) => json.includes(text)));
}

/** Whether an element of the list at this path is looked at. */
export type Keep = (path: string, element: unknown) => boolean;

/** Compiles a request. All of its paths have to fit. */
export function compileWhere(paths: Where): WantedData {
  const tests = Object.entries(paths).map(([path, values]) => {
    const seek = compilePath(path);
    const texts = new Set(values.map(String));
    return (data: unknown) => seek(data, (value) => texts.has(String(value)));
  });
  return (data) => tests.every((fits) => fits(data));
}

/**
 * Of the lists that a request goes through, only those elements are kept that fit it by themselves: of a metric's points those of the
 * name that is asked for. Undefined where every element is.
 */
export function keepOf(paths: Where): Keep | undefined {
  const all = Object.entries(paths).map(([path, values]) => [path.replace(/^data\.(?=.)/, ''), values] as const);
  if (all.length === 0) return undefined;
  const tests = new Map<string, WantedData | undefined>();
  const testOf = (list: string): WantedData | undefined => {
    const within = all.flatMap(([path, values]) => (path.startsWith(`${list}.`) ? [[path.slice(list.length + 1), values] as const] : []));
    return within.length > 0 ? compileWhere(Object.fromEntries(within)) : undefined;
  };
  return (list, element) => {
    if (!tests.has(list)) tests.set(list, testOf(list));
    return tests.get(list)?.(element) ?? true;
  };
}

/** Goes to all scalars at a path, until `meet` says that it has what it wants; says whether it did. */
export type Seek = (data: unknown, meet: (value: string | number | boolean | null) => boolean, keep?: Keep) => boolean;

export function compilePath(path: string): Seek {
  const words = path.replace(/^data\.(?=.)/, '').split('.');
  // Of `a.b.c`: a, a.b and a.b.c from the first word, and so on: each may be a field's whole name.
  const names = words.map((_, from) => words.slice(from).map((_, length) => words.slice(from, from + length + 1).join('.')));
  const before = words.map((_, from) => words.slice(0, from).join('.'));
  return (data, meet, keep) => {
    let steps = 0;
    const walk = (value: unknown, from: number): boolean => {
      if (++steps > maxSteps) return false;
      if (Array.isArray(value))
        return value
          .slice(0, maxElements)
          .some((element) => (keep === undefined || keep(before[from] ?? path, element)) && walk(element, from));
      const rest = names[from];
      if (rest === undefined) return isPlain(value) && meet(value);
      if (typeof value !== 'object' || value === null) return false;
      return rest.some((name, length) => Object.hasOwn(value, name) && walk((value as Record<string, unknown>)[name], from + length + 1));
    };
    return walk(data, 0);
  };
}

const isPlain = (value: unknown): value is string | number | boolean | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
