/** A backtest as a person reads it: the verdict in a line, what it rests on, and the episodes side by side. */
import { type Cell, type Paint, table } from '../cli/screen.ts';
import { formatDuration } from '../clock.ts';
import type { Coverage } from '../history.ts';
import { inert } from '../inert.ts';
import { parse } from '../key.ts';
import type { Backtest } from './backtest.ts';
import type { Episode } from './episode.ts';
import type { Unjudged } from './judged.ts';
import { counted, instant } from './words.ts';

/** The past may begin this much later than was asked, and nobody is to be told. */
const unknownMs = 60_000;

/** `names`: what was tried, and what stands beside it. */
export function showBacktest(
  result: Backtest,
  names: { readonly tried: string; readonly against?: string | undefined },
  paint: Paint,
): string {
  const { would, did, compared, coverage, unjudged, unsaid, refused, reason } = result;
  const beside = names.against === undefined ? `fired ${did.length}` : `${inert(names.against)} ${did.length}`;
  const parts = [`${compared.same.length} the same`, `${compared.added.length} new`, `${compared.gone.length} gone`].join(', ');
  const lines = [
    `${inert(names.tried)} would fire ${paint.bold(String(would.length))} (${beside}): ${parts}`,
    coverageLine(coverage, result.asked),
  ];
  lines.push(...unjudgedLines(unjudged));
  if (unsaid.length > 0)
    lines.push(`${unsaid.join(', ')} does not say how long its rules need: where the past is rolled up, take what it told with care`);
  if (refused > 0) lines.push(`${counted(refused, 'input')} could not be handled; the first: ${inert(reason ?? '')}`);
  return `${lines.join('\n')}\n${episodes(result, names.against, paint)}`;
}

/** `asked`: when the time asked about begins; endless where all is. */
export function coverageLine(coverage: readonly Coverage[], asked = Number.NEGATIVE_INFINITY): string {
  const [first] = coverage;
  if (!first) return 'coverage: nothing is known of that time';
  const older = Number.isFinite(asked) && first.from - asked > unknownMs ? '; of what was before, nothing is kept' : '';
  const spans = coverage.map(({ from, to, resolution, only }) => {
    const how = `${only ? `${only.join(' and ')} alone, ` : ''}${resolution === 'raw' ? 'raw' : `by ${resolution}`}`;
    return `${how} ${formatDuration(to - from)} (${instant(from)} to ${instant(to)} UTC)`;
  });
  return `coverage: ${spans.join('; ')}${older}`;
}

/** Rules without any `for` are many and alike: a line for each filter and resolution. */
function unjudgedLines(unjudged: readonly Unjudged[]): string[] {
  const groups = new Map<string, Unjudged[]>();
  for (const one of unjudged) {
    const group = `${one.filter} ${one.resolution}`;
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const rules = new Set(group.map((one) => `${one.rule} ${one.severity} (for: ${one.for === 0 ? '0s' : formatDuration(one.for)})`));
    return first ? [`NOT judged where it is known by ${first.resolution}: ${[...rules].join(', ')}`] : [];
  });
}

function episodes({ compared }: Backtest, against: string | undefined, paint: Paint): string {
  const rows = [
    ...compared.same.map(({ now, before }) => ({ what: ['same', paint.dim] as const, now, before })),
    ...compared.added.map((now) => ({ what: ['new', paint.yellow] as const, now, before: undefined })),
    ...compared.gone.map((before) => ({ what: ['gone', paint.cyan] as const, now: undefined, before })),
  ].sort((one, other) => (one.now ?? one.before).from - (other.now ?? other.before).from);
  if (rows.length === 0) return '';
  const cells = rows.map(({ what, now, before }): Cell[] => {
    const { rule, severity, key } = now ?? before;
    const { host, resource } = parse(key);
    const was = now && before && before.severity !== now.severity ? ` (was ${before.severity})` : '';
    return [what, when(now), when(before), `${severity}${was} ${rule}`, `${host} ${resource.join(' ')}`];
  });
  return table(['', 'WOULD FIRE', against === undefined ? 'FIRED' : against.toUpperCase(), 'RULE', 'ABOUT'], cells, paint);
}

export function when(episode: Episode | undefined): string {
  if (!episode) return '-';
  const lasted = episode.to === undefined ? 'and still' : `for ${formatDuration(episode.to - episode.from)}`;
  return `${instant(episode.from)} ${lasted}`;
}
