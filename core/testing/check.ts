/**
 * Checks a filter by its own examples: each gives what it expects; the same again gives the same bytes; and so it does when
 * the filter is made anew from its tables after each input, as after a crash. `sluice test` prints the report.
 */
import { AssertionError } from 'node:assert';
import type { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { Kind } from '../kinds.ts';
import type { Example, Expected, Filter, Recording, Step, TableShapes } from '../node.ts';
import { mismatch, showCame } from './match.ts';
import { type Came, type PlayOptions, play } from './play.ts';

export interface ExampleReport {
  readonly doc: string;
  readonly passed: boolean;
  readonly expected: readonly Expected[];
  readonly came: readonly Came[];
  /** What is wrong, for a person; undefined when it passed. */
  readonly problem: string | undefined;
}

export interface FilterReport {
  readonly filter: string;
  readonly passed: boolean;
  readonly examples: readonly ExampleReport[];
  /** Whether the same inputs give the same bytes each time; what differs when they do not. */
  readonly determinism: { readonly passed: boolean; readonly problem: string | undefined };
  /** Whether a filter that is made anew after each input gives the same bytes as one that lives on. */
  readonly restart: { readonly passed: boolean; readonly problem: string | undefined };
}

export interface CheckOptions {
  /** Whether a filter that fails throws an AssertionError, as a test wants it, or is only reported. */
  readonly failing?: 'throws' | 'is reported';
}

/** Plays one example. Never throws: what went wrong is the report's `problem`. */
export function runExample<Config extends z.ZodType, In extends Kind, Out extends Kind, Shapes extends TableShapes>(
  filter: Filter<Config, In, Out, Shapes>,
  example: Example<Config>,
): ExampleReport {
  const report = (came: readonly Came[], problem: string | undefined): ExampleReport => ({
    doc: example.doc,
    passed: problem === undefined,
    expected: example.expect,
    came,
    problem,
  });
  try {
    const { came } = play(filter, example.config ?? ({} as z.input<Config>), example.given);
    const died = came.find(({ kind }) => kind === 'dead');
    const problem = mismatch(example.expect, came);
    const reason = problem !== undefined && died?.kind === 'dead' ? `an input was dead-lettered: ${died.data.reason}\n` : '';
    return report(came, problem === undefined ? undefined : reason + problem);
  } catch (thrown) {
    return report([], messageOf(thrown));
  }
}

/** Checks all of a filter's examples and its contract. @throws AssertionError with a readable difference, unless asked not to. */
export function checkFilter<Config extends z.ZodType, In extends Kind, Out extends Kind, Shapes extends TableShapes>(
  filter: Filter<Config, In, Out, Shapes>,
  options: CheckOptions = {},
): FilterReport {
  const examples = filter.examples.map((example) => runExample(filter, example));
  // An example that cannot be played at all says so once, above.
  const playable = filter.examples.filter((_, index) => (examples[index]?.came.length ?? 0) > 0 || examples[index]?.passed);
  const contract = (again: PlayOptions) => {
    const problem = playable
      .map((example) => {
        const difference = sameBytes(filter, example.config ?? ({} as z.input<Config>), example.given, again);
        return difference && `example "${example.doc}": ${difference}`;
      })
      .find((each) => each !== undefined);
    return { passed: problem === undefined, problem };
  };
  const determinism = contract({});
  const restart = contract({ restart: 'after each input' });
  const passed = examples.every((example) => example.passed) && determinism.passed && restart.passed;
  const report: FilterReport = { filter: filter.name, passed, examples, determinism, restart };
  if (!passed && options.failing !== 'is reported') throw failure(report);
  return report;
}

/**
 * Plays the steps twice, the second time with the options, and says in what the bytes of what came differ, or undefined.
 * With `restart: 'after each input'` this is the contract that every filter keeps.
 */
export function sameBytes<Config extends z.ZodType, In extends Kind, Out extends Kind, Shapes extends TableShapes>(
  filter: Filter<Config, In, Out, Shapes>,
  config: z.input<Config>,
  steps: readonly (Step | Recording)[],
  again: PlayOptions,
): string | undefined {
  const first = play(filter, config, steps).came;
  const second = play(filter, config, steps, again).came;
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const [one, other] = [first[index], second[index]];
    if (JSON.stringify(one) === JSON.stringify(other)) continue;
    const how = again.restart === 'after each input' ? 'made anew after each input' : again.move ? 'moved after each input' : 'again';
    return `event ${index + 1} differs\n  at first  ${one ? showWhole(one) : 'nothing'}\n  ${how}  ${other ? showWhole(other) : 'nothing'}`;
  }
  return undefined;
}

const showWhole = (came: Came): string => `${showCame(came)}  ${came.id}`;

function failure(report: FilterReport): AssertionError {
  const failed = report.examples.filter((example) => !example.passed);
  const lines = failed.map((example) => `${report.filter}: example "${example.doc}":\n${indent(example.problem ?? '')}`);
  if (report.determinism.problem) {
    lines.push(`${report.filter}: the same inputs gave something else:\n${indent(report.determinism.problem)}`);
  }
  if (report.restart.problem) {
    lines.push(
      `${report.filter}: what it remembers outside its tables was lost at a restart; keep it in a table:\n${indent(report.restart.problem)}`,
    );
  }
  return new AssertionError({
    message: lines.join('\n'),
    actual: failed.map((example) => example.came),
    expected: failed.map((example) => example.expected),
    operator: 'checkFilter',
  });
}

const indent = (text: string): string => text.replace(/^/gm, '  ');
