/**
 * What happened, for the axis of time: alerts that fired and were resolved, servers that came, went or run something else, policies,
 * commands and what became of them. The last of it is remembered here; what was kept is asked of the store.
 *
 * events → marks. Bounded: the latest of them, and the latest state of each server.
 */
import { type Event, type History, Reject, type ServerState, unescapeWord } from 'sluice';
import type { Looker } from '../looker.ts';
import type { Mark, Marks } from './protocol.ts';

const mostRemembered = 2000;
const mostServers = 20_000;
/** Marks of one answer; rows that are asked for; milliseconds that each question may take. */
const mostMarks = 500;
const patienceMs = 4000;
/** The longest time of which the states of all servers are looked through. */
const longestAllMs = 2 * 86_400_000;
const longestText = 300;
const mostTold = 32;
const roundMs = 60_000;
/** States are said again each minute: what was so at the start of a time was said before it. */
const repeatedMs = 120_000;

export interface MarkMemory {
  take(event: Event): void;
  readonly all: readonly Mark[];
  /** From this time on all that happened is here: a store need not be asked of it. */
  readonly completeSince: number;
  /** What a store told of a time before that, for whom: it does not change any more. */
  readonly told: Map<string, Promise<Told>>;
}

/** What was kept, the latest of it, and whether that is not all. */
type Told = readonly [marks: readonly Mark[], cut: boolean];

type Seen = Pick<ServerState, 'status' | 'boot' | 'versions'>;

/** @param began when it began to hear, in milliseconds since 1970; without it a store is asked of everything */
export function createMarks(began = Number.POSITIVE_INFINITY): MarkMemory {
  let marks: Mark[] = [];
  let forgotten = 0;
  const servers = new Map<string, Seen>();
  const add = (mark: Mark): void => {
    marks.push(mark);
    if (marks.length <= 2 * mostRemembered) return;
    forgotten = Math.max(forgotten, ...marks.slice(0, -mostRemembered).map(({ time }) => time + 1));
    marks = marks.slice(-mostRemembered);
  };
  return {
    take(event) {
      if (event.kind !== 'state') {
        const mark = markOf(event);
        if (mark) add(mark);
        return;
      }
      if (event.data.of !== 'server') return;
      const now = event.data.value as unknown as Seen | null;
      const before = servers.get(event.key);
      servers.delete(event.key);
      if (!now) return;
      servers.set(event.key, { status: now.status, boot: now.boot, versions: now.versions });
      const [oldest] = servers.keys();
      if (servers.size > mostServers && oldest !== undefined) servers.delete(oldest);
      if (before) for (const mark of changesOf(event, before, now)) add(mark);
    },
    get all() {
      return marks;
    },
    get completeSince() {
      return Math.max(began, forgotten);
    },
    told: new Map(),
  };
}

type Stamped = Pick<Event, 'id' | 'key' | 'time'>;
const about = ({ id, key, time }: Stamped) => ({ id, time, key, host: hostIn(key) });
const brief = (text: string) => text.slice(0, longestText);

/** What an event of any other kind than state means; undefined where it is nothing for an axis. */
function markOf(event: Event): Mark | undefined {
  switch (event.kind) {
    case 'alert': {
      const { status, summary, severity, rule } = event.data;
      return { ...about(event), what: status, text: brief(summary), severity, rule };
    }
    case 'policy':
      return { ...about(event), what: 'policy', text: brief(`policy ${event.data.commit}`) };
    case 'command':
      return { ...about(event), what: 'command', text: brief(`${event.data.action} to ${event.data.to}`) };
    case 'outcome':
      return { ...about(event), what: 'outcome', text: brief(`${event.data.status} ${event.data.detail ?? ''}`.trim()) };
    case 'audit':
      return { ...about(event), what: 'audit', text: brief(`${event.data.who}: ${event.data.did} ${event.data.to ?? ''}`.trim()) };
    default:
      return undefined;
  }
}

/** What became of a server between two of its states. */
function changesOf(event: Stamped, before: Seen, now: Seen): Mark[] {
  const found: Mark[] = [];
  const mark = (what: Mark['what'], text: string) => found.push({ ...about(event), id: `${event.id}/${what}`, what, text: brief(text) });
  if (before.status !== now.status && now.status !== 'blind' && before.status !== 'blind')
    mark(now.status, now.status === 'alive' ? 'heard again' : now.status);
  if (before.boot !== now.boot) mark('boot', 'started anew');
  const names = [...new Set([...Object.keys(before.versions ?? {}), ...Object.keys(now.versions ?? {})])];
  const other = names.filter((name) => ownOf(before.versions, name) !== ownOf(now.versions, name));
  if (other.length > 0)
    mark('version', other.map((name) => `${name} ${ownOf(before.versions, name) ?? '–'} → ${ownOf(now.versions, name) ?? '–'}`).join(', '));
  return found;
}

const ownOf = (versions: Readonly<Record<string, string>> | undefined, name: string): string | undefined =>
  versions && Object.hasOwn(versions, name) ? versions[name] : undefined;

