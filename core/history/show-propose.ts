/** Proposed rules as a person reads them: the rule, how often it fires and how sure that is, what it would have told, the YAML. */
import { type Cell, type Paint, table } from '../cli/screen.ts';
import { formatDuration } from '../clock.ts';
import { inert } from '../inert.ts';
import type { Frequency } from './frequency.ts';
import type { Chosen, Proposal, Proposed } from './propose.ts';
import { entryOf, toYaml } from './rule.ts';
import { coverageLine, when } from './show-backtest.ts';
import { targetText } from './target.ts';
import { amount, counted } from './words.ts';

const shownMoments = 10;

export function showProposed(result: Proposed, paint: Paint): string {
  const { proposals, others, coverage } = result;
  const lines = [
    coverage.length > 0 ? coverageLine(coverage) : 'coverage: nothing is known of that time but by the hour, and no rule follows from that',
  ];
  if (coverage.length > 0 && proposals.length === 0) lines.push('no value was kept of it: see sluice servers for how it is written');
  if (others.length > 0) lines.push(`left out: ${others.map((name) => inert(name)).join(', ')}; name one with --metric`);
  const rules = rulesOf(result);
  const yaml = rules
    ? [`\n${paint.dim('# to accept it: add this to the config of a hub, or let --write <file> do it')}\n${toYaml(rules)}`]
    : [];
  return `${[...lines, ...proposals.map((proposal) => show(proposal, result.asked, paint)), ...yaml].join('\n')}${yaml.length > 0 ? '' : '\n'}`;
}

/** The entry of a config with all rules that were found; undefined when there is none. */
export function rulesOf({ asked, proposals }: Proposed) {
  const found = proposals.flatMap(({ chosen }) => (chosen ? [[chosen.name, chosen.rule] as const] : []));
  return found.length === 0 ? undefined : entryOf(asked, Object.fromEntries(found));
}

function show(proposal: Proposal, { severity }: Proposed['asked'], paint: Paint): string {
  const { metric, where, unit, series, values, chosen, reason, today } = proposal;
  const sides = Object.values(where).map(String).join(' ');
  const head = `\n${inert(`${metric}${sides && ` (${sides})`}: ${values} values of ${series} series`)}`;
  const told = today.map(({ rule, fired }) => inert(`  today's rule ${rule} fires ${fired} on the same past`));
  if (!chosen) return [head, `  no rule: ${inert(reason ?? '')}`, ...told].join('\n');
  const { sign, limit, clear, for: least } = chosen.level;
  const held = least === 0 ? 'at once' : `for ${formatDuration(least)}`;
  const rule = `${sign > 0 ? 'above' : 'below'} ${amount(limit, unit)} ${held}, over at ${amount(clear, unit)}`;
  return [
    head,
    `  ${paint.bold(rule)} (${severity}), the best of ${chosen.tried} that were tried`,
    `  expect ${often(chosen.whole)}`,
    `  fitted to the first two thirds: ${chosen.fit.count} in ${weeks(chosen.fit)}; tested on the rest: ${chosen.test.count} in ${weeks(chosen.test)}`,
    ...(chosen.troubles > 0
      ? [`  catches ${chosen.caught} of ${counted(chosen.troubles, 'trouble')} (alerts that lasted, marked moments)`]
      : []),
    ...told,
    ...chosen.remarks.map((remark) => `  ${paint.yellow('note')} ${remark}`),
    moments(chosen, paint),
  ].join('\n');
}

const rate = (value: number): string => String(Number(value.toPrecision(2)));
const weeks = ({ weeks: known }: Frequency): string => `${rate(known)} weeks`;

/** `0.5 alerts a week: it would have fired 1 in 2 weeks (90 % sure: 0.03 to 2.4 a week)` */
const often = (of: Frequency): string =>
  `${rate(of.perWeek)} alerts a week: it fires ${of.count} in the ${weeks(of)} that are known (90 % sure: ${rate(of.least)} to ${rate(of.most)} a week)`;

function moments({ would }: Chosen, paint: Paint): string {
  if (would.length === 0) return '';
  const rows = would.slice(-shownMoments).map((episode): Cell[] => [`  ${when(episode)}`, targetText(episode.key)]);
  const left = would.length - rows.length;
  return `${table(['  WOULD HAVE FIRED', 'ABOUT'], rows, paint).trimEnd()}${left > 0 ? `\n  and ${left} before these` : ''}`;
}
