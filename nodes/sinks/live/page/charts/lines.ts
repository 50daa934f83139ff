/**
 * The lines of a chart: tracks with the words that tell them apart, in the order of the legend.
 *
 * tracks of each question → lines. A question that asks for a sum is one line.
 */
import { inert } from '../parts/inert.ts';
import { natural } from '../parts/natural.ts';
import { type Question, room, slack } from './looks.ts';
import type { Track } from './tracks.ts';

export interface Line extends Omit<Track, 'named'> {
  /** What sets it apart from its neighbours. */
  readonly label: string;
  /** Of a whole: what is at work, what could give way (cache, waiting), and the room that is left, which is not drawn. */
  readonly part: 'busy' | 'slack' | 'room';
  /** It tells of all others: drawn over them, first in the legend. */
  readonly summary: boolean;
  /** The one server that it is of. */
  readonly server: string | undefined;
}

export interface Heard {
  readonly question: Question;
  readonly tracks: readonly Track[];
}

export function linesOf(heard: readonly Heard[], stacked: boolean): Line[] {
  const plain = heard.filter(({ question }) => question.summed === undefined);
  const asked = new Set(plain.flatMap(({ question }) => question.watch.by ?? []));
  const all = plain.flatMap(({ question, tracks }) => tracks.map((track) => namesOf(track, question.span)));
  const words = wordsOf(all, asked);
  const lines = plain.flatMap(({ question, tracks }) =>
    tracks.map((track): Line => {
      const names = namesOf(track, question.span);
      return {
        // What is read from it is read from the track, which goes on.
        id: `${question.span ?? ''}${track.id}`,
        get interval() {
          return track.interval;
        },
        get latest() {
          return track.latest;
        },
        get band() {
          return track.band;
        },
        at: track.at,
        label: words(names),
        part: partOf(names),
        summary: false,
        server: track.named.server,
      };
    }),
  );
  const summaries = heard.flatMap(({ question, tracks }) =>
    question.summed !== undefined && tracks.length > 0 ? [sumOf(question.summed, tracks)] : [],
  );
  return [...summaries, ...(stacked ? roomLast(lines) : lines)];
}

/** Now largest first; a stack keeps the order of its parts. */
export function largestFirst(lines: readonly Line[], stacked: boolean): Line[] {
  if (stacked) return [...lines];
  const size = (line: Line) => (line.summary ? Number.POSITIVE_INFINITY : Math.abs(line.at(line.latest) ?? 0));
  return [...lines].sort((one, other) => size(other) - size(one) || natural(one.label, other.label));
}

/** The value at a second, or the one just before that is still meant there. */
export function near(line: Line, second: number, step: number): number | null {
  for (let at = second; at >= second - Math.ceil(line.interval); at -= step) {
    const value = line.at(at);
    if (value !== null) return value;
  }
  return null;
}

type Names = ReadonlyMap<string, string>;

function namesOf({ named: { key, server, host, resource, attributes, labels } }: Track, span: string | undefined): Names {
  const mounted = 'system.filesystem.mountpoint' in attributes;
  const entries = Object.entries(attributes).map(([name, value]) => [name, String(value)] as const);
  // A mount point says which device it is; a name says more than a number.
  const telling = entries.filter(([name]) => name !== 'process.pid' && !(mounted && impliedByMount.has(name)));
  return new Map([
    ...(host !== undefined || server !== undefined ? [['host', host ?? server ?? ''] as const] : []),
    ...telling,
    ...entries.filter(([name]) => name === 'process.pid'),
    ...Object.entries(labels ?? {}),
    ...(span === undefined ? [] : [['span', span] as const]),
    // What is only looked at where nothing else differs.
    ['resource', resource ?? key?.split('.').slice(4).join(' ') ?? ''] as const,
    ['server', server ?? ''] as const,
  ]);
}

const impliedByMount: ReadonlySet<string> = new Set(['system.device', 'system.filesystem.type', 'system.filesystem.mode']);

/** Directions as they are drawn everywhere else: a legend is narrow. */
const arrows: Readonly<Record<string, string>> = { receive: '↓', transmit: '↑' };
const last: readonly string[] = ['resource', 'server'];

/** Labels say only what differs: what all lines share tells them not apart; and what was asked for, of which only some is shown. */
function wordsOf(all: readonly Names[], asked: ReadonlySet<string>): (names: Names) => string {
  const values = new Map<string, Set<string>>();
  for (const names of all) for (const [name, value] of names) values.set(name, (values.get(name) ?? new Set()).add(value));
  // Also that some have none.
  const differs = (name: string) => (values.get(name)?.size ?? 0) > 1 || all.some((names) => !names.has(name));
  const telling = [...values.keys()].filter((name) => !last.includes(name) && (differs(name) || asked.has(name)));
  const say = (names: Names, which: readonly string[]) => which.map((name) => names.get(name) ?? '').filter(Boolean);
  const seen = new Map<string, number>();
  for (const names of all) {
    const said = say(names, telling).join(' ');
    seen.set(said, (seen.get(said) ?? 0) + 1);
  }
  return (names) => {
    const said = say(names, telling);
    const alike = (seen.get(said.join(' ')) ?? 0) > 1;
    const words = alike ? [...said, ...say(names, last.filter(differs))] : said;
    const some = words.length > 0 ? words : [...names.values()].filter(Boolean).slice(0, 1);
    return inert(some.map((word) => arrows[word] ?? word).join(' '));
  };
}

/** Of states that OpenTelemetry names. */
function partOf(names: Names): Line['part'] {
  const values = [...names.values()];
  if (values.some((value) => room.includes(value))) return 'room';
  return values.some((value) => slack.includes(value)) ? 'slack' : 'busy';
}

const roomLast = (lines: readonly Line[]) => [
  ...lines.filter(({ part }) => part === 'busy'),
  ...lines.filter(({ part }) => part === 'slack'),
  ...lines.filter(({ part }) => part === 'room'),
];

function sumOf(label: string, tracks: readonly Track[]): Line {
  const sum = (second: number) =>
    tracks.reduce<number | null>((total, { at }) => {
      const value = at(second);
      return value === null ? total : (total ?? 0) + value;
    }, null);
  return {
    ...{ id: label, label, part: 'busy', summary: true, server: undefined, band: undefined, at: sum },
    get interval() {
      return Math.max(...tracks.map((each) => each.interval));
    },
    get latest() {
      return Math.max(...tracks.map((each) => each.latest));
    },
  };
}
