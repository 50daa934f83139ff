/**
 * One series against one rule: which of its levels hold, for how long, and which has fired.
 *
 *     value ──────╮      ╭──╮            limit   a level begins to hold; it fires once it has held for its `for`
 *                 ╰──────╯  ╰──────      clear   one that has fired ends here; one that has not, at the limit already
 *
 * before, value, time → after. Time is the point's own: a backlog that arrives at once is judged as it happened.
 */
import { type Severity, z } from 'sluice';
import type { Rule } from './rules.ts';

/** A level that holds: since when, by which event, and whether it has fired. */
export const held = z.object({ since: z.number(), from: z.string(), fired: z.boolean() });
export type Held = Partial<Record<Severity, z.output<typeof held>>>;

export interface Judged {
  readonly held: Held;
  /** The worst level that has fired. */
  readonly firing: Severity | undefined;
  /** Whether anything but the value is other than before. */
  readonly changed: boolean;
}

/** Whether any of the rule's limits is passed: on a healthy machine the only question that is asked of a point. */
export function isBeyond(rule: Rule, value: number): boolean {
  for (const { sign, limit } of rule.levels) if (sign * (value - limit) > 0) return true;
  return false;
}

export function judge(rule: Rule, before: Held, value: number, time: number, id: string): Judged {
  const after: Held = {};
  let firing: Severity | undefined;
  let changed = false;
  for (const { severity, sign, limit, clear, for: least } of rule.levels) {
    const was = before[severity];
    if (!(sign * (value - (was?.fired ? clear : limit)) > 0)) {
      changed ||= was !== undefined;
      continue;
    }
    // Time that goes back (a clock set right) starts the wait anew.
    const { since, from } = was && was.since <= time ? was : { since: time, from: id };
    const fired = was?.fired === true || time - since >= least;
    changed ||= was?.fired !== fired || was.since !== since;
    after[severity] = { since, from, fired };
    if (fired) firing = severity;
  }
  // The worse includes the milder: when it ends, that one goes on without a second wait.
  let worse = false;
  for (const { severity } of [...rule.levels].reverse()) {
    const level = after[severity];
    if (level && worse && !level.fired) {
      after[severity] = { ...level, fired: true };
      changed = true;
    }
    worse ||= level?.fired === true;
  }
  return { held: after, firing, changed };
}
