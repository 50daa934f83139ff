/**
 * Tells an alert once, however many rosters see the same. All give it one id, made of the first event that decided it, and
 * whoever hears that another has told it already is quiet. Whichever of them hears that it is over says so.
 *
 * a condition's change → an alert, where nobody told it yet, and its present state, always: states only say what is.
 */
import { type Data, type Draft, type Event, key, parse } from 'sluice';
import type { Memory } from './tables.ts';

export type Spoken = Draft<'alert' | 'state' | 'heartbeat' | 'outcome' | 'audit'>;

export type Rule = 'silent' | 'twins' | 'skew' | 'expected';
const rules: readonly string[] = ['silent', 'twins', 'skew', 'expected'] satisfies Rule[];

/** A condition that holds. Times are milliseconds. */
export interface Firing extends Omit<Data<'alert'>, 'status' | 'since' | 'rule'> {
  readonly rule: Rule;
  readonly since: number;
}
export type Over = Pick<Data<'alert'>, 'severity' | 'summary'> & { readonly rule: Rule; readonly evidence: readonly string[] };

export interface Telling {
  fire(about: string, what: Firing): Spoken[];
  /** Of what nobody told there is nothing to end. */
  over(about: string, what: Over): Spoken[];
  isTold(about: string, rule: Rule): boolean;
  /** What every roster knows it by, while it is told. */
  tokenOf(about: string, rule: Rule): string | undefined;
  /** Whether another told it, whom this one may have to correct. */
  isAnothers(about: string, rule: Rule): boolean;
  /** What another roster has told. */
  hear(event: Event<'alert'>): void;
}

export const iso = (time: number): string => new Date(time).toISOString();

/** The key of what is said of a server or process: `<place>.<host>.server`, with the words of the process after it. */
export function verdictKey(server: string, ...head: readonly string[]): string {
  const about = parse(server);
  return key({ ...about, resource: [...head, 'server', ...about.resource] });
}

/** The key of an alert's present state. */
function stateKey(about: string, rule: Rule): string {
  const parsed = parse(about);
  return key({ ...parsed, resource: ['alert', rule, ...parsed.resource] });
}

export function telling({ told }: Pick<Memory, 'told'>): Telling {
  const entry = (about: string, rule: string) => `${rule} ${about}`;
  // How many another told: nearly always none, and then a beat costs no look.
  let others = 0;
  for (const [, { by }] of told.entries()) if (by === 'another') others++;
  const state = (about: string, rule: Rule, value: Data<'alert'> | null, causes: readonly string[]): Spoken => ({
    kind: 'state',
    key: stateKey(about, rule),
    data: { of: 'alert', value },
    causes,
  });
  const forget = (name: string) => {
    if (told.get(name)?.by === 'another') others--;
    told.delete(name);
  };
  return {
    fire(about, { since, ...what }) {
      const name = entry(about, what.rule);
      const data = { ...what, summary: what.summary.slice(0, 1024), status: 'firing' as const, since: iso(since) };
      const present = state(about, what.rule, data, data.evidence);
      if (told.get(name)) return [present];
      const token = data.evidence[0] ?? iso(since);
      told.set(name, { token, since, by: 'us' });
      return [{ kind: 'alert', key: about, data, causes: data.evidence, identity: `firing ${name} ${token}` }, present];
    },
    over(about, { evidence, ...what }) {
      const name = entry(about, what.rule);
      const before = told.get(name);
      // Where nothing came, nothing decided it, and the token is a time.
      const first = before && before.token !== iso(before.since) ? [before.token] : [];
      const causes = [...new Set([...first, ...evidence])];
      const present = state(about, what.rule, null, causes);
      if (!before) return [present];
      forget(name);
      const data = { ...what, status: 'resolved' as const, since: iso(before.since), evidence: causes };
      return [{ kind: 'alert', key: about, data, causes, identity: `resolved ${name} ${before.token}` }, present];
    },
    isTold: (about, rule) => told.get(entry(about, rule)) !== undefined,
    tokenOf: (about, rule) => told.get(entry(about, rule))?.token,
    isAnothers: (about, rule) => others > 0 && told.get(entry(about, rule))?.by === 'another',
    hear({ key: about, data }) {
      if (!rules.includes(data.rule)) return;
      const name = entry(about, data.rule);
      if (data.status === 'resolved') return forget(name);
      if (told.get(name)) return;
      told.set(name, { token: data.evidence[0] ?? data.since, since: Date.parse(data.since), by: 'another' });
      others++;
    },
  };
}
