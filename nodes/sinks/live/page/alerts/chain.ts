/**
 * The reasons of an alert as a chain of steps, from what it says down to who saw what it rests on.
 *
 *     the alert ← the filter that decided it ← points, lines, incidents ← what those came of … ← the monitor that saw them
 *
 * What `why` tells → steps. Nothing is made up: what is no longer kept is a step that says so.
 */
import type { Why, WhyCause } from 'sluice';

export type Sort = 'alert' | 'filter' | 'metric' | 'log' | 'stat' | 'incident' | 'state' | 'other' | 'moment' | 'gone' | 'source';

export interface Step {
  readonly sort: Sort;
  /** What led to what stands above: `decided by`, `which rests on`. */
  readonly led: string;
  readonly title: string;
  /** Milliseconds since 1970; the first and the last of several. */
  readonly times: readonly number[];
  /** Where and how, in small. */
  readonly details: readonly string[];
  /** What it says: values and lines, as they came. */
  readonly says: readonly string[];
  /** The key of what it is about. */
  readonly key?: string;
  /** The node that made it. */
  readonly node?: { readonly name: string; readonly host: string };
  readonly steps: readonly Step[];
}

interface Wire {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly time: string;
  readonly data: Record<string, unknown>;
  readonly causationid?: string;
  readonly nodeversion?: string;
  readonly confighash?: string;
  readonly policycommit?: string;
}

const mostSays = 8;
/** Causes that stand each by itself. */
const mostApart = 3;
const endsHere = 'the source: it came of no other event';

export function chainOf(why: Why): Step {
  const event = why.event as unknown as Wire;
  const steps = stepsOf(why.causes, event);
  const { filter } = why;
  const decided: Step[] = filter
    ? [
        {
          sort: 'filter',
          led: 'decided by',
          title: `${filter.name} on ${filter.host}`,
          times: [],
          details: [...(why.rule === undefined ? [] : [`rule ${why.rule}`]), ...makerDetails(filter)],
          says: [],
          node: { name: filter.name, host: filter.host },
          steps,
        },
      ]
    : steps;
  return {
    sort: 'alert',
    led: '',
    title:
      why.rule === undefined
        ? `a ${kindOf(event)} about ${aboutOf(event.subject)}`
        : `${why.rule} ${event.data.status === 'firing' ? 'fired' : 'was resolved'}`,
    times: [Date.parse(event.time)],
    details: [],
    says: [],
    key: event.subject,
    steps: decided.length > 0 ? decided : [sourceOf(event)],
  };
}

function makerDetails({ nodeversion, confighash, policycommit }: Pick<Wire, 'nodeversion' | 'confighash' | 'policycommit'>): string[] {
  return [
    ...(nodeversion === undefined ? [] : [`version ${nodeversion}`]),
    ...(confighash === undefined ? [] : [`config ${confighash}`]),
    policycommit === undefined ? 'its config is in no git checkout' : `policy commit ${policycommit}`,
  ];
}

/** The causes of an event; those of one kind about one thing that nothing else led to are one step. */
function stepsOf(causes: readonly WhyCause[], led: Wire): Step[] {
  const steps: Step[] = [];
  const together = new Map<string, { wires: Wire[]; says: string[]; at: number }>();
  for (const cause of causes) {
    if (cause.sort !== 'event') {
      steps.push(otherStep(cause));
      continue;
    }
    const wire = cause.event as unknown as Wire;
    const below = stepsOf(cause.causes, wire);
    if (below.length > 0) {
      steps.push(eventStep([wire], cause.says, wire.id === led.causationid, [madeBy(wire, below)]));
      continue;
    }
    const name = `${wire.type} ${wire.subject} ${wire.source}`;
    const known = together.get(name);
    const says = cause.says.map((line) => (kindOf(wire) === 'metric' ? `${clock(wire.time)}  ${line}` : line));
    if (known) {
      known.wires.push(wire);
      known.says.push(...says);
      continue;
    }
    together.set(name, { wires: [wire], says: [...says], at: steps.length });
    // Its place; filled below, once all of it is known.
    steps.push(eventStep([wire], [], false, []));
  }
  if (together.size > mostApart)
    return [...steps.filter((_, at) => ![...together.values()].some((each) => each.at === at)), ...alike([...together.values()], led)];
  for (const { wires, says, at } of together.values()) {
    const decided = wires.some(({ id }) => id === led.causationid);
    const [first] = wires;
    if (first) steps[at] = eventStep(wires, says, decided, [first.causationid === undefined ? sourceOf(first) : madeBy(first, [])]);
  }
  return steps;
}

