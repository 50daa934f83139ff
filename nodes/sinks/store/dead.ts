/** Dead letters as the history holds them: what to ask for them, and what comes of the answer. */
import { type Answer, SluiceError, UsageError } from 'sluice';

export interface DeadLetter {
  readonly id: string;
  /** UTC. */
  readonly time: string;
  /** Where it was refused. */
  readonly host: string;
  readonly node: string;
  /** Of the event that could not be handled. */
  readonly kind: string;
  readonly key: string | null;
  readonly event: string | null;
  readonly reason: string;
}

/** Which to list. `seconds`: how far back. */
export interface Selection {
  readonly node?: string | undefined;
  readonly kind?: string | undefined;
  readonly host?: string | undefined;
  /** Part of the reason, in any case. */
  readonly reason?: string | undefined;
  readonly seconds: number;
}

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const field = (name: string): string => `(data->>'$.${name}')`;
const columns = `time, id, host, ${field('node')} AS node, ${field('kind')} AS kind, ${field('key')} AS key, ${field('id')} AS event, ${field('reason')} AS reason`;

/** The latest first. */
export function listSql({ node, kind, host, reason, seconds }: Selection): string {
  const where = [
    `kind = 'dead' AND time >= now()::TIMESTAMP - to_seconds(${seconds})`,
    ...(node === undefined ? [] : [`${field('node')} = ${text(node)}`]),
    ...(kind === undefined ? [] : [`${field('kind')} = ${text(kind)}`]),
    ...(host === undefined ? [] : [`host = ${text(host)}`]),
    ...(reason === undefined ? [] : [`contains(lower(${field('reason')}), ${text(reason.toLowerCase())})`]),
  ];
  return `SELECT ${columns} FROM events WHERE ${where.join(' AND ')} ORDER BY received DESC, number DESC`;
}

/** One whole, by its id. */
export function showSql(id: string): string {
  if (id.length > 512) throw new UsageError('that is no id; take one of sluice dead list');
  return `SELECT ${columns}, ${field('event')} AS original FROM events WHERE kind = 'dead' AND id = ${text(id)} LIMIT 1`;
}

export const lettersOf = ({ columns: names, rows }: Answer): DeadLetter[] =>
  rows.map((row) => Object.fromEntries(names.map(({ name }, index) => [name, row[index]])) as unknown as DeadLetter);

/** @throws SluiceError when there is none */
export function oneLetter(answer: Answer, id: string): DeadLetter & { readonly original: string } {
  const [letter] = lettersOf(answer);
  if (!letter) throw new SluiceError(`no dead letter ${id} is kept; sluice dead list shows those that are`);
  return letter as DeadLetter & { readonly original: string };
}
