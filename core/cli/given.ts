/**
 * `sluice test <filter> --given caught.jsonl`: what a probe caught, played to a filter on the recorded time, with what comes out of it.
 * Nothing is expected of it but that it keeps its contract: the same again, also when it is restarted after each input.
 */
import { UsageError } from '../errors.ts';
import type { Event } from '../event.ts';
import type { AnyFilter, Node } from '../node.ts';
import { sameBytes } from '../testing/check.ts';
import { type Came, play } from '../testing/play.ts';
import { scheduleOf } from '../testing/steps.ts';
import type { Check } from './check-node.ts';

const mostRestarts = 500;

export interface Played {
  /** How many events of the fixture it read, and from when to when those were received. */
  readonly read: number;
  readonly from: string;
  readonly to: string;
  /** What came out, as events. */
  readonly came: readonly Event[];
  /** The contract, kept or not. */
  readonly checks: readonly Check[];
}

/** @throws UsageError for what is no filter, ConfigError with the file and line of what is wrong with the fixture */
export function playGiven(node: Node, fixture: string): Played {
  if (node.sort !== 'filter') throw new UsageError(`${node.name} is a ${node.sort}; --given plays to a filter`);
  const filter: AnyFilter = node;
  const given = [{ fixture }];
  const moments = scheduleOf(filter, given).moments.filter(({ event }) => event !== undefined);
  const { came } = play(filter, {}, given);
  const again = sameBytes(filter, {}, given, {});
  // It reads all of its tables anew for each input: of a large fixture that is not worth the wait.
  const restarted = moments.length > mostRestarts ? undefined : sameBytes(filter, {}, given, { restart: 'after each input' });
  const check = (title: string, problem: string | undefined): Check => ({
    title,
    passed: problem === undefined,
    ...(problem !== undefined && { detail: problem }),
  });
  const instant = (at: number | undefined) => new Date(at ?? 0).toISOString();
  const died = came.filter(({ kind }) => kind === 'dead').length;
  return {
    read: moments.length,
    from: instant(moments[0]?.at),
    to: instant(moments.at(-1)?.at),
    came: came.map((each) => asEvent(each, filter.name)),
    checks: [
      check('handles every input', died > 0 ? `${died} of ${moments.length} were dead-lettered` : undefined),
      check('gives the same again for the same inputs', again),
      ...(moments.length > mostRestarts ? [] : [check('gives the same when it is restarted after each input', restarted)]),
    ],
  };
}

const asEvent = ({ at: _, ...event }: Came, node: string): Event => ({ ...event, source: `/test/test/test/test/${node}` }) as Event;
