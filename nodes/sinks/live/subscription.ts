/**
 * What a viewer may say: which topics it wants, and since when. Everything here comes from a stranger's socket.
 *
 *     {"subscribe": {"kind": "metric", "host": "web-1"}}
 *     {"id": "errors", "subscribe": [{"kind": "log", "since": "5m"}, {"kind": "alert"}]}
 *     {"unsubscribe": "errors"}
 */
import { duration, type Kind, kindNames, matcher, messageOf, patternOf, SluiceError, type Topic, z } from 'sluice';
import type { Entry } from './memory.ts';

const word = z.string().min(1).max(255);
const wanted = z.strictObject({
  kind: z.enum(kindNames as readonly [Kind, ...Kind[]]),
  company: word.optional(),
  system: word.optional(),
  environment: word.optional(),
  host: word.optional(),
  resource: word.optional(),
  /** A topic pattern, instead of the fields. */
  pattern: word.optional(),
  /** An instant (ISO 8601), or how long ago (`5m`). Without it the snapshot holds all that is remembered. */
  since: word.optional(),
});
const id = z.string().min(1).max(64);
const message = z.union([
  z.strictObject({ id: id.optional(), subscribe: z.union([wanted, z.array(wanted).min(1).max(32)]) }),
  z.strictObject({ unsubscribe: id }),
]);

/** One stream of events to a viewer: what any of its topics wants. */
export interface Subscription {
  readonly id: string | undefined;
  readonly kinds: ReadonlySet<Kind>;
  readonly topics: readonly Topic[];
  matches(entry: Entry): boolean;
  /** Whether an entry belongs into its snapshot; `now` is the present tick. */
  remembers(entry: Entry, now: number): boolean;
}

export type Request = { readonly subscribe: Subscription } | { readonly unsubscribe: string };

/** Reads a viewer's message. @throws SluiceError with what is wrong with it and how it should read. */
export function readRequest(text: string): Request {
  const checked = message.safeParse(parseJson(text));
  if (!checked.success) throw new SluiceError(`live: ${explain(checked.error)}; ${usage}`);
  if ('unsubscribe' in checked.data) return checked.data;
  const { id, subscribe } = checked.data;
  const topics = (Array.isArray(subscribe) ? subscribe : [subscribe]).map(compile);
  return {
    subscribe: {
      id,
      kinds: new Set(topics.map((topic) => topic.kind)),
      topics: topics.map(({ kind, pattern }) => ({ kind, pattern })),
      matches: (entry) => topics.some((topic) => topic.matches(entry)),
      remembers: (entry, now) => topics.some((topic) => topic.matches(entry) && topic.recent(entry, now)),
    },
  };
}

const usage = 'it reads {"subscribe": {"kind": "metric", "host": "web-1"}}';

function compile({ kind, pattern, since, ...fields }: z.output<typeof wanted>) {
  if (pattern !== undefined && Object.keys(fields).length > 0)
    throw new SluiceError(`live: give a pattern or ${Object.keys(fields).join(', ')}, not both`);
  const wanted = pattern ?? patternOf(fields);
  const matches = compilePattern(wanted);
  return { kind, pattern: wanted, matches: (entry: Entry) => entry.kind === kind && matches(entry.key), recent: compileSince(since) };
}

function compilePattern(pattern: string) {
  try {
    return matcher(pattern);
  } catch (thrown) {
    throw new SluiceError(`live: ${messageOf(thrown).replace(/^sluice: /, '')}`, { cause: thrown });
  }
}

/** The last word on something is news however old it is: `since` is for what happened, not for the present. */
function compileSince(since: string | undefined): (entry: Entry, now: number) => boolean {
  if (since === undefined) return () => true;
  const ago = duration(since);
  if (ago !== undefined) return (entry, now) => entry.kind === 'state' || (now - entry.tick) * 1000 <= ago;
  const instant = z.iso.datetime({ offset: true }).safeParse(since);
  if (!instant.success) throw new SluiceError(`live: since "${since}" is none; write 5m, or an instant as 2026-01-31T12:00:00Z`);
  const from = Date.parse(instant.data);
  return (entry) => entry.kind === 'state' || entry.time >= from;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SluiceError(`live: that is not JSON; ${usage}`, { cause });
  }
}

/** The deepest complaint: of a union, the branch that came nearest. */
function explain(error: z.ZodError): string {
  let issue = error.issues[0];
  const path: PropertyKey[] = [];
  while (issue) {
    path.push(...issue.path);
    const nearest: z.core.$ZodIssue | undefined =
      issue.code === 'invalid_union' ? [...issue.errors].sort((one, other) => depth(other) - depth(one))[0]?.[0] : undefined;
    if (!nearest) break;
    issue = nearest;
  }
  const text = issue?.message ?? 'does not fit';
  return path.length > 0 ? `${path.map(String).join('.')}: ${text}` : text;
}

const depth = (issues: readonly z.core.$ZodIssue[]) => Math.max(0, ...issues.map((issue) => issue.path.length));
