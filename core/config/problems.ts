/**
 * What a schema found wrong, in words for the person who wrote the values: what it is, and what to write instead, with
 * the nearest name where one was misspelt. zod issues → `{ path, text }`.
 */
import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import type { Path } from './document.ts';

export interface Problem {
  readonly path: Path;
  /** `what; what to do` */
  readonly text: string;
}

/** Lists what is wrong. `known` are more names that would have been accepted at the top. */
export function problemsOf(error: z.ZodError, schema: z.ZodType, value: unknown, known: readonly string[] = []): Problem[] {
  return error.issues.flatMap((issue) => describe(issue, schema, value, known));
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown, known: readonly string[]): Problem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const names = [...namesAt(schema, path), ...(path.length === 0 ? known : [])];
    return issue.keys.map((key) => ({ path: [...path, key], text: `"${key}" is no setting${orNearest(key, names)}` }));
  }
  const branch = issue.code === 'invalid_union' ? likeliest(issue) : undefined;
  if (branch) return branch.flatMap((inner) => describe({ ...inner, path: [...path, ...inner.path] }, schema, value, known));
  const whole = issue.code === 'custom' && issue.params?.whole === true;
  return [{ path, text: whole ? issue.message : `${found(path, valueAt(value, path))}; ${remedy(issue, valueAt(value, path))}` }];
}

/** Of a union, the form that the writer most likely meant: the one that failed deepest, if any got past its first step. */
function likeliest(issue: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] | undefined {
  return issue.errors.find((branch) => branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'));
}

function found(path: Path, value: unknown): string {
  const name = path.length === 0 ? 'it' : path.map(String).join('.');
  if (value === undefined) return `${name} is missing`;
  if (value === null) return `${name} is empty`;
  if (Array.isArray(value)) return `${name} is ${value.length === 0 ? 'an empty list' : 'a list'}`;
  if (typeof value === 'object') return `${name} is a mapping`;
  if (/password|secret|token/i.test(String(path.at(-1)))) return `${name} is not what it should be`;
  return `${name} is ${JSON.stringify(withoutCredentials(value)).slice(0, 80)}`;
}

/** An error goes into logs: what stands before the @ of an address may be a password. */
const withoutCredentials = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/(\/\/[^\s]*|^[^@\s]*:[^@\s]*)@/, '…@') : value;

const expectations: Record<string, string> = {
  string: 'write text',
  number: 'write a number',
  int: 'write a whole number',
  boolean: 'write true or false',
  array: 'write a list, as in [one, two]',
  object: 'write a mapping, as in {name: value}',
  record: 'write a mapping, as in {name: value}',
};

function remedy(issue: z.core.$ZodIssue, value: unknown): string {
  // A schema's own message says what to write; zod's own says what was wrong.
  if (!/^(Invalid|Too|Unrecognized)\b/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return expectations[issue.expected] ?? `write a ${issue.expected}`;
    case 'invalid_value': {
      const options = issue.values.map(String);
      const near = typeof value === 'string' ? nearest(value, options) : undefined;
      return near ? `did you mean "${near}"?` : `write ${options.length > 1 ? 'one of ' : ''}${options.join(', ')}`;
    }
    case 'too_small':
      return `write ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${units(issue)}`;
    case 'too_big':
      return `write ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${units(issue)}`;
    default:
      return `correct it (${issue.message})`;
  }
}

function units({ origin }: { readonly origin: string }): string {
  if (origin === 'string') return ' in length';
  return origin === 'array' ? ' of them' : '';
}

/** `; did you mean "host"?`, or the whole choice when nothing is near. */
export function orNearest(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  if (near) return `; did you mean "${near}"?`;
  if (names.length === 0) return '; remove it';
  return names.length === 1 ? `; there is only ${names[0]}` : `; there are ${names.join(', ')}`;
}

/** The name that was most likely meant, if any is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const typed = name.slice(0, 100).toLowerCase();
  const candidate = closest(typed, [...names]);
  // Two letters that changed places are two edits; in a name of three that would be anything.
  const allowed = candidate.length < 4 ? 1 : Math.max(2, candidate.length / 2.5);
  return distance(typed, candidate) <= allowed ? candidate : undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, step) : undefined), value);
}

/** The names that a schema accepts in the mapping at a path. */
function namesAt(schema: unknown, path: Path): string[] {
  const [step, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    if (step === undefined) return Object.keys(schema.shape);
    return namesAt(schema.shape[String(step)], rest);
  }
  if (schema instanceof z.ZodArray) return step === undefined ? [] : namesAt(schema.element, rest);
  if (schema instanceof z.ZodRecord) return step === undefined ? [] : namesAt(schema.valueType, rest);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => namesAt(option, path));
  if (schema instanceof z.ZodPipe) return namesAt(schema.in, path);
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  )
    return namesAt(schema.unwrap(), path);
  return [];
}