function hostIn(key: string): string {
  try {
    return unescapeWord(key.split('.')[3] ?? '');
  } catch {
    return '';
  }
}

export interface MarksAsked {
  readonly from: number;
  readonly to: number;
  /** One server's alone, as the first words of its keys. */
  readonly server?: string | undefined;
}

export async function answerMarks(
  memory: MarkMemory,
  { from, to, server }: MarksAsked,
  history: History | undefined,
  { sees, part }: Looker,
): Promise<Marks> {
  const isMeant = ({ time, key }: Mark) =>
    time >= from && time < to && sees(key) && (server === undefined || key === server || key.startsWith(`${server}.`));
  const old = { from, to: Math.min(to, memory.completeSince), server };
  const [kept, isCut] = history && old.from < old.to ? await toldOnce(memory, part, history, old) : nothing;
  // What both know is one: ids are the events' own.
  const found = new Map([...kept, ...memory.all].filter(isMeant).map((mark) => [mark.id, mark]));
  const marks = [...found.values()].sort((one, other) => one.time - other.time || (one.id < other.id ? -1 : 1));
  return { marks: marks.slice(-mostMarks), ...((isCut || marks.length > mostMarks) && { cut: true as const }) };
}

const nothing: Told = [[], false];

/** Whoever looks at the last minutes asks for the same time before them, again and again: a store is asked once. */
function toldOnce({ told, completeSince }: MarkMemory, part: string, history: History, asked: MarksAsked): Promise<Told> {
  if (asked.to < completeSince) return keptMarks(history, asked);
  const from = Math.floor(asked.from / roundMs) * roundMs;
  const name = JSON.stringify([part, from, asked.to, asked.server]);
  const known = told.get(name);
  if (known) return known;
  const answer = keptMarks(history, { ...asked, from });
  for (const oldest of told.keys()) if (told.size >= mostTold) told.delete(oldest);
  told.set(name, answer);
  // What came to nothing, or not to all of it, is asked again.
  const forget = () => void (told.get(name) === answer && told.delete(name));
  answer.then(([, cut]) => cut && forget(), forget);
  return answer;
}

async function keptMarks(history: History, { from, to, server }: MarksAsked): Promise<Told> {
  const within = (low: number) => `time >= make_timestamp_ms(${Math.round(low)}) AND time < make_timestamp_ms(${Math.round(to)})`;
  const place = server === undefined ? 'true' : `starts_with(key || '.', ${quoted(`${server}.`)})`;
  const limits = { time: patienceMs, rows: mostMarks };
  let cut = false;
  const rows = async (sql: string) => {
    try {
      const answer = await history.query(sql, limits);
      cut ||= answer.cut;
      return answer.rows;
    } catch (thrown) {
      // What takes too long, or comes with too many others, is left out, and said.
      if (!(thrown instanceof Reject)) throw thrown;
      cut = true;
      return [];
    }
  };
  const events = await rows(
    `SELECT id, kind, key, epoch_ms(time) AS moment, data::VARCHAR FROM events
      WHERE kind IN ('alert', 'policy', 'command', 'outcome', 'audit') AND ${within(from)} AND ${place} ORDER BY time DESC`,
  );
  const marks = events.flatMap(([id, kind, key, at, data]) => {
    const event = { id: String(id), kind, key: String(key), time: Number(at), data: JSON.parse(String(data)) as unknown } as Event;
    return markOf(event) ?? [];
  });
  if (server === undefined && to - from > longestAllMs) return [marks, true];
  const state = (path: string) => `json_extract_string(data, '$.value.${path}')`;
  const changes = await rows(
    `SELECT * FROM (
        SELECT id, key, epoch_ms(time) AS moment, status, boot, versions, lag(status) OVER own AS was, lag(boot) OVER own AS booted,
          lag(versions) OVER own AS ran
        FROM (SELECT id, key, time, ${state('status')} AS status, ${state('boot')} AS boot,
            json_extract(data, '$.value.versions')::VARCHAR AS versions
          FROM events WHERE kind = 'state' AND contains(key || '.', '.server.') AND ${within(from - repeatedMs)} AND ${place})
        WINDOW own AS (PARTITION BY key ORDER BY time, id))
      WHERE was IS NOT NULL AND status IS NOT NULL AND (status <> was OR boot IS DISTINCT FROM booted OR versions IS DISTINCT FROM ran)
      ORDER BY moment DESC`,
  );
  for (const [id, key, at, status, boot, versions, was, booted, ran] of changes) {
    const event = { id: String(id), key: String(key), time: Number(at) };
    marks.push(...changesOf(event, seenOf(was, booted, ran), seenOf(status, boot, versions)));
  }
  return [marks, cut];
}

const seenOf = (status: unknown, boot: unknown, versions: unknown): Seen => ({
  status: String(status) as Seen['status'],
  boot: String(boot),
  versions: versions === null ? {} : (JSON.parse(String(versions)) as Seen['versions']),
});

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
