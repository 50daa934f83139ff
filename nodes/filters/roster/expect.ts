/**
 * Expects servers that nobody can name: at least so many of a role, whoever they are. Catches those that never came, and
 * those that went as they may.
 *
 *     alive     3───╎2──────────╎3──        `alive: ">= 3"`, `for: 2m`
 *     alert          └ for └ fires  └ resolved
 *
 * Counted on what the roster has judged: a server counts until its silence is known. While the roster does not hear, nothing
 * is counted, and then each shortage has its whole time anew.
 */
import { duration, formatDuration, key, parse } from 'sluice';
import { type Book, isServer, selects } from './book.ts';
import type { Expectation } from './config.ts';
import type { Spoken } from './tell.ts';

export interface Expect {
  /** To be called at each tick at which the roster hears. */
  expect(at: number): Spoken[];
}

export function expecting(book: Book): Expect {
  let counted = -1;
  return {
    expect(at) {
      // Where nobody changed and nobody is missed, nothing can come of counting.
      if (book.config.expect.length === 0 || (counted === book.changes && book.shortages.size === 0)) return [];
      counted = book.changes;
      return expectAll(book, at);
    },
  };
}

function expectAll(book: Book, at: number): Spoken[] {
  const all = [...book.servers.entries()].filter(([server]) => isServer(server));
  return book.config.expect.flatMap((expectation) => {
    const chosen = all.filter(([server, { labels }]) => selects(expectation.of, server, labels));
    const gone = chosen.filter(([, { status }]) => status !== 'alive').map(([server]) => server);
    return judge(book, expectation, chosen.length - gone.length, gone, at);
  });
}

function judge(book: Book, expectation: Expectation, there: number, gone: readonly string[], at: number): Spoken[] {
  const { shortages, telling } = book;
  const wanted = Number(expectation.alive.replace(/\D/g, ''));
  const name = nameOf(expectation);
  const was = shortages.get(name);
  if (there >= wanted) {
    if (was) shortages.delete(name);
    if (!was?.told) return [];
    const summary = `${there} alive of ${name}, as expected (${expectation.alive})`;
    return telling.over(keyOf(book, expectation), { rule: 'expected', severity: 'critical', summary, evidence: [] });
  }
  const since = was?.since ?? at;
  if (!was) shortages.set(name, { since, told: false });
  const grace = duration(expectation.for) ?? 0;
  if (was?.told || at - Math.max(since, book.self().clear) < grace) return [];
  shortages.set(name, { since, told: true });
  return telling.fire(keyOf(book, expectation), {
    rule: 'expected',
    severity: 'critical',
    summary: `${there} alive of ${name}, expected ${expectation.alive}, for ${formatDuration(grace)}`,
    action: 'see whether they were started, and whether their agents reach the bus; sluice servers lists who was heard',
    value: there,
    threshold: wanted,
    unit: '{server}',
    since,
    // Who went last comes first: with whom this shortage began, and no other.
    evidence: gone
      .flatMap((server) => book.beats.get(server) ?? [])
      .sort((one, other) => other.seen - one.seen)
      .map(({ id }) => id)
      .slice(0, 20),
  });
}

const nameOf = ({ of }: Expectation): string =>
  Object.entries(of)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

/** Under the part of the tree that it names, else the roster's own: rosters of one place speak of the same thing. */
function keyOf(book: Book, expectation: Expectation): string {
  const { of } = expectation;
  const { company, system, environment } = parse(book.here);
  const labels = Object.entries(of).filter(([name]) => !['company', 'system', 'environment'].includes(name));
  const host = labels.map(([name, value]) => `${name} ${value}`).join(', ') || 'servers';
  const place = { company: of.company ?? company, system: of.system ?? system, environment: of.environment ?? environment };
  return key({ ...place, host: [...host].slice(0, 40).join(''), resource: ['server'] });
}
