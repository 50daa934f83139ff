/**
 * How a chart is looked at: grouped, folded, filtered. A look says only what a person chose; the rest follows from what arrives, and from
 * how many servers have it:
 *
 *     one server     every series; states that make up a whole on top of each other
 *     several        one line for each server: the sum of what adds up, the largest of shares; and the mean of all, where there is one
 *
 * a family, a look, the servers in view → questions to sluice. As text a look is part of the address.
 */
import type { Fold, WatchAsked, Where } from '../../series/protocol.ts';
import { type Family, spanOf } from './families.ts';

export interface Look {
  /** What makes one line: attributes, `server`, `label:zone`. Empty: all together are one; `each`: every series is. */
  readonly by?: readonly string[] | 'each';
  readonly fold?: Fold;
  /** Only these values of attributes and of `label:…`. */
  readonly where?: Readonly<Record<string, readonly string[]>>;
}

export interface Scope {
  /** Keys of the servers in view; empty: all. */
  readonly servers: readonly string[];
}

export interface Question {
  readonly watch: Omit<WatchAsked, 'seconds' | 'most'>;
  /** What the metric is called beside its siblings: `5m`. */
  readonly span: string | undefined;
  /** Its series are drawn as one line, their sum, under this name. */
  readonly summed?: string;
}

export interface Questions {
  readonly questions: readonly Question[];
  /** Lines lie on top of each other, as parts of a whole. */
  readonly stacked: boolean;
  /** The look with all that was left open: what the controls show. */
  readonly by: readonly string[] | 'each';
  readonly fold: Fold;
}

export const folds: readonly Fold[] = ['sum', 'mean', 'min', 'max'];

/** Values of parts that are not work: what is left, and what gives way or waits. */
export const room: readonly string[] = ['idle', 'free'];
export const slack: readonly string[] = ['iowait', 'cached', 'buffers'];

/** From so many servers on a mean says something that its lines do not. */
const manyServers = 7;

export function questionsOf(family: Family, look: Look, scope: Scope): Questions {
  const alone = scope.servers.length === 1 || family.servers <= 1;
  const chosen = look.by !== undefined || look.fold !== undefined;
  const by = look.by ?? (alone && look.fold === undefined ? 'each' : defaultBy(family, alone));
  const fold = look.fold ?? defaultFold(family, by);
  const where = whereOf(look.where, scope);
  // Sums and means of parts, grouped by nothing else, still make up a whole.
  const whole = by === 'each' ? alone : by.length === 1 && by[0] === family.parts && (fold === 'sum' || fold === 'mean');
  const stacked = family.parts !== undefined && whole && look.fold !== 'min' && look.fold !== 'max';
  // Of several spans one is enough, where lines already differ by server.
  const metrics = alone || chosen ? family.metrics : family.metrics.slice(0, 1);
  // Room that is left is part of a stack; in a sum it would hide what is used.
  const work = family.parts !== undefined && !stacked && !by.includes(family.parts) && look.where?.[family.parts] === undefined;
  const working = work ? workOf(family) : undefined;
  const questions = metrics.map(({ name }): Question => {
    const selected = narrowed(where, working);
    return {
      watch: {
        metric: name,
        ...(Object.keys(selected).length > 0 && { where: selected }),
        ...(by !== 'each' && { by: [...by], fold }),
      },
      span: family.metrics.length > 1 ? spanOf(name) : undefined,
    };
  });
  const mean = alone || chosen ? undefined : meanOf(family, scope, narrowed(where, working));
  return { questions: mean ? [mean, ...questions] : questions, stacked, by, fold };
}

function defaultBy(family: Family, alone: boolean): readonly string[] {
  const directions = [...family.attributes.keys()].filter((name) => /(^|\.)direction$/.test(name));
  return [...(alone ? [] : ['server']), ...directions];
}

/** Sums of what adds up; of shares the largest, since nobody looks for the disk that is half full; else the mean. */
function defaultFold(family: Family, by: readonly string[] | 'each'): Fold {
  if (family.parts !== undefined) return by.includes('server') || by.includes(family.parts) ? 'sum' : 'mean';
  const type = family.metrics[0]?.type;
  if (type === 'updown' || type === 'counter') return 'sum';
  return family.shown.as === 'percent' ? 'max' : 'mean';
}

