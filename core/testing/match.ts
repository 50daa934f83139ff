/** Compares what an example expects with what came, and says the difference so that a person sees it at once. */
import { isDeepStrictEqual } from 'node:util';
import { duration, formatDuration } from '../clock.ts';
import type { Expected } from '../node.ts';
import type { Came } from './play.ts';

/**
 * What is wrong, or undefined. All that came must be expected, one by one and in order; of `state` only what is named
 * must come, in order, and other states may come between.
 */
export function mismatch(expected: readonly Expected[], came: readonly Came[]): string | undefined {
  return exactly(expected, came) ?? amongStates(expected, came);
}

function exactly(expected: readonly Expected[], came: readonly Came[]): string | undefined {
  const wanted = expected.filter(({ kind }) => kind !== 'state');
  const others = came.filter(({ kind }) => kind !== 'state');
  for (let index = 0; index < Math.max(wanted.length, others.length); index++) {
    const [want, got] = [wanted[index], others[index]];
    const flaw = want === undefined ? 'nothing more was expected' : got === undefined ? 'nothing more came' : differs(want, got);
    if (flaw === undefined) continue;
    return [
      `event ${index + 1}: ${flaw}`,
      `  expected ${want ? showExpected(want) : 'nothing'}`,
      `  came     ${got ? showCame(got) : 'nothing'}`,
    ].join('\n');
  }
  return undefined;
}

function amongStates(expected: readonly Expected[], came: readonly Came[]): string | undefined {
  const states = came.filter(({ kind }) => kind === 'state');
  let from = 0;
  for (const want of expected.filter(({ kind }) => kind === 'state')) {
    const found = states.findIndex((got, index) => index >= from && differs(want, got) === undefined);
    if (found < 0) {
      const rest = states.slice(from).map((got) => `\n  came     ${showCame(got)}`);
      return `a state did not come\n  expected ${showExpected(want)}${rest.join('') || '\n  came     nothing'}`;
    }
    from = found + 1;
  }
  return undefined;
}

/** The first thing in which they differ. */
function differs(want: Expected, got: Came): string | undefined {
  if (want.kind !== got.kind) return `its kind is ${got.kind}`;
  if (want.at !== undefined && duration(want.at) !== got.at) return `it came at ${when(got.at)}`;
  if (want.key !== undefined && want.key !== got.key) return `its key is ${got.key}`;
  if (want.data === undefined) return undefined;
  return misfit(want.data, got.data, 'data');
}

/** Objects are matched as far as they are written, everything else whole. */
function misfit(want: unknown, got: unknown, path: string): string | undefined {
  if (Array.isArray(want) && Array.isArray(got)) {
    if (want.length !== got.length) return `${path} has ${got.length} items`;
    return firstOf(want.map((item, index) => () => misfit(item, got[index], `${path}.${index}`)));
  }
  if (isObject(want) && isObject(got)) {
    return firstOf(
      Object.entries(want).map(
        ([name, value]) =>
          () =>
            misfit(value, got[name], `${path}.${name}`),
      ),
    );
  }
  return isDeepStrictEqual(want, got) ? undefined : `${path} is ${show(got)}, not ${show(want)}`;
}

function firstOf(checks: (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const flaw = check();
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const show = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value));
const when = (at: number): string => (at === 0 ? '0s' : formatDuration(at));

const showExpected = ({ kind, at, key, data }: Expected): string =>
  [kind, at && `at ${at}`, key, data && show(data)].filter((part) => part !== undefined).join('  ');

/** One line of what came: kind, time of the play, key, data. */
export const showCame = ({ kind, at, key, data }: Came): string => `${kind}  at ${when(at)}  ${key}  ${show(data)}`;
