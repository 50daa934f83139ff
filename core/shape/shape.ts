/**
 * What flows, seen from its examples: which fields events have, of which types, how often, with which values. What a multimeter
 * shows of a current, a shape shows of a pipe.
 *
 * values → fields. Whatever comes, it stays small: of a value at most `maxVisits` places are looked at, of all values together at
 * most `maxFields` fields are told apart. Names beyond `maxNames` in one object are counted as one field, `*`.
 */

import type { Keep } from '../where.ts';
import { type Cardinality, cardinality, hashNumber, hashText } from './cardinality.ts';
import { type Frequent, frequent } from './frequent.ts';

export type FieldType = 'string' | 'number' | 'boolean' | 'null' | 'list' | 'object';
export type Scalar = string | number | boolean | null;

/** A field, as far as it is known. */
export interface Field {
  /** `points[].name`; without its `[]` as a filter takes it. `*` stands for names of an object that were too many. */
  readonly path: string;
  /** How many values have it at all, and how often it stood in them: more often, within lists. */
  readonly events: number;
  readonly count: number;
  readonly types: Readonly<Partial<Record<FieldType, number>>>;
  /** How many different scalars stood there, and whether that is an estimate. Of `*`: how many names. */
  readonly distinct: number;
  readonly estimated: boolean;
  /** Some of the scalars, each once; the most frequent first, with how often at least. Long texts are cut, and said to be. */
  readonly values: readonly { readonly value: Scalar; readonly count: number; readonly cut?: true }[];
  /** Of its numbers. */
  readonly range?: { readonly min: number; readonly max: number; readonly mean: number };
  /** Of its texts, in characters; of its lists, in items. */
  readonly length?: { readonly min: number; readonly max: number };
}

export interface ShapeSeen {
  /** How many values were looked at, and how many of them not as a whole, since they were too large or too deep. */
  readonly events: number;
  readonly partial: number;
  /** In the order in which they were found, each after its parent. */
  readonly fields: readonly Field[];
  /** There were more fields than are told apart. */
  readonly more: boolean;
}

export interface Shape {
  /** Returns how many places were looked at: what it cost. */
  take(value: unknown, keep?: Keep): number;
  seen(): ShapeSeen;
}

export const maxFields = 400;
const maxNames = 48;
const maxDepth = 16;
const maxVisits = 4_000;
const maxSlots = 24;
const maxValues = 8;
const maxText = 120;
/** Where a field has more values than this, one that was seen once is an example and not a frequent one. */
const manyValues = 64;

interface Branch {
  readonly path: string;
  readonly types: Partial<Record<FieldType, number>>;
  events: number;
  /** The number of the value that it was part of last. */
  last: number;
  count: number;
  names?: Map<string, Branch>;
  rest?: Branch;
  items?: Branch;
  distinct?: Cardinality;
  values?: Frequent<Scalar>;
  cut?: Set<string>;
  numbers?: { count: number; sum: number; min: number; max: number };
  length?: { min: number; max: number };
}

export function shape(): Shape {
  const branches: Branch[] = [];
  let events = 0;
  let partial = 0;
  let more = false;

  const grow = (path: string): Branch | undefined => {
    if (branches.length >= maxFields) {
      more = true;
      return undefined;
    }
    const branch: Branch = { path, types: {}, events: 0, last: 0, count: 0 };
    branches.push(branch);
    return branch;
  };
  const root: Branch = { path: '', types: {}, events: 0, last: 0, count: 0 };

  const childOf = (branch: Branch, name: string): Branch | undefined => {
    branch.names ??= new Map();
    const known = branch.names.get(name);
    if (known) return known;
    if (branch.names.size < maxNames && branch.path.length + name.length < 512) {
      const grown = grow(memberPath(branch.path, name));
      if (grown) branch.names.set(name, grown);
      return grown;
    }
    const rest = branch.rest ?? grow(memberPath(branch.path, '*'));
    if (rest) {
      branch.rest = rest;
      rest.distinct ??= cardinality();
      rest.distinct.add(hashText(name));
    }
    return rest;
  };

  return {
    take(value, keep) {
      events += 1;
      let visits = 0;
      let whole = true;
      const visit = (branch: Branch, part: unknown, depth: number): void => {
        if (++visits > maxVisits) {
          whole = false;
          return;
        }
        note(branch, part, events);
        if (typeof part !== 'object' || part === null) return;
        if (depth >= maxDepth) {
          whole = false;
          return;
        }
        if (Array.isArray(part)) {
          const items = branch.items ?? grow(`${branch.path}[]`);
          if (items) branch.items = items;
          const list = keep && items ? branch.path.replaceAll('[]', '') : '';
          for (const item of part) {
            if (visits > maxVisits) break;
            if (items && (keep === undefined || keep(list, item))) visit(items, item, depth + 1);
          }
          return;
        }
        for (const name in part) {
          if (visits > maxVisits) break;
          const child = childOf(branch, name);
          if (child) visit(child, (part as Record<string, unknown>)[name], depth + 1);
          else visits += 1;
        }
      };
      visit(root, value, 0);
      if (!whole) partial += 1;
      return visits;
    },
    seen: () => ({ events, partial, fields: branches.filter(({ count }) => count > 0).map(fieldOf), more }),
  };
}