/** Many that are alike but for what they are about, as the last heartbeats of a rack: one step for each kind. */
function alike(groups: readonly { readonly wires: readonly Wire[]; readonly says: readonly string[] }[], led: Wire): Step[] {
  const kinds = new Map<string, { wires: Wire[]; says: string[] }>();
  for (const { wires, says } of groups) {
    const [first] = wires;
    if (!first) continue;
    const known = kinds.get(kindOf(first)) ?? { wires: [], says: [] };
    kinds.set(kindOf(first), known);
    known.wires.push(...wires);
    // Of a heartbeat it counts when it came, not what it carried.
    const told = kindOf(first) === 'heartbeat' ? wires.map(({ time }) => `heard last at ${clock(time)} UTC`) : says;
    known.says.push(...told.map((line) => `${aboutOf(first.subject)}: ${line}`));
  }
  return [...kinds].map(([kind, { wires, says }]) => {
    const hosts = [...new Set(wires.map(({ source }) => nodeOf(source).host))];
    const names = `${hosts.slice(0, 3).join(', ')}${hosts.length > 3 ? ` and ${hosts.length - 3} more` : ''}`;
    const seen = { ...step('source', 'seen by', `${nodeOf(wires[0]?.source ?? '').name} on ${names}`), details: [endsHere] };
    const decided = wires.some(({ id }) => id === led.causationid);
    const several = eventStep(wires, says, decided, [seen]);
    return { ...several, title: `${nouns[kind]?.[1] ?? `${kind} events`} of ${hosts.length === 1 ? names : `${hosts.length} servers`}` };
  });
}

function eventStep(wires: readonly Wire[], says: readonly string[], decided: boolean, steps: readonly Step[]): Step {
  const [first] = wires;
  const kind = first ? kindOf(first) : 'event';
  const about = first ? aboutOf(first.subject) : '';
  const [one, many] = nouns[kind] ?? [`a ${kind} event`, `${kind} events`];
  return {
    sort: sorts.has(kind as Sort) ? (kind as Sort) : 'other',
    led: decided ? 'decided by' : 'which rests on',
    title: wires.length === 1 ? `${one} about ${about}` : `${many} about ${about}, ${wires.length} times`,
    times: wires.map(({ time }) => Date.parse(time)),
    details: wires.length === 1 && first ? [first.id] : [],
    says: bounded(says),
    ...(first && { key: first.subject }),
    steps,
  };
}

const sorts: ReadonlySet<Sort> = new Set(['alert', 'metric', 'log', 'stat', 'incident', 'state']);
const nouns: Readonly<Record<string, readonly [string, string]>> = {
  metric: ['values', 'values'],
  log: ['log lines', 'log lines'],
  stat: ['a rollup', 'rollups'],
  incident: ['an incident', 'incidents'],
  alert: ['an alert', 'alerts'],
  heartbeat: ['a heartbeat', 'heartbeats'],
};

/** A filter made it of something, whether or not that is known. */
function madeBy(wire: Wire, steps: readonly Step[]): Step {
  const node = nodeOf(wire.source);
  return { ...step('filter', 'made by', `${node.name} on ${node.host}`), details: makerDetails(wire), node, steps };
}

/** Where a chain ends: nobody told it that, it saw it. */
function sourceOf(wire: Wire): Step {
  const node = nodeOf(wire.source);
  return { ...step('source', 'seen by', `${node.name} on ${node.host}`), details: [endsHere], node };
}

function otherStep(cause: Exclude<WhyCause, { sort: 'event' }>): Step {
  if (cause.sort === 'gone')
    return {
      ...step('gone', 'which rests on', 'An event that is no longer kept'),
      details: [cause.id, 'what was older than `keep:` says is gone'],
    };
  if (cause.sort === 'outside')
    return { ...step('gone', 'which rests on', 'An event outside the part of the tree that you may see'), details: [cause.id] };
  if (cause.sort === 'moment') {
    const what = cause.what === 'tick' ? 'The time that had passed' : 'A change in the health of its pipe';
    return { ...step('moment', 'decided by', `${what}, and no event`), times: [cause.at] };
  }
  const { range, kept, some } = cause;
  const named = range.to - range.from + 1;
  const still = kept === named ? 'all of them are kept' : kept === 0 ? 'none of them is kept any longer' : `${kept} of them are still kept`;
  return {
    ...step(sorts.has(range.kind as Sort) ? (range.kind as Sort) : 'other', 'which rests on', ''),
    title: `${named} ${range.kind} events about ${aboutOf(range.key)}`,
    times: some.map((event) => Date.parse(String(event.time))),
    details: [`${range.from} to ${range.to} of ${range.source}`, still],
    says: bounded(cause.says),
    key: range.key,
    node: nodeOf(range.source),
    steps: [
      { ...step('source', 'written by', `${nodeOf(range.source).name} on ${nodeOf(range.source).host}`), node: nodeOf(range.source) },
    ],
  };
}

const step = (sort: Sort, led: string, title: string): Step => ({ sort, led, title, times: [], details: [], says: [], steps: [] });

const bounded = (says: readonly string[]): readonly string[] =>
  says.length <= mostSays ? says : [...says.slice(0, mostSays), `and ${says.length - mostSays} more`];

const kindOf = ({ type }: Wire): string => type.split('.')[1] ?? type;
const clock = (time: string): string => time.slice(11, 19);

function nodeOf(source: string): { name: string; host: string } {
  const words = source.split('/');
  return { name: decode(words.at(-1) ?? source), host: decode(words.at(-2) ?? '') };
}

/** `web-3, filesystem /var`. */
export function aboutOf(key: string): string {
  const [host = '', ...resource] = key.split('.').slice(3).map(decode);
  return resource.length > 0 ? `${host}, ${resource.join(' ')}` : host;
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