/** The mean of all servers: by parts and then summed, since a mean over parts would be of nothing. */
function meanOf(family: Family, scope: Scope, selected: Where): Question | undefined {
  const servers = scope.servers.length || family.servers;
  const [metric] = family.metrics;
  if (servers < manyServers || !metric) return undefined;
  if (family.parts === undefined && family.attributes.size > 0) return undefined;
  return {
    watch: {
      metric: metric.name,
      ...(Object.keys(selected).length > 0 && { where: selected }),
      by: family.parts === undefined ? [] : [family.parts],
      fold: 'mean',
    },
    span: undefined,
    summed: `mean of ${servers}`,
  };
}

/** The values of its parts that are at work; undefined where not all are known. */
function workOf({ parts, attributes }: Family): Where['attributes'] {
  const known = attributes.get(parts ?? '');
  const values = known?.values.filter((value) => !room.includes(value) && !slack.includes(value)) ?? [];
  return parts === undefined || known?.more || values.length === 0 || values.length === known?.values.length
    ? undefined
    : { [parts]: values };
}

const narrowed = (where: Where, attributes: Where['attributes']): Where =>
  attributes ? { ...where, attributes: { ...where.attributes, ...attributes } } : where;

function whereOf(chosen: Look['where'], { servers }: Scope): Where {
  const entries = Object.entries(chosen ?? {}).filter(([, values]) => values.length > 0);
  const labels = entries.filter(([name]) => name.startsWith('label:')).map(([name, values]) => [name.slice(6), values] as const);
  const attributes = entries.filter(([name]) => !name.startsWith('label:'));
  return {
    ...(servers.length > 0 && { server: [...servers] }),
    ...(labels.length > 0 && { label: Object.fromEntries(labels.map(([name, values]) => [name, [...values]])) }),
    ...(attributes.length > 0 && { attributes: Object.fromEntries(attributes.map(([name, values]) => [name, [...values]])) }),
  };
}

/**
 * Looks as text, by the ids of their charts: `[["system.cpu.time",{"by":["server"]}]]` without what JSON needs and an address escapes.
 *
 *     system.cpu.time(by~server~label:zone)(fold~max)(cpu.mode~user~system)
 */
export function writeLooks(looks: ReadonlyMap<string, Look>): string {
  return [...looks]
    .map(([id, { by, fold, where }]) => {
      const parts = [
        ...(by ? [['by', ...(by === 'each' ? ['*'] : by)]] : []),
        ...(fold ? [['fold', fold]] : []),
        ...Object.entries(where ?? {}).map(([name, values]) => [`=${name}`, ...values]),
      ];
      return parts.length === 0 ? '' : `${masked(id)}${parts.map((words) => `(${words.map(masked).join('~')})`).join('')}`;
    })
    .filter(Boolean)
    .join('');
}

/** An address is a stranger's words: what makes no sense is left out. */
export function readLooks(text: string): Map<string, Look> {
  const looks = new Map<string, Look>();
  for (const [, id = '', parts = ''] of text.slice(0, mostText).matchAll(/([^()]+)((?:\([^()]*\))+)/g)) {
    let look: Look = {};
    for (const [, inner = ''] of parts.matchAll(/\(([^()]*)\)/g)) {
      const [name = '', ...values] = inner.split('~').map(unmasked).slice(0, mostWords);
      if (name === 'by') look = { ...look, by: values[0] === '*' ? 'each' : values };
      else if (name === 'fold') look = folds.includes(values[0] as Fold) ? { ...look, fold: values[0] as Fold } : look;
      else if (name.startsWith('=')) look = { ...look, where: { ...look.where, [name.slice(1)]: values } };
    }
    looks.set(unmasked(id), look);
  }
  return looks;
}

const mostText = 8_000;
const mostWords = 40;
const special = /[()~%]/g;
const masked = (word: string) => word.replace(special, (character) => `%${character.charCodeAt(0).toString(16)}`);
const unmasked = (word: string) => word.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