const typeOf = (value: unknown): FieldType => {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'list';
  const type = typeof value;
  return type === 'object' || type === 'string' || type === 'number' || type === 'boolean' ? type : 'null';
};

/** Counts what stands at a place of a value. */
function note(branch: Branch, value: unknown, event: number): void {
  const type = typeOf(value);
  branch.count += 1;
  branch.types[type] = (branch.types[type] ?? 0) + 1;
  if (branch.last !== event) {
    branch.last = event;
    branch.events += 1;
  }
  if (type === 'object') return;
  if (type === 'list') {
    measure(branch, (value as unknown[]).length);
    return;
  }
  const isRest = branch.path.endsWith('*');
  if (type === 'string') {
    measure(branch, (value as string).length);
    if (!isRest) tell(branch, value as string, hashText(value as string));
  } else if (type === 'number') {
    const number = value as number;
    branch.numbers ??= { count: 0, sum: 0, min: number, max: number };
    branch.numbers.count += 1;
    branch.numbers.sum += number;
    if (number < branch.numbers.min) branch.numbers.min = number;
    if (number > branch.numbers.max) branch.numbers.max = number;
    if (!isRest) tell(branch, number, hashNumber(number));
  } else if (!isRest) {
    const scalar = type === 'null' ? null : (value as boolean);
    tell(branch, scalar, hashText(`${type} ${scalar}`));
  }
}

function measure(branch: Branch, length: number): void {
  branch.length ??= { min: length, max: length };
  if (length < branch.length.min) branch.length.min = length;
  if (length > branch.length.max) branch.length.max = length;
}

function tell(branch: Branch, value: Scalar, hash: number): void {
  branch.distinct ??= cardinality();
  branch.distinct.add(hash);
  branch.values ??= frequent(maxSlots);
  if (typeof value === 'string' && value.length > maxText) {
    const text = value.slice(0, maxText).toWellFormed();
    branch.cut ??= new Set();
    // What was once a slot's is no longer needed: a few more than there are slots are enough.
    if (branch.cut.size > 4 * maxSlots) branch.cut.clear();
    branch.cut.add(text);
    branch.values.add(text);
  } else branch.values.add(value);
}

function fieldOf({ path, events, count, types, distinct, values, cut, numbers, length }: Branch): Field {
  const many = (distinct?.count ?? 0) > manyValues;
  const told = values?.top(maxValues) ?? [];
  return {
    path,
    events,
    count,
    types,
    distinct: distinct?.count ?? 0,
    estimated: distinct?.estimated ?? false,
    values: told.map(({ value, count: least }) => ({
      value,
      count: many && least <= 1 ? 0 : least,
      ...(typeof value === 'string' && cut?.has(value) && { cut: true as const }),
    })),
    ...(numbers && { range: { min: numbers.min, max: numbers.max, mean: numbers.sum / numbers.count } }),
    ...(length && { length }),
  };
}

/** A member's path: `points[].name`, `fields.http.status`. Names stand as they are, so that a filter takes what is shown. */
export const memberPath = (parent: string, name: string): string => (parent === '' ? name : `${parent}.${name}`);

/** As `where` takes it: it goes through lists by itself. Undefined for what is no field of its own. */
export function wherePath(path: string): string | undefined {
  const plain = path.replaceAll('[]', '').replace(/^\./, '');
  return plain === '' || plain === '*' || plain.endsWith('.*') || plain.includes('.*.') ? undefined : plain;
}
